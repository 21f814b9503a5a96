"""The pace at which one leg dials again. Sans-IO: time comes in as an argument."""

from __future__ import annotations

from random import Random


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
        first: tuple[float, float] = (0.05, 0.1),
        cap: float = 5.0,
        stable: float = 3.0,
    ) -> None:
        self._rng = rng or Random()
        self._first = first
        self._cap = cap
        self._stable = stable
        """A connection that lived this long was a good one: the next loss starts afresh."""
        self._losses = 0
        self._opened: float | None = None

    def opened(self, now: float) -> None:
        """A connection stands."""
        self._opened = now

    def lost(self, now: float) -> float:
        """A connection broke or could not be made. Returns the time of the next attempt."""
        if self._opened is not None and now - self._opened >= self._stable:
            self._losses = 0
        self._opened = None
        low, high = self._first
        if self._losses:
            high = min(high * 2 ** min(self._losses, 30), self._cap)
            low = high / 2
        self._losses += 1
        return now + self._rng.uniform(low, high)
