"""What a face answers: for each route of a node, the same of all nodes.

Three kinds: what there is one of in each node, made into one (`sums`, `exposition`); what concerns one call or
leg, asked of the node that has it, whose answer is handed on as it is; and orders to the whole, given to all.
Answers of the first kind name in `silent` the nodes that did not answer.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from aiohttp import web

from translink.admin.access.guard import is_known
from translink.admin.http.responses import answer
from translink.admin.http.route import Route
from translink.admin.http.slices import sliced
from translink.admin.panel.metrics import CONTENT_TYPE, admin_exposition
from translink.admin.routes.events import RECENT_EVENTS
from translink.admin.routes.openapi_process import OpenapiDocument
from translink.admin.routes.requests import DrainRequest, LegChange, ModeChange, parsed, requested
from translink.face import sums
from translink.face.exposition import merged
from translink.face.peers import (
    HAND_OVER_TIME,
    NODE_ANSWER_TIME,
    SCRAPE_TIME,
    NodeReply,
    Peers,
    refusals,
)
from translink.face.placing import Placing
from translink.observe.journal import Journal

FRONT_LABEL: Final = "front"
"""Stands in `/metrics` for a node's name where the figures are the face's own."""

log = structlog.get_logger("translink.face")


class FaceRoutes:
    """All but the streams."""

    def __init__(
        self,
        peers: Peers,
        placing: Placing,
        journal: Journal,
        *,
        settings: Callable[[], Mapping[str, Any]] = dict,
        lacks: Callable[[], Mapping[str, Any]] = dict,
        one_disk: bool = False,
        counts: Callable[[], Mapping[str, int]] = dict,
        url: Callable[[], str] = str,
        move: Callable[[], None] = lambda: None,
        table: Callable[[], list[Route]] = list,
    ) -> None:
        """Args:
        settings: of the whole, laid over what the nodes say of theirs.
        lacks: why the whole is not ready although a node may be; empty: nothing.
        one_disk: the nodes record into the same folder.
        counts: connections, streams and refusals of this server; empty: a node says them with its own.
        url: where this is reached.
        move: have this reached elsewhere: another process takes its place.
        table: all routes, for `/openapi.json`.
        """
        self.on_mode: Callable[[ModeChange], None] = lambda _: None
        """Called with each change that was given to all, or to the leg that it names."""
        self.on_drain: Callable[[], None] = lambda: None
        """Called before the nodes are asked to drain."""
        self._peers = peers
        self._placing = placing
        self._journal = journal
        self._settings = settings
        self._lacks = lacks
        self._one_disk = one_disk
        self._counts = counts
        self._url = url
        self._move = move
        self._handed_over = False
        self._openapi = OpenapiDocument(table)

    def routes(self) -> list[Route]:
        """The table: paths and roles are those of a node."""
        each_of_a_call = [
            Route("GET", f"/api/calls/{{call}}{more}", "read", self._by_call)
            for more in ("", "/transcript", "/record", "/postmortem")
        ]
        return [
            Route("GET", "/health", "open", self._health),
            Route("GET", "/ready", "open", self._ready),
            Route("GET", "/metrics", "read", self._metrics),
            Route("GET", "/api/stats", "read", self._stats),
            Route("GET", "/api/settings", "read", self._all_settings),
            Route("POST", "/api/mode", "control", self._mode),
            Route("GET", "/api/drain", "read", self._drain_state),
            Route("POST", "/api/drain", "control", self._drain),
            Route("GET", "/openapi.json", "read", self._document),
            Route("GET", "/api/calls", "read", self._calls),
            Route("POST", "/api/calls", "control", self._create),
            *each_of_a_call,
            Route("DELETE", "/api/calls/{call}", "control", self._by_call),
            Route("POST", "/api/calls/{call}/end", "control", self._by_call),
            Route("GET", "/api/legs", "read", self._legs),
            Route("GET", "/api/legs/{leg}", "read", self._by_leg),
            Route("PATCH", "/api/legs/{leg}", "control", self._by_leg),
            Route("POST", "/api/legs/{leg}/flush", "control", self._by_leg),
            Route("GET", "/api/events/recent", "read", self._recent),
        ]

    # --- Made into one ---

    async def _health(self, request: web.Request) -> web.Response:
        return self._verdict(request, *sums.verdict(await self._peers.values("/health")))

    async def _ready(self, request: web.Request) -> web.Response:
        good, details = sums.verdict(await self._peers.values("/ready"))
        lacks = self._lacks()
        return self._verdict(request, good and not lacks, {**details, **lacks})

    def _verdict(self, request: web.Request, good: bool, more: Mapping[str, Any]) -> web.Response:
        return answer({"ok": good, **(more if is_known(request) else {})}, 200 if good else 503)

    async def _metrics(self, _: web.Request) -> web.Response:
        replies = await self._peers.ask_all("GET", "/metrics", patience=SCRAPE_TIME)
        texts = {
            node: reply.body if reply is not None and reply.status == 200 else None
            for node, reply in replies.items()
        }
        counts = self._counts()
        own = {FRONT_LABEL: admin_exposition(counts)} if counts else {}
        body = b"".join([piece async for piece in sliced(merged(texts, own))])
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    async def _stats(self, _: web.Request) -> web.Response:
        answers = await self._peers.values("/api/stats")
        whole = sums.stats(answers, one_disk=self._one_disk)
        counts = self._counts()
        # The nodes' own ports are ours alone; what comes to them is in `nodes`.
        return answer({**whole, "admin": counts} if counts else whole)

    async def _all_settings(self, _: web.Request) -> web.Response:
        answers = await self._peers.values("/api/settings")
        legs = sums.rows(answers, "legs")
        first: Mapping[str, Any] = next(
            (value for value in answers.values() if value is not None), {}
        )
        return answer({**first, **self._settings(), **legs})

    async def _calls(self, request: web.Request) -> web.Response:
        replies = await self._peers.ask_all("GET", request.raw_path)
        if refused := _refused(replies):
            return refused.response()
        found = sums.rows(_values(replies), "calls")
        return answer({**found, "calls": sums.in_order(found["calls"])})

    async def _legs(self, _: web.Request) -> web.Response:
        return answer(sums.rows(await self._peers.values("/api/legs"), "legs"))

    async def _recent(self, request: web.Request) -> web.Response:
        answers = await self._peers.values(request.raw_path)
        found = sums.rows(answers, "events")
        own = self._journal.recent(request.query.get("call"), RECENT_EVENTS)
        events = [*found["events"], *(event.as_dict() for event in own)]
        events.sort(key=lambda event: event["at"])
        return answer({**found, "events": events[-RECENT_EVENTS:]})

    async def _drain_state(self, _: web.Request) -> web.Response:
        return self._drained(await self._peers.values("/api/drain"))

    def _drained(self, answers: Mapping[str, Any]) -> web.Response:
        state = sums.drain(answers, os.getpid(), self._url())
        return answer({**state, "hand_over": self._handed_over})

    async def _document(self, _: web.Request) -> web.Response:
        return web.Response(body=await self._openapi.get(), content_type="application/json")

    # --- Of one node ---

    async def _create(self, request: web.Request) -> web.Response:
        return await self._placing.create(await request.read())

    async def _by_call(self, request: web.Request) -> web.Response:
        return await self._by_name(request, request.match_info["call"], "call")

    async def _by_leg(self, request: web.Request) -> web.Response:
        leg = request.match_info["leg"]
        done = await self._by_name(request, leg, "leg")
        if request.method == "PATCH" and done.status < 400:
            # Its mode is as good as one of `/api/mode`. What a newer node took may be nothing that we know.
            with contextlib.suppress(web.HTTPBadRequest):
                mode = parsed(await request.read(), LegChange).mode
                if mode is not None:
                    self.on_mode(ModeChange(mode=mode, leg=leg))
        return done

    async def _by_name(self, request: web.Request, name: str, what: str) -> web.Response:
        body = await request.read() if request.method in ("POST", "PATCH") else None
        return await self._asked_owner(name, what, request.method, request.raw_path, body)

    async def _asked_owner(
        self, name: str, what: str, method: str, path: str, body: bytes | None
    ) -> web.Response:
        with refusals(what):
            if what == "leg" and method != "GET":
                reply = await self._peers.order(name, method, path, body)
            else:
                _, reply = await self._peers.owner_of(name, method, path, body)
        return reply.response()

    # --- Given to all ---

    async def _mode(self, request: web.Request) -> web.Response:
        change = await requested(request, ModeChange)
        body = await request.read()
        if change.leg is not None:
            done = await self._asked_owner(change.leg, "leg", "POST", "/api/mode", body)
            if done.status < 400:
                self.on_mode(change)
            return done
        replies = await self._peers.ask_all("POST", "/api/mode", body)
        self.on_mode(change)
        said = {"mode": change.mode, "leg": None, "share": change.share}
        silent = sums.silent(replies)
        return answer({**said, **({"silent": silent} if silent else {})})

    async def _drain(self, request: web.Request) -> web.Response:
        body = await request.read()
        hand_over = parsed(body, DrainRequest).hand_over
        self.on_drain()
        patience = HAND_OVER_TIME if hand_over else NODE_ANSWER_TIME
        answers = _values(await self._peers.ask_all("POST", "/api/drain", body, patience))
        if hand_over and not self._handed_over:
            self._handed_over = True
            self._move()
            log.info("another process takes over", admin=self._url(), silent=sums.silent(answers))
        return self._drained(answers)


def _values(replies: Mapping[str, NodeReply | None]) -> dict[str, Any]:
    return {
        node: None if reply is None or reply.status >= 400 else reply.json()
        for node, reply in replies.items()
    }


def _refused(replies: Mapping[str, NodeReply | None]) -> NodeReply | None:
    """What all nodes refuse alike: a question that cannot be asked."""
    return next((r for r in replies.values() if r is not None and r.status == 400), None)
