"""The way into every service: is the key right, is there room, what does the fault script say."""

from __future__ import annotations

import asyncio
import hmac
import uuid
from collections import Counter
from collections.abc import AsyncIterable, Iterator, Mapping
from contextlib import contextmanager

import orjson
from aiohttp import web

from translink.offline.hooks import (
    CHAT,
    LISTEN,
    PRERECORDED,
    SPEAK,
    SPEAK_LIVE,
    SPEECH,
    TRANSCRIPTIONS,
    TRANSLATE,
    Ask,
    Connection,
    Faults,
    Refusal,
    Reset,
    reset_transport,
)
from translink.offline.messages import Json, deepgram_error, deepl_error, openai_error

PLAN_LIMITS: Mapping[str, int] = {
    LISTEN: 150,
    PRERECORDED: 50,
    SPEAK: 15,
    SPEAK_LIVE: 45,
    TRANSLATE: 100,
    CHAT: 100,
    SPEECH: 15,
    TRANSCRIPTIONS: 50,
}
"""Requests at once, as Deepgram's pay-as-you-go plan has them (2026); beyond: 429."""


class Denied(Exception):
    """A request that gets an error of the shape that its service's have."""

    def __init__(self, status: int, message: str | None = None) -> None:
        super().__init__(message or str(status))
        self.status = status
        self.message = message


class OfflineAdmission:
    """Shared by all handlers of one server. Counts everything that goes through it."""

    def __init__(self, faults: Faults, limits: Mapping[str, int] | None, key: str | None) -> None:
        """`key`: the only one that is let in; None = any but `invalid`, for tests."""
        self.faults = faults
        self._limits = {**PLAN_LIMITS, **(limits or {})}
        self._key = key
        self._numbers: Counter[str] = Counter()
        self._active: Counter[str] = Counter()
        self._most: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self.open: set[Connection] = set()
        """WebSockets open now."""

    def opened(self, connection: Connection) -> None:
        """A WebSocket is open."""
        self.open.add(connection)

    def closed(self, connection: Connection) -> None:
        """It is not any more. Idempotent."""
        self.open.discard(connection)

    def stats(self) -> dict[str, dict[str, int]]:
        """Per service: requests, active, most (at once), refused. Handshakes are requests of
        `listen`.
        """
        return {
            service: {
                "requests": self._numbers[service],
                "active": self._active[service],
                "most": self._most[service],
                "refused": self._refused[service],
            }
            for service in self._limits
        }

    def ask(self, service: str, request: web.Request) -> Ask:
        """Name a request for the hooks and count it."""
        number = self._numbers[service]
        self._numbers[service] += 1
        peer = request.transport and request.transport.get_extra_info("peername")
        return Ask(
            service=service,
            number=number,
            query=dict(request.query),
            headers=dict(request.headers),
            peer=f"{peer[0]}:{peer[1]}" if peer else "",
        )

    def authorise(self, request: web.Request) -> None:
        """Raises `Denied` 401 for a wrong key."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            protocols = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
            scheme, key = protocols[0].strip(), ",".join(protocols[1:]).strip()
        if scheme.lower() not in ("token", "bearer") or not self._is_right(key.strip()):
            raise Denied(401)

    def authorise_deepl(self, request: web.Request) -> None:
        """Raises `Denied` 403, as deepl-mock does for an empty or `invalid` key."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme != "DeepL-Auth-Key" or not self._is_right(key.strip()):
            raise Denied(403)

    def _is_right(self, key: str) -> bool:
        if self._key is None:
            return key not in ("", "invalid")
        return hmac.compare_digest(key.encode(), self._key.encode())

    @contextmanager
    def room(self, service: str) -> Iterator[None]:
        """One of the service's places; raises `Denied` 429 when all are taken."""
        if self._active[service] >= self._limits[service]:
            self._refused[service] += 1
            raise Denied(429)
        self._active[service] += 1
        self._most[service] = max(self._most[service], self._active[service])
        try:
            yield
        finally:
            self._active[service] -= 1

    def denied(self, service: str, denied: Denied, request_id: str) -> web.Response:
        """The answer to a request that went wrong."""
        return self.refusal(service, Refusal(denied.status), request_id, denied.message)

    def refusal(
        self, service: str, refusal: Refusal, request_id: str, message: str | None = None
    ) -> web.Response:
        """A refusal in the shape of the service's provider."""
        headers = dict(refusal.headers)
        body = refusal.body
        if service in (CHAT, SPEECH, TRANSCRIPTIONS):
            headers.setdefault("x-request-id", request_id)
            if body is None:
                body = orjson.dumps(openai_error(refusal.status, message))
        elif service == TRANSLATE:
            headers.setdefault("X-Trace-ID", request_id.replace("-", ""))
            if body is None:
                content = deepl_error(refusal.status, message)
                body = b"" if content is None else orjson.dumps(content)
        else:
            content = deepgram_error(refusal.status, request_id, message)
            headers.setdefault("dg-request-id", request_id)
            if service in (LISTEN, SPEAK_LIVE):
                headers.setdefault("dg-error", str(content["err_msg"]))
            if body is None:
                body = orjson.dumps(content)
        return web.Response(
            status=refusal.status, headers=headers, body=body, content_type="application/json"
        )

    async def answer(
        self, ask: Ask, request: web.Request, content: Json, **headers: str
    ) -> web.StreamResponse:
        """A whole JSON answer, through the `chunk` hook."""
        response = web.StreamResponse(headers={k.replace("_", "-"): v for k, v in headers.items()})
        response.content_type = "application/json"
        body = orjson.dumps(content)
        response.content_length = len(body)

        async def once() -> AsyncIterable[bytes]:
            yield body

        return await self.stream(ask, request, response, once())

    async def stream(
        self,
        ask: Ask,
        request: web.Request,
        response: web.StreamResponse,
        body: AsyncIterable[bytes],
    ) -> web.StreamResponse:
        """Send `body` piece by piece, each through the `chunk` hook. None from the hook breaks the
        connection.
        """
        await response.prepare(request)
        index = 0
        async for data in body:
            passed = await self.faults.chunk(ask, index, data)
            index += 1
            if passed is None or len(passed) < len(data):
                if passed:
                    await response.write(passed)
                    await asyncio.sleep(
                        0.01
                    )  # let what was passed leave before the connection breaks
                if request.transport is not None:
                    request.transport.close()
                return response
            await response.write(passed)
        await response.write_eof()
        return response


def request_id() -> str:
    """A new id, as the services give each request."""
    return str(uuid.uuid4())


def broken(request: web.Request) -> web.Response:
    """Reset the request's connection; the response returned goes nowhere."""
    reset_transport(request.transport)
    return web.Response(status=500)


__all__ = ["PLAN_LIMITS", "Denied", "OfflineAdmission", "Reset", "broken", "request_id"]
