"""The process that looks after the workers: starts them, watches them, has the admin API of all. No call runs in it.

Theory of operation
    The local engines, where they are needed, are started once, and every worker learns where they are. The
    face listens before the workers do, so that they can be given its address; it says that it is not ready until
    all of them have been. Where they take over from another translink (`--take-over`), that one is asked to give
    way once the workers have loaded everything and wait for their orders, and then the face listens. One WebSocket
    to each worker, the one that a dashboard uses, tells which calls it has and how loaded it is: that is announced
    to `placement`, and it is what is known of a worker that dies.

    A worker that ends unasked is started again (`berth`); its calls are reported as lost. What was switched
    meanwhile (modes, shares) is in the settings that the new one gets. One that says nothing any more (`silence`)
    is killed, as a supervisor's watchdog does. Signals are passed on: SIGTERM and SIGINT to end, SIGUSR1 to drain,
    SIGHUP to read the settings again, which is done here.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

import orjson
import structlog
import uvloop

from translink import log as log_module
from translink.admin.access.tls import Certificate
from translink.admin.routes.requests import ModeChange
from translink.commands.addresses import refuse_taken_ports
from translink.commands.reloading import read_again, tell_what_stays
from translink.commands.takeover import GaveWay, Predecessor, predecessor
from translink.commands.unusable import refuse_unusable
from translink.errors import SettingsError, conceal
from translink.face.fan import Fan
from translink.face.peers import AdminPeer
from translink.face.screen import LOST_WITH_NODE, Screen
from translink.face.server import FaceServer
from translink.observe.journal import Journal, Value
from translink.observe.webhooks import Webhooks
from translink.placement.ledger import SlotLedger
from translink.placement.memory import MemoryPlacement
from translink.placement.protocol import Node, Slot
from translink.process.clock import keep_time
from translink.process.descriptors import allow_descriptors
from translink.process.ending import CLOSING_SECONDS, leave_within
from translink.process.notify import Supervisor, message
from translink.process.restarts import reason_of
from translink.settings.model import Settings
from translink.settings.reloading import STOP_GRACE, modes_in, same_modes
from translink.settings.secrets import without_secrets
from translink.wiring.coverage import refuse_voiceless
from translink.wiring.endpoints import Endpoints, find_endpoints
from translink.workers.berth import Berth
from translink.workers.silence import HANGS_AFTER, SILENCE_LOOK, Silence
from translink.workers.split import name_of, split
from translink.workers.worker import WorkOrder

log = structlog.get_logger("translink.workers")

NOT_FOR_WORKERS: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""Of the environment: they speak to the supervisor of us all."""


_JUST_BEGUN: Final[Mapping[str, Any]] = {
    "calls": 0,
    "cpu_percent": 0.0,
    "pressure": "calm",
    "media": "running",
    "draining": False,
    "drain": None,
}
"""What a worker would say of itself before it has said anything."""


def serve(
    settings: Settings, reread: Callable[[], Settings], count: int, *, take_over: bool = False
) -> int:
    """Serve with `count` workers until SIGTERM, SIGINT or the end of a drain. Returns the exit code. `take_over`:
    from the translink that serves here, if there is one. Raises `SettingsError`, and `TranslinkError` when a worker
    does not start or the other translink does not give way."""
    if settings.placement.nats:
        raise SettingsError(
            "placement.nats: cannot be had with --workers; start one translink for each core, each a node of its own"
        )
    conceal(settings.secrets())
    allow_descriptors()
    split(settings, count, "x")  # what cannot be divided is said before anything is started
    refuse_voiceless(settings)
    Certificate.from_settings(settings.admin)
    if not take_over:
        refuse_taken_ports(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(Crew(settings, reread, count, take_over=take_over).run())
        leave_within(CLOSING_SECONDS, code, log_module.close)
    return code


class Crew:
    """The workers and their face. `run` it once."""

    def __init__(
        self,
        settings: Settings,
        reread: Callable[[], Settings],
        count: int,
        *,
        take_over: bool = False,
    ) -> None:
        self._settings = self._read = settings
        """With what was switched since, and as the files had it last."""
        self._take_over = take_over
        self._before: GaveWay | None = None
        self._reread = reread
        self._reloading = asyncio.Lock()
        self._token = secrets.token_urlsafe(32)
        self._count = count
        parts = split(settings, count, self._token)
        self._rooms = {name_of(number): _room_of(part) for number, part in enumerate(parts)}
        environ = without_secrets(os.environ)
        for name in NOT_FOR_WORKERS:
            environ.pop(name, None)
        self.berths = {
            name_of(number): Berth(name_of(number), environ, self._orders(number))
            for number in range(count)
        }
        self._given: dict[str, Settings] = {}
        """To each worker, the whole that its last order was made of."""
        self.journal = Journal()
        self.placement = MemoryPlacement()
        self._endpoints: Endpoints | None = None
        self._engines_up = True
        self._supervisor = Supervisor(os.environ, os.getpid())
        self._screen = Screen()
        """What the workers say of themselves."""
        self._last_seen: dict[str, list[dict[str, Any]]] = {}
        """Running calls of workers whose connection has ended, as they were then."""
        self._silence = Silence()
        self._ledgers = {name: SlotLedger() for name in self.berths}
        self._served = asyncio.Event()
        """All workers have been ready."""
        self._stopping = self._draining = False
        self._face: FaceServer | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> int:
        """Returns the exit code. Raises `TranslinkError`."""
        main = asyncio.current_task()
        assert main is not None
        self._listen_to_signals(main)
        try:
            async with AsyncExitStack() as stack:
                await self._serve(stack)
        except asyncio.CancelledError:
            if not self._stopping:
                raise
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        log.info("stopped")
        return int(any(berth.exit_code for berth in self.berths.values()))

    async def _serve(self, stack: AsyncExitStack) -> None:
        settings = self._settings
        before = await predecessor(settings) if self._take_over else None
        if before is None and self._take_over:
            refuse_taken_ports(settings)
        refuse_unusable(settings, addresses=before is not None)
        self._endpoints = await find_endpoints(settings, stack, self._engines)
        self._face = face = FaceServer(
            settings.admin,
            self._peers,
            self.placement,
            self.journal,
            general=self._general,
            lacks=self._lacks,
            one_disk=True,
        )
        face.routes.on_mode = self._mode_set
        face.routes.on_drain = self._drain_begun
        for berth in self.berths.values():
            stack.push_async_callback(berth.stop)
        if before is not None:
            await self._succeed(before)
        await face.start()
        stack.push_async_callback(face.close)
        stack.callback(self.journal.close)
        # Each worker reports its own calls; this one reports those that were lost with a worker.
        webhooks = Webhooks(self.journal, settings.webhook)
        webhooks.link_to(face.url)
        await stack.enter_async_context(webhooks.running())
        fan = Fan(face.peers, "/api/live", self._take, self._lose)
        await fan.ask('{"watch":{"events":"none"}}')
        async with asyncio.TaskGroup() as tasks:
            helpers = [
                tasks.create_task(work, name=name)
                for name, work in (
                    ("followers", self._follow(fan)),
                    ("ready", self._tell_ready()),
                    ("watchdog", self._guard()),
                    ("silence", self._kill_silent()),
                    ("clock", keep_time(self._idle)),
                )
            ]
            running = []
            for berth in self.berths.values():
                berth.on_serving, berth.on_ended = self._serving, self._ended
                running.append(tasks.create_task(berth.run(), name=berth.name))
            await asyncio.wait(running, return_when=asyncio.ALL_COMPLETED)
            for task in helpers:
                task.cancel()

    async def _succeed(self, before: Predecessor) -> None:
        """Have it give way once nothing is left to do that may fail or takes time. Raises `TranslinkError`."""
        async with asyncio.TaskGroup() as tasks:
            for berth in self.berths.values():
                tasks.create_task(berth.prepare(), name=f"prepare-{berth.name}")
        await before.give_way(self._settings.drain_timeout)
        self._before = GaveWay.of(before, self._settings)

    # --- What each worker is to be, and where it is ---

    def _orders(self, number: int) -> Callable[[int], WorkOrder]:
        def order(first_call: int) -> WorkOrder:
            assert self._endpoints is not None
            part = split(self._settings, self._count, self._token)[number]
            url = self._face.url if self._face is not None else ""
            self._given[name_of(number)] = self._settings
            return WorkOrder(part, name_of(number), first_call, self._endpoints, url, self._before)

        return order

    def _peers(self) -> Mapping[str, AdminPeer]:
        return {
            name: AdminPeer(name, berth.url, self._token)
            for name, berth in self.berths.items()
            if berth.exit_code is None
        }

    def _general(self) -> Mapping[str, Any]:
        whole = self._settings.masked(legs=False)
        return {**whole, "workers": self._count}

    def _lacks(self) -> Mapping[str, Any]:
        lacks: dict[str, Any] = {}
        if not self._served.is_set():
            lacks["starting"] = [name for name, berth in self.berths.items() if not berth.url]
        if not self._engines_up:
            lacks["engines"] = "down"
        if self._draining or self._stopping:
            lacks["draining"] = True
        return lacks

    # --- What the workers say ---

    async def _take(self, node: str, text: str) -> None:
        said = orjson.loads(text)
        if "hello" in said:
            self._last_seen.pop(node, None)
        now = time.monotonic()
        self._silence.heard(node, now)
        self._screen.take(node, said, now)
        over = {row["call"] for row in said.get("calls", ()) if row["state"] != "running"}
        await self._free_slots(node, over | set(said.get("gone", ())))
        if "system" in said:
            await self.placement.announce(self._node(self.berths[node], said["system"]))

    def _idle(self) -> bool:
        return not any(self._screen.running(name) for name in self.berths)

    async def _lose(self, node: str) -> None:
        self._last_seen[node] = self._screen.running(node)
        self._screen.lose(node)

    def _node(self, berth: Berth, system: Mapping[str, Any] = _JUST_BEGUN) -> Node:
        return Node(
            name=berth.name,
            url=berth.url,
            capacity=self._rooms[berth.name],
            running=system["calls"],
            busy=min(1.0, (system["cpu_percent"] or 0.0) / 100.0),
            accepts=system["pressure"] != "refuse"
            and system["media"] == "running"
            and not (system["draining"] or system["drain"]),
            began=float(berth.starts),
        )

    async def _free_slots(self, node: str, over: set[str]) -> None:
        """Slots of calls that are over, and of those that were never seen. A call that began by itself needs
        none: its worker says how many it has."""
        running = {row["call"] for row in self._screen.running(node)}
        slots = self.placement.slots(node)
        back, _ = self._ledgers[node].look(slots, running, time.monotonic(), over)
        for number in back:
            await self.placement.release(Slot(node, number))

    # --- What becomes of them ---

    def _serving(self, berth: Berth) -> None:
        again = berth.starts > 1
        said = "a worker serves again" if again else "a worker serves"
        log.info(said, worker=berth.name, pid=berth.pid)
        self._silence.heard(berth.name, time.monotonic())
        if self._stopping or self._draining:
            # Begun while it was getting ready: it has not been told.
            berth.signal(signal.SIGTERM if self._stopping else signal.SIGUSR1)
            return
        self._later(self.placement.announce(self._node(berth)))
        if self._given[berth.name] is not self._settings:  # switched while it was getting ready
            self._later(berth.tell())
        if all(each.url for each in self.berths.values()):
            self._served.set()

    def _ended(self, berth: Berth, code: int) -> None:
        lost = self._last_seen.pop(berth.name, None) or self._screen.running(berth.name)
        self._screen.lose(berth.name)
        leaving = self._stopping or self._draining
        if not leaving or code:
            log.error(
                "a worker ended", worker=berth.name, reason=reason_of(code), calls_lost=len(lost)
            )
            for row in lost:
                log.error("a call was lost with its worker", call=row["call"], worker=berth.name)
                ended: dict[str, Value] = {
                    "state": "ended",
                    "reason": LOST_WITH_NODE,
                    "legs": list(row["legs"]),
                    "node": berth.name,
                }
                self.journal.emit("call", ended, call=row["call"])
        self._later(self.placement.leave(berth.name))

    async def _kill_silent(self) -> None:
        """A worker that hangs holds its calls in silence: dead, it is started again."""
        while True:
            await asyncio.sleep(SILENCE_LOOK)
            serving = [name for name, berth in self.berths.items() if berth.url]
            for name in self._silence.overdue(serving, time.monotonic()):
                log.error("a worker hangs and is killed", worker=name, seconds=HANGS_AFTER)
                self.berths[name].signal(signal.SIGKILL)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, fan: Fan) -> None:
        """A bug here may not end the calls."""
        while True:
            try:
                await fan.run()
            except Exception:
                log.exception("a bug in following the workers")
                await asyncio.sleep(1.0)

    async def _tell_ready(self) -> None:
        await self._served.wait()
        assert self._face is not None
        log.info("ready", dashboard=self._face.url, workers=self._count)
        self._supervisor.tell(
            message(
                ready=True,
                status=f"serves with {self._count} workers; dashboard at {self._face.url}",
            )
        )

    async def _guard(self) -> None:
        await self._supervisor.guard(lambda: True)

    def _engines(self, up: bool) -> None:
        self._engines_up = up

    # --- Orders to the whole ---

    def _mode_set(self, change: ModeChange) -> None:
        """For workers that are started later."""
        now = self._settings
        update: dict[str, Any] = {}
        if change.leg is None:
            if change.mode is not None:
                own: Mapping[str, Any] = {"mode": None}
                update["mode"] = change.mode
                update["legs"] = tuple(leg.model_copy(update=own) for leg in now.legs)
            if change.share is not None:
                update["streaming_share"] = change.share
        elif change.mode is not None:
            update["legs"] = tuple(
                leg.model_copy(update={"mode": change.mode}) if leg.name == change.leg else leg
                for leg in now.legs
            )
        self._settings = now.model_copy(update=update)

    async def reload(self) -> None:
        """Read the settings again, and give every worker its part of them. One after another: what was read
        first must not be told last."""
        async with self._reloading:
            await self._reload()

    async def _reload(self) -> None:
        # What was edited differs from what was read last; it may be in force already.
        now = await read_again(self._reread, self._read)
        if now is None:
            return
        edited, self._read = not same_modes(now, self._read), now
        if edited:
            self._settings = now
            for berth in self.berths.values():
                if berth.url:
                    await berth.tell()
        else:
            live = self._settings
            share = live.streaming_share
            tell_what_stays(now, mode=live.mode, share=share, legs=modes_in(live))
        if self._face is not None:
            self._face.reload_certificate()

    def _drain_begun(self) -> None:
        if not self._draining:
            log.info("draining: no new calls, those that run go on")
        self._draining = True
        for berth in self.berths.values():
            berth.leave()
        extend = self._settings.drain_timeout + STOP_GRACE
        self._supervisor.tell(
            message(status="draining", extend=extend + self._settings.drain.limit)
        )

    def _stop(self, number: signal.Signals, main: asyncio.Task[Any]) -> None:
        log.info("stopping" if not self._stopping else "stopping at once", signal=number.name)
        if self._stopping or not self._served.is_set():
            main.cancel()
        self._stopping = True
        self._supervisor.tell(message(stopping=True, status="stopping"))
        for berth in self.berths.values():
            berth.leave()
            berth.signal(signal.SIGTERM)
        # Each ends by itself within its time; one that does not is ended.
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.drain_timeout + STOP_GRACE, main.cancel)

    def _listen_to_signals(self, main: asyncio.Task[Any]) -> None:
        loop = asyncio.get_running_loop()

        def drain() -> None:
            if not self._served.is_set():
                self._stop(signal.SIGUSR1, main)
                return
            self._drain_begun()
            for berth in self.berths.values():
                berth.signal(signal.SIGUSR1)

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number, main)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._later(self.reload()))
        loop.add_signal_handler(signal.SIGUSR1, drain)


def _room_of(part: Settings) -> int:
    """Calls that a worker takes at once."""
    room = part.calls.max_created + len(part.pairs)
    return min(room, part.pressure.max_calls or room)
