"""`/api/calls…`: the calls."""

from __future__ import annotations

from aiohttp import web

from translink.admin.answers import answer, must_be_json
from translink.admin.routes import Route
from translink.admin.source import AdminSource


class CallRoutes:
    """Lists, shows and ends calls."""

    def __init__(self, source: AdminSource) -> None:
        self._source = source

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("GET", "/api/calls", "read", self._list),
            Route("POST", "/api/calls/{call}/end", "control", self._end),
        ]

    async def _list(self, _: web.Request) -> web.Response:
        return answer({"calls": self._source.calls()})

    async def _end(self, request: web.Request) -> web.Response:
        must_be_json(request)
        name = request.match_info["call"]
        if not await self._source.end_call(name):
            raise web.HTTPNotFound(reason="there is no call of that name")
        return answer({"ended": name})
