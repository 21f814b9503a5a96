"""`/api/events`: the journal as it is written, one JSON object a WebSocket message.

`?leg=3333` or `?call=…` narrows it down. Bounds: `MOST` streams at once, the next gets 503; a
client that takes no data for `PATIENCE` seconds, or falls behind what its feed queues, is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from translink import __version__
from translink.admin.access import EVENTS_PROTOCOL
from translink.admin.routes import Route
from translink.admin.source import AdminSource, EventFeed

MOST = 64
PATIENCE = 5.0
HEARTBEAT = 20.0


class EventStreams:
    """All open event streams."""

    def __init__(self, source: AdminSource) -> None:
        self._source = source
        self._open: set[web.WebSocketResponse] = set()

    def routes(self) -> list[Route]:
        """The table."""
        return [Route("GET", "/api/events", "read", self.serve)]

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Handler of the route."""
        if len(self._open) >= MOST:
            raise web.HTTPServiceUnavailable(reason=f"{MOST} event streams are open already")
        stream = web.WebSocketResponse(
            protocols=(EVENTS_PROTOCOL,), heartbeat=HEARTBEAT, max_msg_size=4_096, compress=False
        )
        await stream.prepare(request)
        feed = self._source.subscribe(call=request.query.get("call"), leg=request.query.get("leg"))
        self._open.add(stream)
        # Either side may end it: the client by closing, the feed by running dry.
        reading = asyncio.create_task(_read(stream))
        writing = asyncio.create_task(_write(stream, feed))
        try:
            await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            feed.close()
            for task in (reading, writing):
                task.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
            self._open.discard(stream)
            if not stream.closed:
                await _close(stream, feed)
        return stream

    def __len__(self) -> int:
        """How many."""
        return len(self._open)

    async def close(self, _: web.Application | None = None) -> None:
        """The server goes down: tell every client."""
        for stream in tuple(self._open):
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(1.0):
                    await stream.close(code=WSCloseCode.GOING_AWAY, message=b"shutting down")


async def _read(stream: web.WebSocketResponse) -> None:
    """Clients have nothing to say; reading notices that they left."""
    async for message in stream:
        if message.type is WSMsgType.ERROR:
            return


async def _write(stream: web.WebSocketResponse, feed: EventFeed) -> None:
    await _send(stream, {"type": "hello", "at": time.time(), "version": __version__})
    async for event in feed:
        await _send(stream, event.as_dict())


async def _send(stream: web.WebSocketResponse, value: object) -> None:
    async with asyncio.timeout(PATIENCE):
        await stream.send_str(orjson.dumps(value, default=str).decode())


async def _close(stream: web.WebSocketResponse, feed: EventFeed) -> None:
    reason = feed.cut_off
    code = WSCloseCode.TRY_AGAIN_LATER if reason else WSCloseCode.GOING_AWAY
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(1.0):
            await stream.close(code=code, message=(reason or "").encode()[:120])
