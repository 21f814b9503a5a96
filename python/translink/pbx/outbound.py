"""ARI on the wire, Asterisk connects: events and requests over one WebSocket, and no port open on the PBX.

Asterisk 22.5 and later: a `websocket_client` and an `outbound_websocket` that names our application. It
connects again by itself. REST goes over the same socket: `RESTRequest` there, `RESTResponse` back
(ARI's `events.json`). A second connection takes the place of the first: that one may be dead and not know it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import socket
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import aiohttp
import structlog
from aiohttp import web

from translink.pbx.errands import AriRequest
from translink.pbx.wire import (
    ARI_HEARTBEAT,
    ARI_REQUEST_TIME,
    FINISH,
    LONGEST_EVENT,
    AriWire,
    EventSocket,
    message_of,
)

if TYPE_CHECKING:
    from translink.pbx.controller import Controller
    from translink.settings.types import Address

log = structlog.get_logger("translink")

PATH = "/ari"
OUTBOUND_BACKLOG = 16
REFUSED_AGAIN = 60.0
"""Seconds until somebody who may not is in the log again."""


class AriListener(AriWire):
    """Listens for the WebSocket that Asterisk opens to us."""

    def __init__(self, at: Address, user: str, password: str, controller: Controller) -> None:
        """Binds. Raises `OSError`."""
        super().__init__(controller)
        family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
        self._server = socket.socket(family, socket.SOCK_STREAM)
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._server.bind(at)
        except OSError:
            self._server.close()
            raise
        host, port = self._server.getsockname()[:2]
        self.address: tuple[str, int] = (host, port)
        self._wanted = aiohttp.encode_basic_auth(user, password).encode()
        self._runner: web.AppRunner | None = None
        self._site: web.SockSite | None = None
        self._socket: web.WebSocketResponse | None = None
        self._writing: set[asyncio.Task[None]] = set()
        self._asked: dict[int, tuple[AriRequest, asyncio.TimerHandle]] = {}
        """By number."""
        self._refused_at = -REFUSED_AGAIN

    async def start(self) -> None:
        """Take connections."""
        app = web.Application()
        app.router.add_get(PATH, self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=FINISH)
        await self._runner.setup()
        self._site = web.SockSite(self._runner, self._server, backlog=OUTBOUND_BACKLOG)
        await self._site.start()
        host, port = self.address
        log.info("waiting for Asterisk to connect", listens=f"{host}:{port}{PATH}")

    async def release(self) -> None:
        """See `AriWire`."""
        if self._site is not None:
            site, self._site = self._site, None
            await site.stop()

    async def close(self) -> None:
        """Hang up everybody and leave."""
        if self._runner is None:
            return
        self.controller.close(time.monotonic())
        self.pump()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH):
                while self._asked:  # noqa: ASYNC110 - the answers come in another task
                    await asyncio.sleep(0.02)
        self._give_up()
        self.no_timer()
        if self._socket is not None:
            await self._socket.close()
        await self._runner.cleanup()
        self.no_timer()

    def send(self, request: AriRequest) -> None:
        """See `AriWire`."""
        loop = asyncio.get_running_loop()
        # Without a connection nobody answers; later, as ever.
        within = ARI_REQUEST_TIME if self._socket is not None else 0.0
        timer = loop.call_later(within, self._answer, request.number, 0, None)
        self._asked[request.number] = request, timer
        if self._socket is not None:
            task = asyncio.create_task(self._write(self._socket, request))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    def event_socket(self) -> EventSocket | None:
        """See `AriWire`."""
        return self._socket

    async def _write(self, to: web.WebSocketResponse, request: AriRequest) -> None:
        with contextlib.suppress(OSError, RuntimeError):  # it is lost: the time runs out
            await to.send_str(json.dumps(_rest(request)))

    def _answer(self, number: int, status: int, body: object) -> None:
        asked = self._asked.pop(number, None)
        if asked is not None:
            request, timer = asked
            timer.cancel()
            self.answered(request, status, body)

    def _give_up(self) -> None:
        """Nobody will answer what was asked."""
        for number in tuple(self._asked):
            self._answer(number, 0, None)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        shown = request.headers.get("Authorization", "").encode(errors="replace")
        if not hmac.compare_digest(shown, self._wanted):
            self._refuse(request.remote, "wrong user or password, or none")
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Basic"})
        connection = web.WebSocketResponse(
            protocols=("ari",), heartbeat=ARI_HEARTBEAT, max_msg_size=LONGEST_EVENT
        )
        await connection.prepare(request)
        before, self._socket = self._socket, connection
        if before is not None:
            log.warning("Asterisk connects a second time: the first connection is closed")
            self._lost()
            await before.close()
        log.info("connected to Asterisk", peer=request.remote, app=self.controller.app)
        self.attached()
        try:
            async for message in connection:
                if message.type is aiohttp.WSMsgType.TEXT and (
                    received := message_of(message.data)
                ):
                    self._take(received)
        finally:
            if self._socket is connection:
                self._socket = None
                self._lost()
                log.warning("Asterisk has closed the event socket: calls go on, it will be back")
        return connection

    def _lost(self) -> None:
        self._give_up()
        self.detached()

    def _take(self, received: Mapping[str, object]) -> None:
        if received.get("type") != "RESTResponse":
            self.happened(dict(received))
            return
        number, status = str(received.get("request_id", "")), received.get("status_code")
        text = received.get("message_body")
        body: object = None
        if isinstance(text, str) and text:
            with contextlib.suppress(ValueError):
                body = json.loads(text)
        if number.isdecimal() and isinstance(status, int):
            self._answer(int(number), status, body)

    def _refuse(self, peer: str | None, reason: str) -> None:
        """Said once a minute at most: the attempts may go on."""
        self.troubled(reason)
        now = time.monotonic()
        if now - self._refused_at >= REFUSED_AGAIN:
            self._refused_at = now
            log.warning("a connection for ARI is refused", peer=peer, reason=reason)


def _rest(request: AriRequest) -> dict[str, object]:
    return {
        "type": "RESTRequest",
        "transaction_id": str(request.number),
        "request_id": str(request.number),
        "method": request.method,
        "uri": request.path.lstrip("/"),
        "query_strings": [{"name": key, "value": value} for key, value in request.query.items()],
    }
