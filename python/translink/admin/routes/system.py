"""`/health`, `/ready`, `/metrics`, `/api/stats`, `/api/settings`, `/api/mode`, `/api/drain`: the program as a
whole."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web

from translink.admin.http.metered import Metered
from translink.admin.http.responses import answer, json
from translink.admin.http.route import Route
from translink.admin.http.shared import Shared
from translink.admin.http.slices import fragments, sliced
from translink.admin.panel.console import Console
from translink.admin.panel.metrics import CONTENT_TYPE, exposition, process_exposition
from translink.admin.routes.openapi_process import OpenapiDocument
from translink.admin.routes.requests import DrainRequest, ModeChange, requested
from translink.calls.totals import Totals

METRICS_AGE = 1.0
"""Seconds for which the text of `/metrics` is given out again."""


class SystemRoutes:
    """What concerns no single call or leg."""

    def __init__(
        self,
        console: Console,
        *,
        known: Callable[[web.Request], bool],
        counts: Callable[[], Mapping[str, int]],
        table: Callable[[], Iterable[Route]],
    ) -> None:
        """`known(request)`: may it see details? `counts()`: of the admin server itself;
        `table()`: all its routes."""
        self._console = console
        self._known = known
        self._counts = counts
        self._openapi = OpenapiDocument(table)
        self._stating = Shared(lambda: Metered(self._state(), self._spent))
        self.seconds = 0.0
        """Time of the loop's thread spent on what several clients may wait for."""
        self._exposing: asyncio.Future[bytes] | None = None
        self._exposed_at = 0.0

    def routes(self) -> list[Route]:
        """Its routes, each with the role that it needs."""
        return [
            Route("GET", "/health", "open", self._health),
            Route("GET", "/ready", "open", self._ready),
            Route("GET", "/metrics", "read", self._metrics),
            Route("GET", "/api/stats", "read", self._stats),
            Route("GET", "/api/settings", "read", self._settings),
            Route("POST", "/api/mode", "control", self._set_mode),
            Route("GET", "/api/drain", "read", self._drain_state),
            Route("POST", "/api/drain", "control", self._drain),
            Route("GET", "/openapi.json", "read", self._document),
        ]

    async def _health(self, request: web.Request) -> web.Response:
        return self._verdict(request, *self._console.health())

    async def _ready(self, request: web.Request) -> web.Response:
        return self._verdict(request, *self._console.ready())

    def _verdict(self, request: web.Request, good: bool, more: Mapping[str, Any]) -> web.Response:
        details = more if self._known(request) else {}
        return answer({"ok": good, **details}, 200 if good else 503)

    async def _stats(self, _: web.Request) -> web.Response:
        return web.Response(body=await self._stating.get(), content_type="application/json")

    async def _state(self) -> bytes:
        """At 1,000 legs a fifth of a second's work and some megabytes: each leg is made, and made to
        JSON, on its own."""
        legs = [
            json(name) + b":" + json(stats)
            async for name, stats in sliced(self._console.leg_stats())
        ]
        measures, totals = self._console.measures(), Totals()
        async for leg in sliced(measures.legs):
            totals.add(leg)
        return json(
            {
                **measures.stats,
                "legs": orjson.Fragment(b"{" + b",".join(legs) + b"}"),
                "totals": {**totals.summary(), **measures.stats["totals"]},
                "admin": self._counts(),
            }
        )

    async def _settings(self, _: web.Request) -> web.Response:
        general, legs = self._console.settings()
        return answer({**general, "legs": await fragments(legs)})

    async def _metrics(self, _: web.Request) -> web.Response:
        """One text a second for all who scrape: at 1,000 legs it takes half a second to make."""
        if self._exposing is None or (
            self._exposing.done() and time.monotonic() - self._exposed_at >= METRICS_AGE
        ):
            self._exposed_at = time.monotonic()
            self._exposing = asyncio.ensure_future(Metered(self._expose(), self._spent))
        body = await asyncio.shield(self._exposing)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    async def _expose(self) -> bytes:
        measures = self._console.measures()
        process = await asyncio.to_thread(process_exposition)
        stats = {**measures.stats, "admin": self._counts()}
        measures = replace(measures, stats=stats, process=process)
        return b"".join([piece async for piece in sliced(exposition(measures))])

    def _spent(self, seconds: float) -> None:
        self.seconds += seconds

    async def _document(self, _: web.Request) -> web.Response:
        return web.Response(body=await self._openapi.get(), content_type="application/json")

    async def _set_mode(self, request: web.Request) -> web.Response:
        change = await requested(request, ModeChange)
        try:
            self._console.set_mode(change.mode, change.leg, change.share)
        except KeyError:
            raise web.HTTPNotFound(reason="there is no leg of that name") from None
        return answer({"mode": change.mode, "leg": change.leg, "share": change.share})

    async def _drain_state(self, _: web.Request) -> web.Response:
        return answer(self._console.drain_state())

    async def _drain(self, request: web.Request) -> web.Response:
        wish = await requested(request, DrainRequest)
        return answer(await self._console.drain(wish.limit, wish.hand_over))
