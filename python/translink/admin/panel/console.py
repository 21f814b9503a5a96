"""What the admin API asks of the running program, gathered from those who know it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from translink import __version__
from translink.admin.panel.metrics import Measures
from translink.calls.draining import Draining, in_words
from translink.calls.exchange import NO_ORDERS
from translink.calls.tap import Lane, Tap
from translink.observe.dossier import record_of
from translink.observe.stages import OWNERS
from translink.observe.views import CreatedCall, CreatedLeg
from translink.process.collector import Pauses
from translink.process.pressure import Level
from translink.settings.types import Address

if TYPE_CHECKING:
    from translink.calls.exchange import Exchange, LegWish
    from translink.calls.leg import Leg
    from translink.calls.orders import Orders
    from translink.calls.switchboard import Switchboard
    from translink.observe.journal import Event, Journal, Subscription, Value
    from translink.observe.record import CallRecord
    from translink.observe.transcripts import Transcripts
    from translink.observe.views import CallDetail, CallRow, DrainState, LegLive
    from translink.process.pressure import Pressure
    from translink.process.resources import ProcessResources
    from translink.providers.lineup import Lineup
    from translink.settings.lag import Original
    from translink.settings.legs import Mode
    from translink.settings.model import Settings

log = structlog.get_logger("translink")

SHARED_PORT = ("listen", "sources", "strangers", "drops_kernel")
"""What of its figures the dashboard shows."""


@dataclass(slots=True)
class Condition:
    """How the program is. Written by the app, read by the console."""

    began: float = field(default_factory=lambda: time.monotonic())
    """On the monotonic clock: an uptime does not jump when the time of day is set."""
    serving: bool = False
    """The start is over: calls may come."""
    draining: bool = False
    """The end has begun: no call may come any more."""
    pauses: Pauses = field(default_factory=Pauses)
    """The garbage collector's."""
    engines_down: bool = False
    """The local engines have ended, and nothing else serves a stage; they are being started again."""
    died: bool = False
    """The media thread died, of a bug: no call will ever be heard again."""


class Console:
    """The program as it is seen and worked from outside. All that it returns can be written as JSON."""

    def __init__(
        self,
        settings: Settings,
        condition: Condition,
        *,
        switchboard: Switchboard,
        exchange: Exchange,
        lineup: Lineup,
        journal: Journal,
        transcripts: Transcripts,
        pressure: Pressure,
        resources: ProcessResources,
        offline: str | None,
        draining: Draining,
        figures: Mapping[str, Callable[[], Mapping[str, Any]]] | None = None,
    ) -> None:
        """`offline` = URL of the offline engines, if they run; `figures` = further ones of the whole, by
        name."""
        self._settings = settings
        self._condition = condition
        self._switchboard = switchboard
        self._exchange = exchange
        self._lineup = lineup
        self._journal = journal
        self._transcripts = transcripts
        self._pressure = pressure
        self._resources = resources
        self._offline = offline
        self._draining = draining
        self.awaited: Callable[[], Sequence[str]] = tuple
        """Legs whose ports another process, which drains, still has."""
        self._more_figures = figures or {}

    # --- Seeing ---

    def leg_stats(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Counters of each leg, looked at as they are asked for."""
        return self._switchboard.leg_stats()

    def measures(self) -> Measures:
        """Figures of the whole, and what each leg counted since it was opened; the legs are looked at
        as they are asked for."""
        board = self._switchboard
        totals = {"calls_total": board.calls_total, "calls_active": len(board.calls)}
        stats = {**self._figures(), "totals": totals}
        return Measures(stats, board.stages, board.measures())

    def _figures(self) -> Mapping[str, Any]:
        """Those that are few, however many legs there are."""
        board, gate = self._switchboard, self._lineup.gate
        return {
            "version": __version__,
            "uptime": round(time.monotonic() - self._condition.began, 3),
            "mode": board.mode,
            "offline": self._offline,
            "stages_ms": board.stages.summary(),
            "providers": self._lineup.breakers(),
            "prerecorded_queue": {
                "active": gate.active,
                "waiting": gate.waiting,
                "waited": gate.waited,
                "refused": gate.refused,
            },
            "events": dict(self._journal.counts),
            "pressure": board.pressure.summary(),
            "collector": self._condition.pauses.summary(),
            **{name: figures() for name, figures in self._more_figures.items()},
        }

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        """Whether the process is alive and its media thread runs, and details."""
        died = self._condition.died
        return not died, {"media": "dead" if died else "running"}

    def ready(self) -> tuple[bool, Mapping[str, Any]]:
        """Whether a call that begins now would be translated, and what is in the way."""
        condition = self._condition
        down = self._lineup.down()
        dead = sorted(self._switchboard.out_of_service)
        load = self._switchboard.pressure.unready(len(self._switchboard.calls))
        ok = not (down or dead or load)
        draining = condition.draining or self._draining.active
        ok = ok and not (condition.died or draining or condition.engines_down)
        return ok, {
            "down": down,
            "legs_out_of_service": dead,
            "draining": draining,
            "drain": in_words(self._draining.state()) if self._draining.active else None,
            "legs_awaited": list(self.awaited()),
            "engines": "down" if condition.engines_down else "up" if self._offline else None,
            "load": load,
            "offline": self._offline,
        }

    def settings(self) -> tuple[Mapping[str, Any], Iterator[Mapping[str, Any]]]:
        """The settings in force, as JSON values, secrets masked: all but the legs, and those, made
        as they are asked for."""
        board, settings = self._switchboard, self._settings
        masked = settings.masked(legs=False)
        return {**masked, "mode": board.mode, "streaming_share": board.share}, self._leg_settings()

    def _leg_settings(self) -> Iterator[Mapping[str, Any]]:
        board = self._switchboard
        for leg in self._settings.legs:
            own = board.own_modes.get(leg.name) or board.mode
            yield {**leg.model_dump(mode="json"), "mode": None if own == board.mode else own}

    def calls(self, state: str = "running") -> Iterator[CallRow]:
        """Rows of the calls that are `running`, have `ended`, or `all`: the ended ones first. They
        are made as they are asked for; a call that ends meanwhile is shown as ended."""
        board = self._switchboard
        running = () if state == "ended" else tuple(board.calls)
        if state != "running":
            yield from self._transcripts.ended()
        for name in running:
            with contextlib.suppress(KeyError):  # it ended, and is not kept
                yield self.row(name)

    def row(self, call: str) -> CallRow:
        """A call's row, running or kept. Raises `KeyError`."""
        if call in self._switchboard.calls:
            return self._switchboard.row(call)
        row = self._transcripts[call].row
        if row is None:
            raise KeyError(call)
        return row

    async def search(self, text: str) -> Collection[str]:
        """Names of the calls in which `text` was said or spoken."""
        return await self._transcripts.search(text)

    async def call(self, call: str) -> CallDetail:
        """A running or kept call in full. Raises `KeyError`."""
        kept = self._transcripts[call]
        lines = await kept.in_order()
        row = self.row(call)
        running = call in self._switchboard.calls
        return {
            "call": row.call,
            "state": row.state,
            "began": row.began,
            "seconds": row.seconds,
            "reason": row.reason,
            "names": row.legs,
            "languages": row.languages,
            "modes": row.modes,
            "lost_ms": row.lost_ms,
            "segments": row.segments,
            "words": row.words,
            "characters": row.characters,
            "listened": row.listened,
            "recorded": row.recorded,
            "mouth_to_ear_p50_ms": row.mouth_to_ear_p50_ms,
            "waiting_ms": row.waiting_ms,
            "ends_in_s": row.ends_in_s,
            "behind_s": row.behind_s,
            "behind_max_s": row.behind_max_s,
            "skipped": row.skipped,
            "echoed": row.echoed,
            "cost": row.cost,
            "legs": {name: self.leg(name) for name in row.legs} if running else {},
            "stages_ms": self.stages(call),
            "vendors": self._vendors(call),
            "owners": OWNERS,
            "notices": list(kept.notices.values()),
            "transcript": lines,
            "dropped_lines": kept.dropped,
        }

    def _vendors(self, call: str) -> Mapping[str, tuple[str, ...]]:
        if running := self._switchboard.calls.get(call):
            return running.books.vendors
        account = self._transcripts[call].account
        return account.vendors if account else {}

    async def record(self, call: str) -> CallRecord:
        """The figures of a running or kept call, without what was said. Raises `KeyError`."""
        kept = self._transcripts[call]
        lines = await kept.in_order()
        running = self._switchboard.calls.get(call)
        account = running.account() if running else kept.account
        return record_of(self.row(call), account, kept, lines, self._transcripts.incidents)

    def stages(self, call: str) -> Mapping[str, Any]:
        """Delays of a call's stages, ms. Raises `KeyError`."""
        if running := self._switchboard.calls.get(call):
            return running.stages.summary()
        return self._transcripts[call].stages

    def legs(self) -> Collection[str]:
        """Names of the open legs."""
        return self._switchboard.legs.keys()

    def leg(self, leg: str) -> LegLive:
        """A leg as it is now. Raises `KeyError`."""
        return self._switchboard.leg_live(leg)

    def _shared_port(self) -> Mapping[str, Any] | None:
        figures = self._more_figures.get("shared_port", dict)()
        return {name: figures[name] for name in SHARED_PORT} if figures else None

    def system(self) -> Mapping[str, Any]:
        """Load, memory, providers, delays of all calls."""
        board, stages = self._switchboard, self._switchboard.stages
        used = self._resources.read(time.monotonic())
        return {
            "version": __version__,
            "uptime": round(time.monotonic() - self._condition.began, 1),
            "mode": board.mode,
            "share": board.share,
            "offline": self._offline,
            "draining": self._condition.draining,
            "drain": self._draining.state() if self._draining.active else None,
            "cpu_percent": used.cpu_percent,
            "rss_mb": used.rss_mb,
            "calls": len(board.calls),
            "calls_total": board.calls_total,
            "legs": len(board.legs),
            "shared_port": self._shared_port(),
            "pressure": self._pressure.level.name.lower(),
            "providers": self._lineup.breakers(),
            "services": self._lineup.in_line(),
            "stream": self._lineup.stream,
            "media": "dead" if self._condition.died else "running",
            "legs_out_of_service": sorted(board.out_of_service),
            "legs_unheard": board.unheard(),
            "lost_ms": board.lost_ms(),
            "mouth_to_ear": stages["mouth_to_ear"].summary(),
            "own": stages["own"].summary(),
            "ear_voice_span": stages["ear_voice_span"].summary(),
        }

    def hurried(self) -> bool:
        """Whether the process gives up what calls do not need: interims, levels, frequent updates."""
        return self._pressure.level >= Level.SHED

    def left_out(self, updates: int) -> None:
        """So many updates of the dashboard were not made for that reason."""
        self._pressure.give_up("updates", updates)

    def envelope(self, leg: str, lane: Lane, start: int) -> tuple[int, bytes]:
        """What was said or heard from slot `start` on: (first slot, a minimum and a maximum, each
        one signed byte, per 20 ms). Raises `LookupError`."""
        return self._switchboard.legs[leg].media.envelope(lane, start)

    def subscribe(self, *, call: str | None = None, leg: str | None = None) -> Subscription:
        """Events from now on, queued within bounds; `call` and `leg` narrow them down."""
        return self._journal.subscribe(call=call, leg=leg)

    def recent(self, call: str | None, limit: int) -> list[Event]:
        """The newest events, oldest first; see `Journal.recent`."""
        return self._journal.recent(call, limit)

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Have `listener` called with each event, at once. Returns what ends it."""
        return self._journal.listen(listener)

    # --- Doing ---

    def set_mode(
        self, mode: Mode | None = None, leg: str | None = None, share: float | None = None
    ) -> None:
        """Switch the system (`leg` None) or one leg to `mode`; None leaves the mode as it is.

        `share` = share of calls that stream in mode `auto`, from 0 to 1; it is the system's. Raises
        `KeyError` for a leg that does not exist.
        """
        self._switchboard.set_mode(mode, leg, share)

    def end_call(self, call: str) -> bool:
        """End a call; False when there is none of that name."""
        if call not in self._switchboard.calls:
            return False
        self._switchboard.end_call(call, "asked to end")
        return True

    def drain_state(self) -> DrainState:
        """Whether no new call may begin, and which still run."""
        return self._draining.state()

    async def drain(self, limit: float | None, hand_over: bool) -> DrainState:
        """Take no new calls and end when those that run have ended; see `Draining`."""
        if hand_over:
            await self._draining.give_way("another process takes over", limit)
        else:
            self._draining.begin("asked to", limit)
        return self._draining.state()

    def create_call(self, legs: tuple[LegWish, LegWish], orders: Orders = NO_ORDERS) -> CreatedCall:
        """A running call whose sockets are open. Raises `exchange.Refused`, and `ValueError` for what
        cannot be had."""
        for leg in legs:
            self.refuse_terms(leg.keyterm)
            self.refuse_recording(leg.record)
        call = self._exchange.create(legs, orders)
        one, two = (self._created(self._switchboard.legs[name]) for name in call.legs)
        return CreatedCall(call.name, (one, two))

    def _created(self, leg: Leg) -> CreatedLeg:
        uuid = None if leg.connection is None else leg.connection.uuid
        host, port = leg.media.listen_address if leg.connection is None else leg.connection.at
        outside = self._settings.calls.advertise
        if leg.settings.shared:
            host = self._settings.shared_port.reached_at(host)
            outside = self._settings.shared_port.advertise or outside
        address = str(Address(outside or host, port))
        from_there = leg.settings.send_from_listen
        both_ways = from_there or uuid is not None
        token = None if leg.settings.token is None else leg.settings.token.get_secret_value()
        back = address if both_ways else None
        return CreatedLeg(leg.name, leg.language, address, back, uuid, token)

    def change_leg(
        self,
        leg: str,
        *,
        mode: Mode | None = None,
        language: str | None = None,
        volume: float | None = None,
        muted: bool | None = None,
        original: Original | None = None,
        echo_guard: bool | None = None,
        keyterm: tuple[str, ...] | None = None,
        voice_for: str | None = None,
        record: bool | None = None,
    ) -> LegLive:
        """Change what is not None; the leg as it is then. Raises `LookupError`, and `ValueError` for
        terms or a voice that cannot be had; nothing is changed then."""
        board = self._switchboard
        it = board.legs[leg]
        self.refuse_recording(record)
        if language is not None and language != it.settings.language:
            self._exchange.refuse_language(it, language, original or it.hearing.original)
        elif original is not None:
            self._exchange.refuse_original(it, original)
        if keyterm is not None:
            self.refuse_terms(keyterm)
            it.set_keyterm(keyterm)
            self._tell_settings(it, keyterm=list(keyterm))
        if record is not None and board.recorder is not None:
            it.set_record(record)
            board.recorder.switch(it)
            self._tell_settings(it, record=record)
        if volume is not None or muted is not None:
            it.set_sound(volume=volume, muted=muted)
            self._tell_settings(it, volume=it.media.volume, muted=it.media.muted)
        if original is not None or echo_guard is not None:
            it.set_hearing(original=original, echo_guard=echo_guard)
            self._tell_settings(it, original=it.hearing.original, echo_guard=it.media.echo_guard)
        if voice_for is not None:
            it.set_voice_for(None if voice_for == "default" else voice_for)
            self._tell_settings(it, voice_for=voice_for)
        if mode is not None:
            board.set_mode(mode, leg)
        if language is not None:
            board.set_language(leg, language)
        return board.leg_live(leg)

    def refuse_terms(self, terms: tuple[str, ...]) -> None:
        """Raise `ValueError` if no leg can have these key terms."""
        try:
            self._settings.deepgram.refuse_terms(terms)
        except ValueError as error:
            raise ValueError(f"keyterm: {error}") from None

    def refuse_recording(self, wanted: bool | None) -> None:
        """Raise `ValueError` if nothing can be recorded."""
        if wanted and self._switchboard.recorder is None:
            raise ValueError("record: record.folder is not set: nothing can be recorded")

    def _tell_settings(self, leg: Leg, **changed: Value) -> None:
        call = leg.call.name if leg.call else None
        self._journal.emit("settings", changed, call=call, leg=leg.name)

    def tap(self, leg: str, lane: Lane) -> Tap:
        """Listen in; close it. Raises `LookupError`."""
        it = self._switchboard.legs[leg]
        call = it.call.name if it.call else None

        def tell(state: str) -> None:
            log.warning("listening in", leg=leg, call=call, lane=lane, state=state)
            self._journal.emit("listening", {"state": state, "lane": lane}, call=call, leg=leg)

        def begun(name: str) -> None:
            nonlocal call
            call = name
            tell("started")

        tap = Tap(it, lane, begun, lambda: tell("stopped"))
        tell("started")
        return tap

    def flush(self, leg: str) -> float:
        """Drop what waits for the leg's ear; milliseconds of it. Raises `LookupError`."""
        media = self._switchboard.legs[leg].media
        waiting = media.counters()["playout_queued"] / 32
        media.flush()
        return waiting

    def reloaded(self, settings: Settings) -> None:
        """Settings were read again: modes and share take effect now."""
        self._settings = settings
        own = {leg.name: leg.mode for leg in settings.legs if leg.mode is not None}
        self._switchboard.set_modes(settings.mode, own, settings.streaming_share)
