"""`/api/legs/{leg}/audio`: listening in, over a WebSocket, where the settings allow it.

Binary messages of s16le, 16 kHz, mono, ten a second while there is sound. The call is marked as
listened to in the meantime, and the journal says who began and ceased. Bounds: `MOST` listeners; a
listener that takes nothing for `PATIENCE` seconds is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import WSCloseCode, web

from translink.admin.access import EVENTS_PROTOCOL
from translink.admin.routes import Route
from translink.admin.source import AdminSource, Lane, Listening

MOST = 16
PERIOD = 0.1
PATIENCE = 2.0


class AudioStreams:
    """All who listen in."""

    def __init__(self, source: AdminSource) -> None:
        self._source = source
        self._open: set[web.WebSocketResponse] = set()

    def routes(self) -> list[Route]:
        """The table."""
        return [Route("GET", "/api/legs/{leg}/audio", "listen", self.serve)]

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Handler of the route."""
        lane: Lane
        match request.query.get("of", "said"):
            case "said":
                lane = "said"
            case "heard":
                lane = "heard"
            case _:
                raise web.HTTPBadRequest(reason="of should be said, heard")
        leg = request.match_info["leg"]
        if leg not in self._source.legs():
            raise web.HTTPNotFound(reason="there is no leg of that name")
        if len(self._open) >= MOST:
            raise web.HTTPServiceUnavailable(reason=f"{MOST} are listening already")
        stream = web.WebSocketResponse(
            protocols=(EVENTS_PROTOCOL,), heartbeat=20.0, max_msg_size=128, compress=False
        )
        self._open.add(stream)
        try:
            await stream.prepare(request)
            try:
                tap = self._source.tap(leg, lane)
            except LookupError:
                await stream.close(code=WSCloseCode.GOING_AWAY, message=b"the leg is gone")
                return stream
            with contextlib.closing(tap):
                reading = asyncio.create_task(_read(stream))
                writing = asyncio.create_task(_write(stream, tap))
                try:
                    await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in (reading, writing):
                        task.cancel()
                    await asyncio.gather(reading, writing, return_exceptions=True)
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(1.0):
                    await stream.close(code=WSCloseCode.GOING_AWAY)
        finally:
            self._open.discard(stream)
        return stream

    def __len__(self) -> int:
        """How many."""
        return len(self._open)

    async def close(self, _: web.Application | None = None) -> None:
        """The server goes down."""
        for stream in tuple(self._open):
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(1.0):
                    await stream.close(code=WSCloseCode.GOING_AWAY, message=b"shutting down")


async def _read(stream: web.WebSocketResponse) -> None:
    """Listeners have nothing to say; reading notices that they left."""
    async for _ in stream:
        pass


async def _write(stream: web.WebSocketResponse, tap: Listening) -> None:
    while True:
        await asyncio.sleep(PERIOD)
        try:
            pcm = tap.read()
        except (LookupError, RuntimeError):
            return  # the leg is gone, or all of them
        if pcm:
            async with asyncio.timeout(PATIENCE):
                await stream.send_bytes(pcm)
