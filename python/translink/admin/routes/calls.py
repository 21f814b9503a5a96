"""`/api/calls…`: the calls, running and ended, and what was said in them."""

from __future__ import annotations

import re
from collections.abc import Collection

import orjson
from aiohttp import web

from translink.admin.http.responses import answer, json, nothing_more
from translink.admin.http.route import Route
from translink.admin.http.slices import fragments, sliced
from translink.admin.panel.console import Console
from translink.admin.panel.exports import FORMATS, with_notices
from translink.admin.routes.requests import CallRequest, requested
from translink.calls.exchange import Refused

CALL_STATES = ("running", "ended", "all")
LONGEST_SEARCH = 200
"""Characters of a text to look for."""


class CallRoutes:
    """Lists, shows, makes and ends calls."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self) -> list[Route]:
        """Its routes, each with the role that it needs."""
        return [
            Route("GET", "/api/calls", "read", self._list),
            Route("POST", "/api/calls", "control", self._create),
            Route("GET", "/api/calls/{call}", "read", self._show),
            Route("DELETE", "/api/calls/{call}", "control", self._delete),
            Route("POST", "/api/calls/{call}/end", "control", self._end),
            Route("GET", "/api/calls/{call}/transcript", "read", self._transcript),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        state = request.query.get("state", "running")
        if state not in CALL_STATES:
            raise web.HTTPBadRequest(reason=f"state should be {', '.join(CALL_STATES)}")
        found: Collection[str] | None = None
        if text := request.query.get("q", "").strip():
            if len(text) > LONGEST_SEARCH:
                reason = f"q should have at most {LONGEST_SEARCH} characters"
                raise web.HTTPBadRequest(reason=reason)
            found = await self._console.search(text)
        rows = [
            orjson.Fragment(json(row))
            async for row in sliced(self._console.calls(state))
            if found is None or row.call in found
        ]
        return answer({"calls": rows})

    async def _create(self, request: web.Request) -> web.Response:
        asked = await requested(request, CallRequest)
        try:
            made = self._console.create_call(asked.wishes(), asked.orders())
        except ValueError as refusal:
            raise web.HTTPBadRequest(reason=str(refusal)) from None
        except Refused as refusal:
            if refusal.busy:
                raise web.HTTPServiceUnavailable(
                    reason=str(refusal), headers={"Retry-After": "5"}
                ) from None
            raise web.HTTPConflict(reason=str(refusal)) from None
        response = answer(made, 201)
        response.headers["Location"] = f"/api/calls/{made.call}"
        return response

    async def _show(self, request: web.Request) -> web.Response:
        try:
            detail = await self._console.call(request.match_info["call"])
        except KeyError:
            raise _no_call() from None
        return answer({**detail, "transcript": await fragments(detail["transcript"])})

    async def _delete(self, request: web.Request) -> web.Response:
        return await self._ended(request.match_info["call"])

    async def _end(self, request: web.Request) -> web.Response:
        await nothing_more(request)
        return await self._ended(request.match_info["call"])

    async def _ended(self, name: str) -> web.Response:
        if not self._console.end_call(name):
            raise _no_call()
        return answer({"ended": name})

    async def _transcript(self, request: web.Request) -> web.Response:
        name = request.match_info["call"]
        kind = request.query.get("format", "json")
        if kind != "json" and kind not in FORMATS:
            raise web.HTTPBadRequest(reason=f"format should be json, {', '.join(FORMATS)}")
        try:
            detail = await self._console.call(name)
        except KeyError:
            raise _no_call() from None
        if kind == "json":
            chosen = {key: value for key, value in detail.items() if key in _TRANSCRIPT}
            response = answer({**chosen, "transcript": await fragments(detail["transcript"])})
        else:
            content_type, make = FORMATS[kind]
            lines = with_notices(detail["transcript"], detail["notices"])
            text = "".join([part async for part in sliced(make(lines))])
            response = web.Response(text=text, content_type=content_type, charset="utf-8")
        file = re.sub(r"[^A-Za-z0-9._-]", "_", f"{name}.{kind}")
        response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
        return response


_TRANSCRIPT = (
    "call",
    "state",
    "began",
    "seconds",
    "languages",
    "notices",
    "transcript",
    "dropped_lines",
)


def _no_call() -> web.HTTPNotFound:
    return web.HTTPNotFound(reason="there is no call of that name")
