"""`/api/legs/{leg}/audio`: listening in, over a WebSocket, where the settings allow it.

Binary messages of s16le, 16 kHz, mono, ten a second while there is sound. The call is marked as
listened to in the meantime, and the journal says so; with the call it ends. Bounds: `MOST_LISTENERS` listeners; a
listener that takes nothing for `LISTENER_PATIENCE` seconds is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import WSCloseCode, web

from translink.admin.http.route import Route
from translink.admin.panel.console import Console
from translink.admin.routes.sockets import Sockets, close, either, left
from translink.calls.tap import Lane, Tap

MOST_LISTENERS = 16
SEND_PERIOD = 0.1
LISTENER_PATIENCE = 2.0


class AudioStreams:
    """The WebSockets of all operators who listen in."""

    def __init__(self, console: Console) -> None:
        self.sockets = Sockets(
            MOST_LISTENERS, f"{MOST_LISTENERS} are listening already", longest=128
        )
        self._console = console

    def routes(self) -> list[Route]:
        """Its routes, each with the role that it needs."""
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
        if leg not in self._console.legs():
            raise web.HTTPNotFound(reason="there is no leg of that name")
        async with self.sockets.open(request) as stream:
            try:
                tap = self._console.tap(leg, lane)
            except LookupError:
                await close(stream, WSCloseCode.GOING_AWAY, "the leg is gone")
                return stream
            with contextlib.closing(tap):
                why = await either(left(stream), _write(stream, tap))
            await close(stream, WSCloseCode.GOING_AWAY, why or "")
        return stream


async def _write(stream: web.WebSocketResponse, tap: Tap) -> str:
    """Why there is no more. Raises `TimeoutError`: the listener took nothing."""
    while True:
        await asyncio.sleep(SEND_PERIOD)
        try:
            pcm = tap.read()
        except (LookupError, RuntimeError):
            return "the call is over"  # or the leg is gone, or all of them
        if pcm:
            async with asyncio.timeout(LISTENER_PATIENCE):
                await stream.send_bytes(pcm)
