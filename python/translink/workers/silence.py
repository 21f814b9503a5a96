"""Which workers hang: nothing was heard of them for longer than a machine under load explains. Sans-IO."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

HANGS_AFTER: Final = 30.0
"""Seconds without a word, where one a second is usual, after which a worker is taken to hang. As `WatchdogSec` of
`deploy/translink.service`: shorter, and a machine that is overloaded loses calls that would have gone on."""
SILENCE_LOOK: Final = 1.0
"""Seconds between two looks."""


class Silence:
    """Of all workers. `now` = monotonic seconds."""

    def __init__(self) -> None:
        self._heard_at: dict[str, float] = {}
        self._looked_at: float | None = None

    def heard(self, worker: str, now: float) -> None:
        """It said something, or has just begun to serve."""
        self._heard_at[worker] = now

    def overdue(self, serving: Iterable[str], now: float) -> list[str]:
        """Those of the serving ones that hang; each is named once, until it is heard again."""
        stood_still = self._looked_at is not None and now - self._looked_at > 3 * SILENCE_LOOK
        self._looked_at = now
        if stood_still:  # we did, and could not hear them meanwhile
            self._heard_at = dict.fromkeys(self._heard_at, now)
        hanging = [name for name in serving if now - self._heard_at.get(name, now) >= HANGS_AFTER]
        for name in hanging:
            del self._heard_at[name]
        return hanging
