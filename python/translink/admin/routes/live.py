"""`/api/live`: the dashboard's WebSocket. What changed, coalesced, for what is on the screen.

Theory of operation
    One `Ticker` for all clients looks 20 times a second (twice while the process is hurried) whether
    anything is news: rows of calls that something happened in (each at most once a second), legs
    (twice a second) and stages (once) of watched calls, envelopes of watched legs, the system (once
    a second). Each is serialised once for all clients, and not at all when it is as it was.

    A client is given names, not values: which rows, legs, … it has not seen yet. Its own task makes a
    message of them when the last one was taken, so that a slow client gets fewer messages with the
    latest state, and holds up nobody. Events are not coalesced: more than `EVENTS_BEHIND` behind, and the
    client is cut off (1013), as when it takes no data for `SEND_PATIENCE` seconds.

    Bounds: `MOST_DASHBOARDS` clients, `EVENTS_BEHIND` events each, 4 KiB a message from a client and
    `ORDERS_PER_SECOND` of them; the sets of names are bounded by the calls and legs there are.
"""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections import deque
from collections.abc import Iterable
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from translink import __version__
from translink.admin.access.guard import ROLE
from translink.admin.http.responses import json
from translink.admin.http.route import Route
from translink.admin.http.slices import sliced
from translink.admin.panel.console import Console
from translink.admin.routes.requests import Watch, Watching, parsed
from translink.admin.routes.sockets import SEND_PATIENCE, TOOK_NOTHING, Sockets, close, either
from translink.admin.routes.ticker import Ticker
from translink.calls.tap import Lane
from translink.observe.journal import Event
from translink.process.clock import unix
from translink.results import FRAME_SECONDS

LIVE_VERSION = 1
MOST_DASHBOARDS = 64
EVENTS_BEHIND = 1_000
ORDERS_PER_SECOND = 20
"""Messages a second from a client."""
LANES: tuple[Lane, ...] = ("said", "heard")


class LiveStreams:
    """The WebSockets of all open dashboards."""

    def __init__(self, console: Console, *, listen_in: bool = False) -> None:
        """`listen_in`: clients with the role control may listen in."""
        self._console = console
        self._listen_in = listen_in
        self._ticker = Ticker(console)
        self.sockets = Sockets(
            MOST_DASHBOARDS, f"{MOST_DASHBOARDS} dashboards are open already", longest=4_096
        )

    @property
    def seconds(self) -> float:
        """Time of the loop's thread spent on looking for news."""
        return self._ticker.seconds

    def routes(self) -> list[Route]:
        """Its routes, each with the role that it needs."""
        return [Route("GET", "/api/live", "read", self.serve)]

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Handler of the route."""
        async with self.sockets.open(request) as stream:
            role = request.get(ROLE, "read")
            client = Client(stream, self._console, self._ticker)
            hello = {
                "version": __version__,
                "role": role,
                "listen_in": self._listen_in and role == "control",
            }
            self._ticker.join(client)
            try:
                await either(client.read(), client.write(hello))
            finally:
                self._ticker.leave(client)
            await client.close()
        return stream


class Client:
    """One dashboard: what it watches, and what is news to it."""

    def __init__(self, stream: web.WebSocketResponse, console: Console, ticker: Ticker) -> None:
        self.watch = Watch()
        self.rows: set[str] = set()
        """Calls whose row is news to it; and likewise …"""
        self.gone: set[str] = set()
        self.legs: set[str] = set()
        self.stages: set[str] = set()
        self.system = True
        self.levels = False
        """There may be more of the envelopes it watches."""
        self.wake = asyncio.Event()
        self._events: deque[orjson.Fragment] = deque()
        self._cut_off: tuple[int, str] | None = None
        self._slots: dict[tuple[str, Lane], int] = {}
        """Next slot of each envelope."""
        self._stream = stream
        self._console = console
        self._ticker = ticker
        self._number = 0

    def wants(self, event: Event) -> bool:
        """Is the event to be shown to it?"""
        chosen = self.watch.events
        if event.type == "interim":
            return chosen != "none" and event.call in self.watch.calls
        return chosen == "all" or (
            chosen == "watched" and (event.call is None or event.call in self.watch.calls)
        )

    def offer(self, event: orjson.Fragment) -> None:
        """An event for it. Full = it is cut off."""
        if len(self._events) >= EVENTS_BEHIND:
            self._cut(WSCloseCode.TRY_AGAIN_LATER, f"more than {EVENTS_BEHIND} events behind")
        else:
            self._events.append(event)

    def tell_row(self, call: str) -> None:
        """The call's row is news to it."""
        self.rows.add(call)

    def tell_gone(self, call: str) -> None:
        """So is that the call is not known any more."""
        self.gone.add(call)

    def tell_legs(self, legs: Iterable[str]) -> None:
        """So are these legs."""
        self.legs.update(legs)

    def tell_stages(self, call: str) -> None:
        """So are the call's stages."""
        self.stages.add(call)

    def tell_system(self) -> None:
        """So is the system."""
        self.system = True

    def tell_levels(self, more: bool = True) -> None:
        """There may be more of the envelopes it watches, or it is not to look for any."""
        self.levels = more

    @property
    def has_news(self) -> bool:
        """Is there anything to tell?"""
        return bool(
            self._events
            or self.rows
            or self.gone
            or self.legs
            or self.stages
            or self.system
            or self.levels
            or self._cut_off
        )

    async def read(self) -> None:
        """Take what it watches. Returns when it left, or said what it may not."""
        allowed, last = float(ORDERS_PER_SECOND), time.monotonic()
        async for message in self._stream:
            if message.type is not WSMsgType.TEXT:
                return
            now = time.monotonic()
            allowed, last = min(ORDERS_PER_SECOND, allowed + (now - last) * ORDERS_PER_SECOND), now
            allowed -= 1
            if allowed < 0:
                self._cut(
                    WSCloseCode.POLICY_VIOLATION, f"more than {ORDERS_PER_SECOND} messages a second"
                )
                return
            try:
                await self._watch(parsed(message.data, Watching).watch)
            except web.HTTPBadRequest as error:
                self._cut(WSCloseCode.POLICY_VIOLATION, error.reason)
                return

    async def _watch(self, watch: Watch) -> None:
        fresh = set(watch.calls).difference(self.watch.calls)
        self.watch = watch
        self._slots = {key: at for key, at in self._slots.items() if key[0] in watch.levels}
        await self._ticker.look_at(self, fresh)

    async def write(self, hello: dict[str, Any]) -> None:
        """Tell the news. Returns when it was cut off."""
        # What changes from here on is sent as news, so the ticker looks first.
        await self._ticker.looked.wait()
        rows = [orjson.Fragment(json(row)) async for row in sliced(self._console.calls("all"))]
        await self._send({"hello": hello, "calls": rows, "system": self._console.system()})
        self.system = False
        while self._cut_off is None:
            await self.wake.wait()
            self.wake.clear()
            if news := await self._news():
                try:
                    await self._send(news)
                except TimeoutError:
                    self._cut(WSCloseCode.TRY_AGAIN_LATER, TOOK_NOTHING)

    async def _news(self) -> dict[str, Any]:
        """All of it, and forget it."""
        ticker = self._ticker
        news: dict[str, Any] = {}
        if self.levels:
            self.levels = False
            if levels := await self._levels():
                news["levels"] = levels
        if self._events:
            news["events"] = list(self._events)
            self._events.clear()
        if self.rows:
            news["calls"] = [row for call in self.rows if (row := ticker.rows.get(call))]
            self.rows.clear()
        if self.gone:
            news["gone"] = list(self.gone)
            self.gone.clear()
        if self.legs:
            news["legs"] = {leg: live for leg in self.legs if (live := ticker.legs.get(leg))}
            self.legs.clear()
        if self.stages:
            news["stages"] = {
                call: stages for call in self.stages if (stages := ticker.stages.get(call))
            }
            self.stages.clear()
        if self.system and ticker.system is not None:
            news["system"] = ticker.system
        self.system = False
        return news

    async def _levels(self) -> dict[str, dict[str, tuple[int, str, float]]]:
        """More of the envelopes on its screen: first slot, pairs, and when that slot was. Nothing is
        sent of a lane that rests, so the newest slot may be long over."""
        out: dict[str, dict[str, tuple[int, str, float]]] = {}
        async for leg in sliced(self.watch.levels):
            for lane in LANES:
                start = self._slots.get((leg, lane), 0)
                try:
                    first, pairs = self._console.envelope(leg, lane, start)
                except (LookupError, RuntimeError):
                    break  # the leg is gone, or all of them
                if pairs:
                    self._slots[leg, lane] = first + len(pairs) // 2
                    at = unix(first * FRAME_SECONDS)
                    out.setdefault(leg, {})[lane] = (first, b64encode(pairs).decode(), at)
        return out

    async def close(self) -> None:
        """With the reason, if it was cut off."""
        await close(self._stream, *(self._cut_off or (WSCloseCode.GOING_AWAY, "")))

    def _cut(self, code: int, reason: str) -> None:
        self._cut_off = self._cut_off or (code, reason)
        self.wake.set()

    async def _send(self, news: dict[str, Any]) -> None:
        message = {"v": LIVE_VERSION, "at": unix(), "n": self._number, **news}
        self._number += 1
        body = json(message)
        async with asyncio.timeout(SEND_PATIENCE):
            await self._stream.send_str(body.decode())
