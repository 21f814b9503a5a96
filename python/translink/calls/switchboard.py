"""Which leg is in which call: calls begin here, with a datagram or on request, and end here.

Counters are kept per leg (`leg`) and system-wide; the totals go on for as long as the process
lives, also over legs that were opened for one call and closed after it.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from translink.calls.call import Call, Party
from translink.calls.controls import Controls
from translink.calls.leg import Leg
from translink.calls.measures import LegMeasures, add_up
from translink.calls.orders import CallVendors, Orders, VendorChoice
from translink.calls.recorded import CallRecorder, with_recorder
from translink.calls.totals import add_counters
from translink.observe.record import Tally
from translink.observe.stages import Stages
from translink.recognition.rules import ListenStats

if TYPE_CHECKING:
    from translink._core import Digit, Frame, Playout, RtpFound, SourceChange
    from translink.calls.notice import NoticeMaker
    from translink.media import MediaLeg
    from translink.observe.journal import Event, Journal, Scalar
    from translink.observe.record import UsedFigures
    from translink.observe.views import CallRow, LegLive
    from translink.process.pressure import Pressure
    from translink.providers.services import Services
    from translink.recognition.rules import ListenRules
    from translink.settings.legs import Mode
    from translink.settings.model import Settings

log = structlog.get_logger("translink")

LAST_SENTENCE = 2.0
"""Seconds that a shutdown leaves a talker in mid-sentence."""
CREATED_LABEL = "created"
"""Label of all legs that were created for a call: they come and go, the number of labels may not."""


class Switchboard:
    """All legs and all calls of the process."""

    def __init__(
        self,
        settings: Settings,
        legs: Mapping[str, MediaLeg],
        *,
        services: Services,
        journal: Journal,
        rules: ListenRules,
        notices: NoticeMaker | None = None,
    ) -> None:
        """`notices` = what each party hears first in a call."""
        self.stages = Stages()
        self.calls: dict[str, Call] = {}
        """Running calls by name."""
        self.legs: dict[str, Leg] = {}
        """Open legs by name."""
        self.on_ended: Callable[[Call], None] = lambda _: None
        """Called with each call that is over, while its legs are still open."""
        self.refusal: str | None = None
        """Why no call may begin, however much time the machine has; None: one may."""
        self.recorder: CallRecorder | None = None
        """None: nothing can be recorded."""
        self._settings = settings
        self.vendors = VendorChoice(CallVendors(Orders.of(settings), services, rules, notices))
        self._journal = journal
        self._controls = Controls(settings.dtmf, journal)
        self._node, self._numbers = "", itertools.count(1)
        self._tasks: dict[asyncio.Task[None], Call] = {}
        self._mode: Mode = settings.mode
        self.own_modes: dict[str, Mode] = {leg.name: leg.mode for leg in settings.legs if leg.mode}
        """Of legs that have one of their own, also of those that are still to be opened."""
        self._share = settings.streaming_share
        self._draws: dict[str, float] = {}
        """Each running call's lot in the roll-out, in [0, 1)."""
        self._closing = False
        self._gone: dict[str, int] = {}
        """Media counters of closed legs, summed."""
        self._gone_stats = ListenStats()
        self._gone_tally = Tally()
        self.calls_total = 0
        self._lost_ms = 0.0
        journal.listen(self._count_loss)
        self.out_of_service: set[str] = set()
        """Legs that a bug in the media core has ended; their pairs get no calls."""
        self.open_legs(legs)
        # Word for word as the Node.js server wrote it: operators search for it (docs/migration.md).
        log.info("[STREAMING-STATE] Deepgram Streaming State Manager initialized")

    # --- Control ---

    @property
    def pressure(self) -> Pressure:
        """How loaded the process is, and whether a call may begin."""
        return self.vendors.usual.services.pressure

    @property
    def mode(self) -> Mode:
        """The system's mode, for legs without one of their own."""
        return self._mode

    @property
    def share(self) -> float:
        """Share of calls that stream in mode `auto`."""
        return self._share

    def refuses(self, now: float) -> str | None:
        """Why a call may not begin now (monotonic seconds); None: it may."""
        if self._closing:
            return "the server is stopping"
        return self.refusal or self.pressure.refuses(now, len(self.calls))

    def mode_of(self, leg: str) -> Mode:
        """The leg's own mode, or else the system's. Raises `KeyError`."""
        return self.own_modes.get(self.legs[leg].name) or self._mode

    def set_mode(
        self, mode: Mode | None = None, leg: str | None = None, share: float | None = None
    ) -> None:
        """Change how speech is recognised, for the system (also where a leg had a mode of its own)
        or one leg, while calls run; None = as it is. Raises `KeyError` (no such leg)."""
        if leg is None:
            own: Mapping[str, Mode] = self.own_modes if mode is None else {}
            self.set_modes(mode or self._mode, own, self._share if share is None else share)
        else:
            before = self.mode_of(leg)
            self.own_modes[leg] = mode or before
            self._apply(leg)

    def set_modes(self, mode: Mode, legs: Mapping[str, Mode], share: float) -> None:
        """Change all of it in one step, so that no call switches to and fro: the system's mode,
        the legs that have one of their own, and the share."""
        self._mode, self._share, self.own_modes = mode, share, dict(legs)
        self._apply(None)

    def _apply(self, leg: str | None) -> None:
        mode = self._mode if leg is None else self.mode_of(leg)
        log.info(mode_line(mode), leg=leg, mode=mode, share=self._share)
        self._journal.emit("settings", {"mode": mode, "share": self._share}, leg=leg)
        for call in self.calls.values():
            for name, interpreter in call.interpreters.items():
                interpreter.listener.use_streaming(self._streams(call.name, name))

    def set_language(self, leg: str, language: str) -> None:
        """The party on `leg` goes on in another language: they are recognised in it from their next
        pause on, and hear it from the next segment on. Nothing is lost or doubled. Raises
        `KeyError`."""
        it = self.legs[leg]
        if language == it.settings.language:
            return
        it.set_language(language)
        log.info("language", leg=leg, language=language)
        self._journal.emit(
            "settings", {"language": language}, call=it.call.name if it.call else None, leg=leg
        )

    def set_chosen_language(self, leg: Leg, language: str) -> None:
        """The party on `leg`, in a call or not yet, chose it by a key."""
        leg.set_language(language)
        log.info("language", leg=leg.name, language=language)
        chosen = {"what": "language", "value": language}
        self._journal.emit(
            "control", chosen, call=leg.call.name if leg.call else None, leg=leg.name
        )

    def pressed(self, leg: Leg, key: str) -> None:
        """The party on `leg` pressed a key of their telephone."""
        if leg.first_digits is not None:
            leg.first_digits(key)
        else:
            self._controls.pressed(leg, key)

    def end_call(self, name: str, reason: str) -> None:
        """Let a call end in good order. Raises `KeyError`."""
        self.calls[name].end(reason)

    async def watch(self) -> None:
        """End calls that nobody speaks in any more. Runs for ever."""
        while True:
            await asyncio.sleep(min(1.0, self._settings.idle_timeout / 4))
            now = time.monotonic()
            for call in tuple(self.calls.values()):
                sign = call.look()
                if any(self.legs[leg].attended for leg in call.legs):
                    continue
                if now - sign > self._settings.idle_timeout:
                    call.end("idle")
            for leg in tuple(self.legs.values()):
                leg.tidy(now)

    async def close(self, reason: str) -> None:
        """No new calls; the running ones end in good order, bounded by the drain time-out."""
        self._closing = True
        for call in tuple(self.calls.values()):
            call.end(reason, patience=min(LAST_SENTENCE, self._settings.drain_timeout / 3))
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._settings.drain_timeout + 2.0)
        finally:
            # Also when we are cancelled, by a second signal: no call may outlive its media.
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=1.0)

    # --- Calls on request ---

    def name_calls(self, node: str, first: int) -> None:
        """Names of calls begin with `node` from now on, their numbers with `first`: there are other nodes."""
        self._node, self._numbers = f"{node}-", itertools.count(first)

    def next_name(self, stem: str) -> str:
        """For a call, as in `c17`; none comes twice, on no node."""
        return f"{self._node}{stem}{next(self._numbers)}"

    def create(self, name: str, legs: tuple[Leg, Leg], vendors: CallVendors | None = None) -> Call:
        """Begin a call on legs that were opened for it; they are closed when it ends. `vendors`: its own.

        It ends idle like any other if nobody is heard in it. Raises `ValueError` when a name is taken.
        """
        for leg in legs:
            if leg.name in self.legs:
                raise ValueError(leg.name)
        for leg in legs:
            self._add(leg)
        for leg, other in (legs, reversed(legs)):
            leg.media.listen_to(other.media)
        return self._run(name, legs, vendors)

    def connect(self, leg: Leg) -> Call:
        """Begin a call on a leg of the settings and its other one, with what was just said."""
        return self._run(self.next_name(f"{leg.name}-"), (leg, self.legs[leg.other]))

    # --- State ---

    def leg_stats(self) -> Iterator[tuple[str, dict[str, object]]]:
        """Per leg that is still open at its turn: media counters of its call, and `stt`."""
        for name, leg in tuple(self.legs.items()):
            if self.legs.get(name) is leg:
                yield name, leg.stats(self.mode_of(name))

    def leg_live(self, name: str) -> LegLive:
        """The leg as it is now. Raises `KeyError`."""
        leg = self.legs[name]
        return leg.live(self.mode_of(name), self.legs[leg.other].language)

    def row(self, name: str) -> CallRow:
        """A running call. Raises `KeyError`."""
        row = self.calls[name].row()
        legs = [self.legs[leg] for leg in row.legs]
        listened, recorded = any(leg.listeners for leg in legs), any(leg.recorded for leg in legs)
        # Silence does not end a call while somebody is known to be on the line (`watch`).
        ends_in = None if any(leg.attended for leg in legs) else row.ends_in_s
        return replace(row, listened=listened, recorded=recorded, ends_in_s=ends_in)

    def usage(self) -> Iterator[Mapping[str, Mapping[str, UsedFigures]]]:
        """What each running call has used so far: by leg, and provider."""
        return (call.books.usage() for call in tuple(self.calls.values()))

    def lost_ms(self) -> float:
        """Speech that was never recognised, since the start. Asked once a second by dashboards: to
        look at 1,000 legs took 5 ms."""
        return round(self._lost_ms, 1)

    def _count_loss(self, event: Event) -> None:
        if event.type == "loss":
            self._lost_ms += float(str(event.data["ms"]))

    def measures(self) -> Iterator[LegMeasures]:
        """What each leg counted since it was opened; those that were created for a call together,
        also those that are closed. Legs may come and go between two steps: none counts twice, and
        none that was open at the first is left out."""
        legs = tuple(self.legs.values())
        # Of a leg that is closed nothing is out of service, and nobody is spoken to.
        gone = {**self._gone, "dead": 0, "tempo": 1_000}
        yield LegMeasures(CREATED_LABEL, gone, replace(self._gone_stats), replace(self._gone_tally))
        for leg in legs:
            measures = leg.lifetime()
            yield replace(measures, leg=CREATED_LABEL) if leg.created else measures

    # --- What the media reports ---

    def _frames(self, leg: Leg, frames: list[Frame]) -> int:
        if leg.call is not None and not leg.call.detached:
            return leg.hear(leg.call, frames)
        if not (self._closing or leg.created):
            leg.keep(frames)
            self._begin(leg)
        return 0

    def _playout(self, leg: Leg, event: Playout) -> None:
        for call in leg.calls:
            call.playout(leg.name, event)

    def _dead(self, leg: Leg) -> None:
        self.out_of_service.add(leg.name)
        if leg.call is not None:
            leg.call.end("a leg is out of service")

    def _source_changed(self, leg: Leg, change: SourceChange) -> None:
        self._journal.emit(
            "source",
            {"before": "{}:{}".format(*change.old), "now": "{}:{}".format(*change.new)},
            call=leg.call.name if leg.call else None,
            leg=leg.name,
        )

    def digit(self, leg: Leg, digit: Digit) -> None:
        """A key came with the audio of `leg`, which need not be on the board yet."""
        if not leg.digits_reported:
            self.pressed(leg, digit.key)

    def unheard(self) -> list[dict[str, str | int]]:
        """Legs to which RTP comes that are not set to it: `leg`, `format`, `port`."""
        return [
            {"leg": leg.name, **_about(found, leg)}
            for leg in self.legs.values()
            if (found := leg.media.unheard) is not None
        ]

    def _rtp_found(self, leg: Leg, found: RtpFound) -> None:
        found_there = {**_about(found, leg), "heard": found.taken}
        self._journal.emit(
            "rtp", found_there, call=leg.call.name if leg.call else None, leg=leg.name
        )

    def _begin(self, leg: Leg) -> None:
        """Begin a call with the frames that its legs have kept, unless they may be stragglers of the last one."""
        if time.monotonic() < leg.not_before:
            return
        other = self.legs[leg.other]
        if not self.out_of_service.isdisjoint((leg.name, other.name)):
            leg.take_early()
            return
        if leg.settings.at_pbx or not leg.has_early or self._refuses(leg, other):
            return
        self.connect(leg)

    def _run(self, name: str, legs: tuple[Leg, Leg], vendors: CallVendors | None = None) -> Call:
        self.calls_total += 1
        self._draws[name] = random.random()
        one, two = legs
        vendors = vendors or self.vendors.of(one.settings, two.settings)
        call = Call(
            name,
            (_party(one), _party(two)),
            vendors=replace(vendors, notices=with_recorder(vendors.notices, self.recorder, legs)),
            journal=self._journal,
            stages=self.stages,
            streaming=lambda who: self._streams(name, who),
            settings=self._settings,
            after=one.calls,
        )
        self.calls[name] = call
        for leg in legs:
            self._controls.begins(leg)
            leg.begin(call, leg.next_start)
        if self.recorder is not None:
            self.recorder.begin(call, legs)
        task = asyncio.create_task(call.run(), name=f"call-{name}")
        self._tasks[task] = call
        task.add_done_callback(self._ended)
        for leg in legs:
            if early := leg.take_early():
                call.frames(leg.name, early)
        return call

    def _refuses(self, leg: Leg, other: Leg) -> bool:
        """Whether the machine has no time for this call. Said once; a caller who goes on talking
        gets a call, from then on, when there is time."""
        now = time.monotonic()
        reason = self.refuses(now)
        if reason is None:
            self.pressure.admitted(now)
            leg.admitted()
            other.admitted()
            return False
        if now - max(leg.refused_at, other.refused_at) > self._settings.idle_timeout:
            names: list[Scalar] = [leg.name, other.name]
            self.pressure.give_up("calls")
            log.warning("call refused", legs=names, reason=reason)
            self._journal.emit(
                "call", {"state": "refused", "reason": reason, "legs": names}, leg=leg.name
            )
        leg.refused(now)
        return True

    def _ended(self, task: asyncio.Task[None]) -> None:
        call = self._tasks.pop(task)
        try:
            self.on_ended(call)
        except Exception:  # its legs must be free for the next call all the same
            log.exception("a bug in what is kept of a call", call=call.name)
        del self.calls[call.name]
        del self._draws[call.name]
        for name in call.legs:
            leg = self.legs[name]
            self._controls.over(call, leg)
            leg.end(call)
            if leg.created:
                self._remove(leg)
        call.drained.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a bug ended this call; others go on", call=call.name, exc_info=error)

    # --- Legs come and go ---

    def open_legs(self, legs: Mapping[str, MediaLeg]) -> None:
        """Legs of the settings, by name, that are open from now on: whole pairs."""
        seconds = {second for _, second in self._settings.pairs}
        for name, media in legs.items():
            leg, other = self._settings.leg(name), self._settings.other(name).name
            self._add(Leg(leg, media, other, second=name in seconds))
        for name in legs:
            self.legs[name].media.listen_to(self.legs[self.legs[name].other].media)

    def close_legs(self, names: Iterable[str]) -> None:
        """Close legs without a call: whole pairs. Their ports are free when this returns."""
        for name in names:
            self._remove(self.legs[name])

    def _add(self, leg: Leg) -> None:
        self.legs[leg.name] = leg
        if leg.created and leg.settings.mode:
            self.own_modes[leg.name] = leg.settings.mode
        leg.media.on_frames = functools.partial(self._frames, leg)
        leg.media.on_playout = functools.partial(self._playout, leg)
        leg.media.on_dead = functools.partial(self._dead, leg)
        leg.media.on_source = functools.partial(self._source_changed, leg)
        leg.media.on_rtp = functools.partial(self._rtp_found, leg)
        leg.media.on_digit = functools.partial(self.digit, leg)

    def _remove(self, leg: Leg) -> None:
        counted = leg.close()
        add_counters(self._gone, counted.media)
        add_up(self._gone_stats, counted.recognition)
        add_up(self._gone_tally, counted.said)
        del self.legs[leg.name]
        self.own_modes.pop(leg.name, None)
        self.out_of_service.discard(leg.name)

    def _streams(self, call: str, leg: str) -> bool:
        match self.mode_of(leg):
            case "prerecorded":
                return False
            case "streaming":
                return True
            case _:
                return self._draws[call] < self._share


def mode_line(mode: Mode) -> str:
    """The Node.js server's line, word for word."""
    if mode == "prerecorded":
        return "Deepgram API Mode: Prerecorded (buffered)"
    return "Deepgram API Mode: Streaming (WebSocket)"


def _party(leg: Leg) -> Party:
    there, awaited = leg.attended, leg.connection is not None
    return Party(leg.settings, leg.media, leg.next_start, leg.hearing, leg.second, there, awaited)


def _about(found: RtpFound, leg: Leg) -> dict[str, str | int]:
    format = found.format or f"payload type {found.payload_type}"
    return {"format": format, "port": leg.media.listen_address[1]}
