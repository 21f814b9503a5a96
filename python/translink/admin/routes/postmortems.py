"""`/api/calls/{call}/record` and `/postmortem`: a call's figures, and what they mean."""

from __future__ import annotations

import re

from aiohttp import web

from translink.admin.http.responses import answer
from translink.admin.http.route import Route
from translink.admin.panel.console import Console
from translink.observe.postmortem.report import explain_call
from translink.observe.record import CallRecord


class PostmortemRoutes:
    """Serves a call's record and what explains it."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self) -> list[Route]:
        """Its routes, each with the role that it needs."""
        return [
            Route("GET", "/api/calls/{call}/record", "read", self._record),
            Route("GET", "/api/calls/{call}/postmortem", "read", self._postmortem),
        ]

    async def _record(self, request: web.Request) -> web.Response:
        record = await self._find(request)
        response = answer(record)
        file = re.sub(r"[^A-Za-z0-9._-]", "_", f"{record.call}.record.json")
        response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
        return response

    async def _postmortem(self, request: web.Request) -> web.Response:
        return answer(explain_call(await self._find(request)))

    async def _find(self, request: web.Request) -> CallRecord:
        try:
            return await self._console.record(request.match_info["call"])
        except KeyError:
            raise web.HTTPNotFound(reason="there is no call of that name") from None
