"""The WebSockets of one route: bounded in number, each served from both ends, closed together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import TypeVar

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from translink.admin.access.roles import EVENTS_PROTOCOL

log = structlog.get_logger("translink.admin")
T = TypeVar("T")

SOCKET_HEARTBEAT = 20.0
CLOSING_TIME = 1.0
"""Seconds for a client to take the closing frame."""
SEND_PATIENCE = 5.0
"""Seconds that a client may take nothing."""
TOOK_NOTHING = f"took no data for {SEND_PATIENCE:.0f} s"
"""What such a client is told."""


class Sockets:
    """All open WebSockets of a route."""

    def __init__(self, most: int, full: str, *, longest: int) -> None:
        """Beyond `most` a client gets 503 and `full`. `longest` = bytes of a client's message."""
        self.most = most
        """At once."""
        self._full = full
        self._longest = longest
        self._taken = 0
        self._open: set[web.WebSocketResponse] = set()

    def __len__(self) -> int:
        """How many, those that shake hands included."""
        return self._taken

    @contextlib.asynccontextmanager
    async def open(self, request: web.Request) -> AsyncIterator[web.WebSocketResponse]:
        """Shake hands; the socket is one of these until the context is left. Raises 503."""
        if self._taken >= self.most:
            raise web.HTTPServiceUnavailable(reason=self._full)
        self._taken += 1
        socket = web.WebSocketResponse(
            protocols=(EVENTS_PROTOCOL,),
            heartbeat=SOCKET_HEARTBEAT,
            max_msg_size=self._longest,
            compress=False,
        )
        try:
            await socket.prepare(request)
            self._open.add(socket)
            yield socket
        finally:
            self._open.discard(socket)
            self._taken -= 1

    async def close(self, _: web.Application | None = None) -> None:
        """The server goes down: tell every client, all at once. One that vanished takes `CLOSING_TIME`."""
        goodbye = (close(each, WSCloseCode.GOING_AWAY, "shutting down") for each in self._open)
        await asyncio.gather(*goodbye)


async def either(
    reading: Coroutine[None, None, None], writing: Coroutine[None, None, T]
) -> T | None:
    """Run both until one of them ends, however it ends: the client by leaving, or our side by
    having no more to say. What our side returned, or None: the client left, or could not be told more."""
    writer = asyncio.create_task(writing)
    tasks = (asyncio.create_task(reading), writer)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            # A client that left or took nothing is no bug; the rest would look like a plain close.
            if isinstance(outcome, Exception) and not isinstance(outcome, OSError):
                log.error("a bug in a stream of the admin server", exc_info=outcome)
    return None if writer.cancelled() or writer.exception() else writer.result()


async def left(socket: web.WebSocketResponse) -> None:
    """Clients of such a stream have nothing to say; reading notices that they left."""
    async for message in socket:
        if message.type is WSMsgType.ERROR:
            return


async def close(socket: web.WebSocketResponse, code: int, reason: str = "") -> None:
    """Say goodbye, bounded in time and length. Nothing happens to one that is closed."""
    if socket.closed:
        return
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(CLOSING_TIME):
            await socket.close(code=code, message=reason.encode()[:120])
