"""Which leg is in which call: calls begin with a datagram here, and end here.

Also the predecessor's "state manager": counters per leg and system-wide. A leg's counters are those
of its present call (or, until the next one begins, of its last); the totals go on for as long as
the process lives.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import math
import random
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal, TypeVar

import structlog

from translink.call import Call, Party
from translink.listening import ListenStats, Mode
from translink.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from translink._core import Frame, LegCounters, Playout
    from translink.interpreter import Interpreter
    from translink.journal import Journal, Scalar
    from translink.listening import ListenRules
    from translink.media import MediaLeg
    from translink.pressure import Pressure
    from translink.services import Services
    from translink.settings import Settings
    from translink.transcript import CommitPolicy

log = structlog.get_logger("translink")

T = TypeVar("T")

SetMode = Literal["auto", "streaming", "prerecorded"]
LAST_WORDS = 2.0
"""Seconds a shutdown leaves to who is in mid-sentence."""
GUARD = 1.0
"""Seconds after a call's last datagram in which a straggler does not begin another call."""


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
        policy: CommitPolicy,
    ) -> None:
        self.stages = Stages()
        self.calls: dict[str, Call] = {}
        """Running calls by name."""
        self._settings = settings
        self._legs = legs
        self._services = services
        self._journal = journal
        self._rules = rules
        self._policy = policy
        self._numbers = itertools.count(1)
        self._tasks: dict[asyncio.Task[None], Call] = {}
        self._mode: SetMode = settings.mode
        self._leg_modes: dict[str, SetMode] = {
            leg.name: leg.mode for leg in settings.legs if leg.mode is not None
        }
        self._share = settings.streaming_share
        self._draws: dict[str, float] = {}
        """Each running call's lot in the roll-out, in [0, 1)."""
        self._by_leg: dict[str, Call] = {}
        self._heads: dict[str, int] = dict.fromkeys(legs, 0)
        self._not_before: dict[str, float] = dict.fromkeys(legs, 0.0)
        self._baselines: dict[str, LegCounters] = {n: m.counters() for n, m in legs.items()}
        self._next_baselines = dict(self._baselines)
        self._last: dict[str, ListenStats] = {name: ListenStats() for name in legs}
        self._past: dict[str, ListenStats] = {name: ListenStats() for name in legs}
        self._refused: dict[str, float] = {}
        """When a call was last refused to a leg that speaks."""
        self._closing = False
        self.calls_total = 0
        self.out_of_service: set[str] = set()
        """Legs that a bug in the media core has ended; their pairs get no calls."""
        for name, media in legs.items():
            media.on_frames = _bind(self._frames, name)
            media.on_playout = _bind(self._playout, name)
            media.on_dead = functools.partial(self._dead, name)
        log.info("[STREAMING-STATE] Deepgram Streaming State Manager initialized")

    # --- Control ---

    @property
    def pressure(self) -> Pressure:
        """How loaded the process is, and whether a call may begin."""
        return self._services.pressure

    @property
    def mode(self) -> SetMode:
        """The system's mode."""
        return self._mode

    @property
    def share(self) -> float:
        """Share of calls that stream in mode `auto`."""
        return self._share

    def mode_of(self, leg: str) -> SetMode:
        """The leg's own mode, or else the system's."""
        return self._leg_modes.get(leg, self._mode)

    def set_mode(
        self, mode: SetMode | None = None, leg: str | None = None, share: float | None = None
    ) -> None:
        """Change how speech is recognised, for the system (also where a leg had a mode of its own)
        or one leg, while calls run; None = as it is. Raises `KeyError` (no such leg)."""
        if leg is not None and leg not in self._legs:
            raise KeyError(leg)
        if leg is None:
            own = self._leg_modes if mode is None else {}
            self.set_modes(mode or self._mode, own, self._share if share is None else share)
        else:
            self._leg_modes[leg] = mode or self.mode_of(leg)
            self._apply(leg)

    def set_modes(self, mode: SetMode, legs: Mapping[str, SetMode], share: float) -> None:
        """Change all of it in one step, so that no call switches to and fro: the system's mode,
        the legs that have one of their own, and the share."""
        self._mode, self._leg_modes, self._share = mode, dict(legs), share
        self._apply(None)

    def _apply(self, leg: str | None) -> None:
        mode = self._mode if leg is None else self.mode_of(leg)
        log.info(mode_line(mode), leg=leg, mode=mode, share=self._share)
        self._journal.emit("settings", {"mode": mode, "share": self._share}, leg=leg)
        for call in self.calls.values():
            for name, interpreter in call.interpreters.items():
                interpreter.listener.use_streaming(self._streams(call.name, name))

    def end_call(self, name: str, reason: str) -> None:
        """Let a call end in good order. Raises `KeyError`."""
        self.calls[name].end(reason)

    async def watch(self) -> None:
        """End calls that nobody speaks in any more. Runs for ever."""
        while True:
            await asyncio.sleep(min(1.0, self._settings.idle_timeout / 4))
            now = time.monotonic()
            for call in tuple(self.calls.values()):
                if now - call.last_datagram() > self._settings.idle_timeout:
                    call.end("idle")

    async def close(self, reason: str) -> None:
        """No new calls; the running ones end in good order, bounded by the drain time-out."""
        self._closing = True
        for call in tuple(self.calls.values()):
            call.end(reason, patience=min(LAST_WORDS, self._settings.drain_timeout / 3))
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._settings.drain_timeout + 2.0)
        finally:
            # Also when we are cancelled, by a second signal: no call may outlive its media.
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=1.0)

    # --- State ---

    def leg_stats(self) -> dict[str, dict[str, object]]:
        """Per leg: media counters of its call, and `stt`."""
        out: dict[str, dict[str, object]] = {}
        for name, media in self._legs.items():
            counters = _since(media.counters(), self._baselines[name])
            interpreter = self._interpreter(name)
            stats = interpreter.listener.stats if interpreter else self._last[name]
            mode = interpreter.listener.mode if interpreter else Mode.IDLE
            out[name] = {
                **counters,
                "language": self._settings.leg(name).language,
                "call": self._by_leg[name].name if name in self._by_leg else None,
                "setting": self.mode_of(name),
                "stt": {"mode": mode.value, **asdict(stats)},
            }
        return out

    def totals(self) -> dict[str, object]:
        """Sums over all legs and calls since the start."""
        media: dict[str, int] = {}
        for leg in self._legs.values():
            for key, value in leg.counters().items():
                if key == "late_max":
                    media[key] = max(media.get(key, 0), int(str(value)))
                elif key not in _MOMENTARY:
                    media[key] = media.get(key, 0) + int(str(value))
        stt = ListenStats()
        for name in self._legs:
            _add(stt, self._past[name])
            if interpreter := self._interpreter(name):
                _add(stt, interpreter.listener.stats)
        return {
            **media,
            "stt": asdict(stt),
            "calls_total": self.calls_total,
            "calls_active": len(self.calls),
        }

    def call_records(self) -> list[dict[str, Scalar]]:
        """The running calls."""
        return [
            {"call": call.name, "began": call.began, **call.summary()}
            for call in self.calls.values()
        ]

    # --- What the media says ---

    def _frames(self, leg: str, frames: list[Frame]) -> None:
        call = self._by_leg.get(leg)
        if call is None:
            call = self._begin(leg, frames)
        self._heads[leg] = frames[-1].start + 320
        if call is not None:
            call.frames(leg, frames)

    def _playout(self, leg: str, event: Playout) -> None:
        if call := self._by_leg.get(leg):
            call.playout(leg, event)

    def _dead(self, leg: str) -> None:
        self.out_of_service.add(leg)
        if call := self._by_leg.get(leg):
            call.end("a leg is out of service")

    def _begin(self, leg: str, frames: list[Frame]) -> Call | None:
        """First frames of a call, unless they are stragglers of the last one or silence of our
        own."""
        if self._closing or time.monotonic() < self._not_before[leg]:
            return None
        if all(frame.filled == 640 for frame in frames):
            return None
        names = (leg, self._settings.other(leg).name)
        if not self.out_of_service.isdisjoint(names):
            return None
        if self._refuses(names):
            return None
        self._heads[leg] = frames[0].start
        self.calls_total += 1
        name = f"{names[0]}-{next(self._numbers)}"
        self._draws[name] = random.random()
        call = Call(
            name,
            (self._party(names[0]), self._party(names[1])),
            services=self._services,
            journal=self._journal,
            stages=self.stages,
            streaming=lambda who: self._streams(name, who),
            rules=self._rules,
            policy=self._policy,
            settings=self._settings,
        )
        self.calls[name] = call
        for each in names:
            self._by_leg[each] = call
            self._baselines[each] = self._next_baselines[each]
        task = asyncio.create_task(call.run(), name=f"call-{name}")
        self._tasks[task] = call
        task.add_done_callback(self._ended)
        return call

    def _refuses(self, names: tuple[str, str]) -> bool:
        """Whether the machine has no time for this call. Said once; the caller who goes on talking
        gets his call, from then on, when there is time."""
        now = time.monotonic()
        reason = self.pressure.refuses(now, len(self.calls))
        if reason is None:
            self.pressure.admitted(now)
            for name in names:
                self._refused.pop(name, None)
            return False
        last = max(self._refused.get(name, -math.inf) for name in names)
        if now - last > self._settings.idle_timeout:
            self.pressure.given_up["calls"] += 1
            log.warning("call refused", legs=list(names), reason=reason)
            self._journal.emit(
                "call", {"state": "refused", "reason": reason, "legs": list(names)}, leg=names[0]
            )
        self._refused[names[0]] = now
        return True

    def _ended(self, task: asyncio.Task[None]) -> None:
        call = self._tasks.pop(task)
        # After a call that ended idle whoever calls next is heard from his first word.
        guard = call.last_datagram() + min(GUARD, self._settings.idle_timeout)
        del self.calls[call.name]
        del self._draws[call.name]
        for leg in call.legs:
            stats = call.interpreters[leg].listener.stats
            self._last[leg] = stats
            _add(self._past[leg], stats)
            del self._by_leg[leg]
            self._next_baselines[leg] = self._legs[leg].counters()
            self._not_before[leg] = guard
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a bug ended this call; others go on", call=call.name, exc_info=error)

    def _party(self, leg: str) -> Party:
        return Party(self._settings.leg(leg), self._legs[leg], self._heads[leg])

    def _streams(self, call: str, leg: str) -> bool:
        match self.mode_of(leg):
            case "prerecorded":
                return False
            case "streaming":
                return True
            case _:
                return self._draws[call] < self._share

    def _interpreter(self, leg: str) -> Interpreter | None:
        call = self._by_leg.get(leg)
        return call.interpreters[leg] if call else None


def mode_line(mode: SetMode) -> str:
    """The predecessor's line, word for word."""
    if mode == "prerecorded":
        return "Deepgram API Mode: Prerecorded (buffered)"
    return "Deepgram API Mode: Streaming (WebSocket)"


_MOMENTARY = frozenset({"playout_queued", "rcvbuf", "last_datagram", "jitter_ns"})
"""Counters that make no sum."""
_STATES = _MOMENTARY | {"late_max", "dead"}
"""And those that make no difference between two times."""


def _since(now: LegCounters, before: LegCounters) -> dict[str, object]:
    return {
        key: value if key in _STATES else int(str(value)) - int(str(before[key]))  # type: ignore[literal-required]
        for key, value in now.items()
    }


def _add(total: ListenStats, part: ListenStats) -> None:
    for key, value in asdict(part).items():
        setattr(total, key, getattr(total, key) + value)


def _bind(handler: Callable[[str, T], None], leg: str) -> Callable[[T], None]:
    return lambda value: handler(leg, value)
