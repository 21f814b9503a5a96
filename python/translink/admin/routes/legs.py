"""`/api/legs…`: the legs as they are now, and what can be changed of them while calls run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from aiohttp import web

from translink.admin.http.responses import answer, nothing_more
from translink.admin.http.route import Route
from translink.admin.http.slices import fragments
from translink.admin.panel.console import Console
from translink.admin.routes.requests import LegChange, requested
from translink.observe.views import LegLive


class LegRoutes:
    """Each answers with the state as it now is."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self) -> list[Route]:
        """Its routes, each with the role that it needs."""
        return [
            Route("GET", "/api/legs", "read", self._list),
            Route("GET", "/api/legs/{leg}", "read", self._show),
            Route("PATCH", "/api/legs/{leg}", "control", self._change),
            Route("POST", "/api/legs/{leg}/flush", "control", self._flush),
        ]

    async def _list(self, _: web.Request) -> web.Response:
        return answer({"legs": await fragments(self._each())})

    def _each(self) -> Iterator[LegLive]:
        for name in tuple(self._console.legs()):
            with contextlib.suppress(KeyError):  # it went with its call meanwhile
                yield self._console.leg(name)

    async def _show(self, request: web.Request) -> web.Response:
        try:
            return answer(self._console.leg(request.match_info["leg"]))
        except KeyError:
            raise _no_leg() from None

    async def _change(self, request: web.Request) -> web.Response:
        name = request.match_info["leg"]
        if name not in self._console.legs():
            raise _no_leg()
        change = await requested(request, LegChange)
        try:
            leg = self._console.change_leg(
                name,
                mode=change.mode,
                language=change.language,
                volume=change.volume,
                muted=change.muted,
                original=change.original,
                echo_guard=change.echo_guard,
                keyterm=change.keyterm,
                voice_for=change.voice_for,
                record=change.record,
            )
        except ValueError as refusal:
            raise web.HTTPBadRequest(reason=str(refusal)) from None
        except LookupError:
            # It was there a moment ago: a leg that was created for a call went with it.
            raise _no_leg() from None
        return answer(leg)

    async def _flush(self, request: web.Request) -> web.Response:
        await nothing_more(request)
        name = request.match_info["leg"]
        try:
            return answer({"leg": name, "flushed_ms": self._console.flush(name)})
        except LookupError:
            raise _no_leg() from None


def _no_leg() -> web.HTTPNotFound:
    return web.HTTPNotFound(reason="there is no leg of that name")
