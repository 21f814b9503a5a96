"""How long to wait before the next attempt: the one rule, and the waits of a leg that dials again.

Sans-IO: time and chance come in as arguments.
"""

from __future__ import annotations

import math
from random import Random


def jittered(
    rng: Random, level: int, *, base: float, cap: float = math.inf, least: float = 0.5
) -> float:
    """Seconds to wait after `level` earlier waits: doubles from `base` up to `cap`, with full jitter
    between the share `least` of it and all of it, so that those that failed together are spread."""
    ceiling = min(base * 2 ** min(level, 30), cap)
    return rng.uniform(least * ceiling, ceiling)


class Backoff:
    """When one leg may dial again: soon after the first loss, then slower and slower.

    The first wait is 50 to 100 ms (a server that is back at once costs no more than that; fifty
    legs that lost it together are spread); then it doubles up to `cap`, full jitter between half
    and all of it.
    """

    def __init__(
        self,
        *,
        rng: Random | None = None,
        base: float = 0.1,
        cap: float = 5.0,
        stable: float = 3.0,
    ) -> None:
        self._rng = rng or Random()
        self._base = base
        self._cap = cap
        self._stable = stable
        """A connection that lived this long was a good one: the next loss starts afresh."""
        self._losses = 0
        self._opened: float | None = None

    def opened(self, now: float) -> None:
        """A connection stands: note when."""
        self._opened = now

    def lost(self, now: float) -> float:
        """A connection broke or could not be made. Returns the time of the next attempt."""
        if self._opened is not None and now - self._opened >= self._stable:
            self._losses = 0
        self._opened = None
        wait = jittered(self._rng, self._losses, base=self._base, cap=self._cap)
        self._losses += 1
        return now + wait
