"""ARI on the wire, we connect: the event socket, and a request of HTTP for whatever the controller wants.

Events of one application come over one WebSocket. It is opened anew when it breaks, and closed calls
are noticed then; when another client takes the application over it is left alone until nobody has it, since
two that reconnect would take it from each other for ever. While Asterisk boots, 404 and then 503 are usual.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import TYPE_CHECKING

import aiohttp
import structlog

from translink.pbx.wire import (
    ARI_HEARTBEAT,
    ARI_REQUEST_TIME,
    FINISH,
    LONGEST_EVENT,
    AriWire,
    EventSocket,
    message_of,
)
from translink.trust import authorities

if TYPE_CHECKING:
    from translink.pbx.controller import Controller
    from translink.pbx.errands import AriRequest

log = structlog.get_logger("translink")

RETRY_FIRST, RETRY_LAST = 0.25, 2.0
"""Seconds between two attempts to connect."""
ARI_REQUESTS_AT_ONCE = 16
"""Requests; more wait for a connection."""


class AriClient(AriWire):
    """Keeps a controller and its Asterisk in touch."""

    def __init__(self, url: str, user: str, password: str, controller: Controller) -> None:
        super().__init__(controller)
        self._url = url.rstrip("/") + "/ari"
        self._auth = aiohttp.encode_basic_auth(user, password)
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Task[None] | None = None
        self._said = ""
        self._socket: EventSocket | None = None

    async def start(self) -> None:
        """Connect, now and whenever it is lost."""
        self._session = aiohttp.ClientSession(
            headers={"Authorization": self._auth},
            timeout=aiohttp.ClientTimeout(total=ARI_REQUEST_TIME),
            connector=aiohttp.TCPConnector(ssl=authorities(), limit=ARI_REQUESTS_AT_ONCE),
        )
        self._listening = asyncio.create_task(self._listen(), name="ari")

    async def release(self) -> None:
        """See `AriWire`: it has none."""

    async def close(self) -> None:
        """Hang up everybody and leave."""
        if self._session is None:
            return
        self.controller.close(time.monotonic())
        self.pump()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        for task in (*self._tasks, *([self._listening] if self._listening else [])):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.no_timer()
        await self._session.close()

    def send(self, request: AriRequest) -> None:
        """See `AriWire`."""
        task = asyncio.create_task(self._ask(request), name=f"ari-{request.number}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def event_socket(self) -> EventSocket | None:
        """See `AriWire`."""
        return self._socket

    async def _ask(self, request: AriRequest) -> None:
        assert self._session is not None
        status, body = 0, None
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
            async with self._session.request(
                request.method, self._url + request.path, params=request.query
            ) as answer:
                text = await answer.text()
                status = answer.status
                body = json.loads(text) if text else None
        self.answered(request, status, body)

    async def _listen(self) -> None:
        pause = RETRY_FIRST
        while True:
            began = time.monotonic()
            try:
                await self._events()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self._complain(error)
            if self.connected:
                self.detached()
                log.warning("the event socket to Asterisk is closed: calls go on, trying again")
            # Another client's. The controller looks whether it still is.
            while self.controller.replaced and not self.controller.vacant:  # noqa: ASYNC110
                await asyncio.sleep(RETRY_LAST)
            pause = RETRY_FIRST if time.monotonic() - began > 5.0 else min(2 * pause, RETRY_LAST)
            await asyncio.sleep(pause)

    async def _events(self) -> None:
        assert self._session is not None
        url = f"{self._url}/events"
        async with self._session.ws_connect(
            url,
            params={"app": self.controller.app},
            heartbeat=ARI_HEARTBEAT,
            max_msg_size=LONGEST_EVENT,
        ) as socket:
            self._said, self._socket = "", socket
            log.info("connected to Asterisk", url=self._url, app=self.controller.app)
            self.attached()
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT and (event := message_of(message.data)):
                    self.happened(event)

    def _complain(self, error: Exception) -> None:
        """Once for each reason."""
        self.troubled(_reason(error))
        if self.last_error != self._said:
            self._said = self.last_error
            log.warning("no connection to Asterisk, trying again", url=self._url, reason=self._said)


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.WSServerHandshakeError):
        means = {
            401: "wrong ari.user or ari.password",
            404: "ARI is not there (yet): ari.conf enabled = yes, module res_ari_events",
            503: "Asterisk is still booting",
        }
        return f"{error.status}: {means.get(error.status, error.message)}"
    return str(error) or type(error).__name__
