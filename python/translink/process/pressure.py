"""How loaded this process is, and what it gives up first.

Theory of operation
    A ladder of rungs, in order of what a caller would miss least: captions of unfinished speech and
    updates of the dashboard (`SHED`), then small messages to the recogniser (`COALESCE`: fewer,
    longer ones cost less: 2, 3, then 5 frames each), then new calls (`REFUSE`). No running call
    loses audio for another.

    `observe` is called, every `STEP_SECONDS` seconds, how late the loop is and which share of the time its
    thread ran or waited for a processor (`meter` measures both). The larger of the two, as a
    share of what can be borne, is the strain. At or above the next rung's threshold the ladder is
    climbed by one rung; it is descended by one after `HOLD_SECONDS` seconds below the present rung's own,
    lower threshold. So what a rung saves does not undo it at once: from calm to refusing takes
    about a second, each step back `HOLD_SECONDS` seconds. More strain never gives a lower rung.

    A moment says nothing (a page fault, a collection of garbage, ten calls that begin at once):
    being busy is averaged over `MEMORY_SECONDS` seconds, and a lateness counts when the next one is as
    large.

What is left out is counted here, so that it shows in `/api/stats` and `/metrics`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, get_args

LATE_SECONDS = 0.1
"""A loop that is so late (seconds), twice in a row, is taken for one that has no time left."""
MEMORY_SECONDS = 0.5
"""Seconds after which a busy moment weighs a third of what it did."""
STEP_SECONDS = 0.2
"""Seconds from one observation, and one rung up, to the next."""
HOLD_SECONDS = 3.0
"""Seconds of less strain before one rung is left."""
ADMISSION = 0.2
"""Seconds from one new call to the next while messages are coalesced: callers who were refused must
not all come in with the same datagram."""


class Level(IntEnum):
    """What is given up; each level includes the ones below it."""

    CALM = 0
    SHED = 1
    """Interims and dashboard updates are left out."""
    COALESCE = 2
    """Audio goes to the recogniser in longer messages."""
    REFUSE = 3
    """No new calls."""


Sheddable = Literal["interims", "updates", "messages", "calls"]
"""Captions of unfinished speech; the dashboard's; messages to the recogniser that were joined to
others (not lost); calls not begun."""
_SHEDDABLE: tuple[Sheddable, ...] = get_args(Sheddable)


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """From which strain on (1 = no time left) something is given up; above 1: never."""

    shed: float = 0.7
    coalesce: float = 0.8
    refuse: float = 0.9
    max_calls: int = 0
    """Calls at once, whatever the strain; 0 = no such limit."""


class Pressure:
    """One per process; handed to all that can give something up."""

    def __init__(self, limits: LoadLimits | None = None) -> None:
        self.level = Level.CALM
        self.frames_per_message = 1
        """20 ms frames in one message to the recogniser: 1, 2, 3 or 5. `media` gathers them."""
        self.given_up: dict[Sheddable, int] = dict.fromkeys(_SHEDDABLE, 0)
        """What was left out since the start."""
        self.strain = 0.0
        """As last observed; 1 = no time left."""
        self.lag = 0.0
        """Seconds that the loop was late, as last observed."""
        self.busy = 0.0
        """Share of the time that the loop's thread ran or waited for a processor, averaged."""
        self._limits = limits or LoadLimits()
        self._rungs = _ladder(self._limits)
        self._rung = 0
        self._last_lag = 0.0
        self._observed = 0.0
        self._pressed = 0.0
        """When there was last too much strain for a lower rung."""
        self._admitted = -ADMISSION

    def give_up(self, what: Sheddable, number: int = 1) -> None:
        """So many were left out."""
        self.given_up[what] += number

    def observe(self, now: float, lag: float, busy: float) -> Level:
        """Tell how late the loop is (seconds) and how busy its thread (share); the level from now
        on. `now` is monotonic seconds."""
        since = now - self._observed if self._observed else STEP_SECONDS
        self._observed = now
        self.lag = lag
        self.busy += (min(1.0, busy) - self.busy) * (1 - math.exp(-since / MEMORY_SECONDS))
        self.strain = strain = min(1.0, max(self.busy, min(lag, self._last_lag) / LATE_SECONDS))
        self._last_lag = lag
        rungs = self._rungs
        for _ in range(
            max(1, round(since / STEP_SECONDS))
        ):  # a late loop makes up for what it missed
            if self._rung + 1 < len(rungs) and strain >= rungs[self._rung + 1].on:
                self._rung += 1
        if strain >= rungs[self._rung].off:
            self._pressed = now
        elif now - self._pressed >= HOLD_SECONDS:
            self._rung -= 1
            self._pressed = now
        self.level = rungs[self._rung].level
        self.frames_per_message = rungs[self._rung].frames
        return self.level

    def refuses(self, now: float, calls: int) -> str | None:
        """Why no call may begin now, beside `calls` that run: `overloaded` or `full`; None = it
        may. The caller that then lets it begin says `admitted`."""
        if 0 < self._limits.max_calls <= calls:
            return "full"
        if self.level is Level.REFUSE:
            return "overloaded"
        if self.level is Level.COALESCE and now - self._admitted < ADMISSION:
            return "overloaded"
        return None

    def admitted(self, now: float) -> None:
        """Note that a call begins now."""
        self._admitted = now

    def unready(self, calls: int) -> str | None:
        """Why `/ready` should say no: as `refuses`, but not for the fraction of a second that one
        call must wait for another."""
        if 0 < self._limits.max_calls <= calls:
            return "full"
        return "overloaded" if self.level is Level.REFUSE else None

    def summary(self) -> Mapping[str, object]:
        """The level and the load behind it, for `/api/stats`."""
        return {
            "level": self.level.name.lower(),
            "frames_per_message": self.frames_per_message,
            "busy": round(self.busy, 3),
            "lag_ms": round(self.lag * 1000, 1),
            "given_up": dict(self.given_up),
        }


@dataclass(frozen=True, slots=True)
class _Rung:
    level: Level
    frames: int
    on: float
    """Climbed at this strain."""
    off: float
    """Left below this one."""


def _ladder(limits: LoadLimits) -> tuple[_Rung, ...]:
    """Coalescing saves up to a third of a rung's work, shedding less, refusing nothing at once; so
    far below its threshold each rung is held."""
    third = max(0.0, limits.refuse - limits.coalesce) / 3
    coalesce = limits.coalesce
    steps = [
        (Level.SHED, 1, limits.shed, 0.75),
        (Level.COALESCE, 2, coalesce, 0.66),
        (Level.COALESCE, 3, coalesce + third, 0.66),
        (Level.COALESCE, 5, coalesce + 2 * third, 0.66),
        (Level.REFUSE, 5, limits.refuse, 0.88),
    ]
    rungs = [_Rung(level, frames, on, on * share) for level, frames, on, share in steps]
    return (_Rung(Level.CALM, 1, 0.0, 0.0), *rungs)
