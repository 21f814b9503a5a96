"""What is news to dashboards: looked for once for all of them, serialised once.

Runs while there is a dashboard, and costs nothing otherwise.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

import orjson
import structlog

from translink.admin.http.metered import Metered
from translink.admin.http.responses import json
from translink.admin.http.slices import sliced
from translink.admin.panel.console import Console
from translink.observe.journal import Event

if TYPE_CHECKING:
    from translink.admin.routes.live import Client

log = structlog.get_logger("translink.admin")

TICK_SECONDS = 0.05
HURRIED_TICK = 0.5
ROW_TIME = 1.0
LEG_TIME = 0.5
STAGES_TIME = 1.0
SYSTEM_EVERY = 1.0
SWEEP_TIME = 5.0
"""Seconds between two looks for ended calls that are not kept any more."""


class Ticker:
    """Looks for news and tells the clients that there is some."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.rows: dict[str, orjson.Fragment] = {}
        """Newest row of each call that something happened in."""
        self.legs: dict[str, orjson.Fragment] = {}
        self.stages: dict[str, orjson.Fragment] = {}
        self.system: orjson.Fragment | None = None
        self.looked = asyncio.Event()
        """All rows were looked at once: changes from then on are sent."""
        self._console = console
        self._clock = clock
        self._clients: set[Client] = set()
        self._dirty: dict[str, float] = {}
        """Calls that something happened in, and when each may be looked at."""
        self._looked_at: dict[str, float] = {}
        """When a call was looked at because it came onto a screen."""
        self._bodies: dict[tuple[str, str], bytes] = {}
        """(kind, name) → as it was sent last."""
        self._legs_at = self._stages_at = self._system_at = self._swept_at = 0.0
        self.seconds = 0.0
        """Time of the loop's thread spent on looking."""
        self._task: asyncio.Task[None] | None = None
        self._deaf: Callable[[], None] = lambda: None

    def join(self, client: Client) -> None:
        """Take in one more dashboard; the first one starts the ticker."""
        self._clients.add(client)
        if self._task is None:
            self._deaf = self._console.listen(self._event)
            self._task = asyncio.create_task(self._run(), name="live-ticker")

    def leave(self, client: Client) -> None:
        """One less; the last one stops the ticker."""
        self._clients.discard(client)
        if not self._clients and self._task is not None:
            self._task.cancel()
            self._task = None
            self.looked.clear()
            self._deaf()
            for known in (self.rows, self.legs, self.stages, self._dirty, self._bodies):
                known.clear()
            self._looked_at.clear()

    async def look_at(self, client: Client, calls: Collection[str]) -> None:
        """A client has these calls on its screen now: it wants to know all of them."""
        await Metered(self._look_at(client, calls), self._spent)

    async def _look_at(self, client: Client, calls: Collection[str]) -> None:
        now = self._clock()
        async for call in sliced(calls):
            # A user who turns pages to and fro gets what was found a moment ago.
            if now - self._looked_at.get(call, -LEG_TIME) >= LEG_TIME:
                self._looked_at[call] = now
                self._tell_legs(call)
                self._tell_stages(call)
            client.tell_legs(leg for leg in self._legs_of(call) if leg in self.legs)
            if call in self.stages:
                client.tell_stages(call)
        client.tell_levels()
        client.wake.set()

    async def tick(self, now: float) -> None:
        """Look once (`now` = the clock's time), in slices."""
        await self._look_at_rows(now)
        watched = {call for client in self._clients for call in client.watch.calls}
        if now - self._legs_at >= LEG_TIME:
            self._legs_at = now
            async for call in sliced(watched):
                self._tell_legs(call)
        if now - self._stages_at >= STAGES_TIME:
            self._stages_at = now
            async for call in sliced(watched):
                self._tell_stages(call)
        if now - self._system_at >= SYSTEM_EVERY:
            self._system_at = now
            self.system = orjson.Fragment(json(self._console.system()))
            for client in self._clients:
                client.tell_system()
        if now - self._swept_at >= SWEEP_TIME:
            self._swept_at = now
            await self._sweep()
            self._looked_at.clear()
        hurried = self._console.hurried()
        for client in self._clients:
            client.tell_levels(bool(client.watch.levels) and not hurried)
            if client.has_news:
                client.wake.set()

    async def _run(self) -> None:
        try:
            await Metered(self._look_at_all(), self._spent)
        except Exception:
            log.exception("a bug in the live updates")
        self.looked.set()
        while True:
            hurried = self._console.hurried()
            await asyncio.sleep(HURRIED_TICK if hurried else TICK_SECONDS)
            if hurried:
                left_out = round(HURRIED_TICK / TICK_SECONDS) - 1
                self._console.left_out(left_out * len(self._clients))
            try:
                await Metered(self.tick(self._clock()), self._spent)
            except Exception:
                log.exception("a bug in the live updates")
                await asyncio.sleep(5.0)  # not a traceback at every tick

    def _spent(self, seconds: float) -> None:
        self.seconds += seconds

    def _event(self, event: Event) -> None:
        if event.call is not None and event.type != "interim":
            self._dirty.setdefault(event.call, 0.0)
        if event.type == "interim" and self._console.hurried():
            return
        body: orjson.Fragment | None = None
        for client in self._clients:
            if client.wants(event):
                body = body or orjson.Fragment(json(event.as_dict()))
                client.offer(body)

    # --- Looking ---

    async def _look_at_all(self) -> None:
        async for row in sliced(self._console.calls("all")):
            self._keep("row", row.call, orjson.dumps(row), self.rows)
            if row.state == "running":
                # In a silent call nothing happens, and that is news.
                self._dirty.setdefault(row.call, 0.0)

    async def _look_at_rows(self, now: float) -> None:
        async for call in sliced([call for call, due in self._dirty.items() if now >= due]):
            if (due := self._dirty.get(call)) is None:
                continue
            try:
                body = orjson.dumps(self._console.row(call))
            except KeyError:
                self._forget(call)
                continue
            if self._keep("row", call, body, self.rows):
                # Not before a second is over, and then only if something happened again.
                self._dirty[call] = now + ROW_TIME
                for client in self._clients:
                    client.tell_row(call)
            elif due:
                del self._dirty[call]
            else:
                self._dirty[call] = now + ROW_TIME

    def _tell_legs(self, call: str) -> None:
        changed = set(self._changed_legs(call))
        for client in self._watching(call):
            client.tell_legs(changed)

    def _tell_stages(self, call: str) -> None:
        if self._look_at_stages(call):
            for client in self._watching(call):
                client.tell_stages(call)

    def _changed_legs(self, call: str) -> Iterator[str]:
        for leg in self._legs_of(call):
            try:
                body = orjson.dumps(self._console.leg(leg))
            except KeyError:
                continue
            if self._keep("leg", leg, body, self.legs):
                yield leg

    def _look_at_stages(self, call: str) -> bool:
        try:
            body = json(self._console.stages(call))
        except KeyError:
            return False
        return self._keep("stages", call, body, self.stages)

    def _legs_of(self, call: str) -> tuple[str, ...]:
        try:
            row = self._console.row(call)
        except KeyError:
            return ()
        return row.legs if row.state == "running" else ()

    def _watching(self, call: str) -> Iterator[Client]:
        return (client for client in self._clients if call in client.watch.calls)

    def _keep(self, kind: str, name: str, body: bytes, table: dict[str, orjson.Fragment]) -> bool:
        """False when it is as it was."""
        if self._bodies.get((kind, name)) == body:
            return False
        self._bodies[kind, name] = body
        table[name] = orjson.Fragment(body)
        return True

    # --- Forgetting ---

    async def _sweep(self) -> None:
        async for call in sliced(tuple(self.rows)):
            try:
                self._console.row(call)
            except KeyError:
                self._forget(call)
        open_legs = self._console.legs()
        for leg in [leg for leg in self.legs if leg not in open_legs]:
            del self.legs[leg], self._bodies["leg", leg]

    def _forget(self, call: str) -> None:
        self._dirty.pop(call, None)
        known = self.rows.pop(call, None) is not None
        self.stages.pop(call, None)
        self._bodies.pop(("row", call), None)
        self._bodies.pop(("stages", call), None)
        if known:
            for client in self._clients:
                client.tell_gone(call)
