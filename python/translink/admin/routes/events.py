"""`/api/events`: the journal as it is written, one JSON object a WebSocket message;
`/api/events/recent`: what it has kept.

`?leg=3333` or `?call=…` narrows it down. Bounds: `MOST_STREAMS` streams at once, the next gets 503; a
client that takes no data for `SEND_PATIENCE` seconds, or falls behind what its subscription queues,
is closed with 1013 and the reason.
"""

from __future__ import annotations

import asyncio

import orjson
from aiohttp import WSCloseCode, web

from translink import __version__
from translink.admin.http.responses import answer
from translink.admin.http.route import Route
from translink.admin.panel.console import Console
from translink.admin.routes.sockets import (
    SEND_PATIENCE,
    TOOK_NOTHING,
    Sockets,
    close,
    either,
    left,
)
from translink.observe.journal import Subscription
from translink.process.clock import unix

MOST_STREAMS = 64
RECENT_EVENTS = 200
"""Events in one answer."""


class EventStreams:
    """All open event streams."""

    def __init__(self, console: Console) -> None:
        self.sockets = Sockets(
            MOST_STREAMS, f"{MOST_STREAMS} event streams are open already", longest=4_096
        )
        self._console = console

    def routes(self) -> list[Route]:
        """Its routes, each with the role that it needs."""
        return [
            Route("GET", "/api/events", "read", self.serve),
            Route("GET", "/api/events/recent", "read", self.recent),
        ]

    async def recent(self, request: web.Request) -> web.Response:
        """The newest `RECENT_EVENTS` events, oldest first, of `?call=…`, of no call (`?call=`), or all."""
        events = self._console.recent(request.query.get("call"), RECENT_EVENTS)
        return answer({"events": [event.as_dict() for event in events]})

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Handler of the route."""
        async with self.sockets.open(request) as stream:
            query = request.query
            subscription = self._console.subscribe(call=query.get("call"), leg=query.get("leg"))
            try:
                behind = await either(left(stream), _write(stream, subscription))
            finally:
                subscription.close()
            code = WSCloseCode.TRY_AGAIN_LATER if behind else WSCloseCode.GOING_AWAY
            await close(stream, code, behind or "")
        return stream


async def _write(stream: web.WebSocketResponse, subscription: Subscription) -> str | None:
    """Why it cannot be told the rest."""
    try:
        await _send(stream, {"type": "hello", "at": unix(), "version": __version__})
        async for event in subscription:
            await _send(stream, event.as_dict())
    except TimeoutError:
        return TOOK_NOTHING
    return subscription.cut_off


async def _send(stream: web.WebSocketResponse, value: object) -> None:
    async with asyncio.timeout(SEND_PATIENCE):
        await stream.send_str(orjson.dumps(value, default=str).decode())
