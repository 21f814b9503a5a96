"""How slowly a recogniser answers, learned from its answers: so that slow is not taken for dead.

Sans-IO: time comes in as an argument. One for all streams of a process.
"""

from __future__ import annotations

LONGEST_PATIENCE = 10.0
"""Seconds. However slow a recogniser is, its silence is looked into after this, unless the rules say
more: what it holds back is in the ledger for six times as long."""
CADENCE_MARGIN = 1.6
"""A stream is given so many times as long as its slowest answer took."""
HALF_LIFE = 300.0
"""Seconds after which a slow answer counts half."""


class Cadence:
    """The slowest answer lately, and what patience follows from it."""

    def __init__(self) -> None:
        self._slowest = 0.0
        self._at: float | None = None
        self._doubt = 0.0

    def answered(self, after: float, now: float) -> None:
        """A stream said something new about speech that had waited for `after` seconds."""
        self._slowest = max(after, self._slowest_now(now))
        self._at = now

    def gave_up(self, after: float) -> None:
        """A stream that had never answered was given up after so many seconds. Unless others have
        answered faster, the next one is given twice as many."""
        if self._at is None:
            self._doubt = max(self._doubt, 2 * after)

    def patience(self, least: float, now: float) -> float:
        """Seconds that a stream may leave speech unanswered: `least`, or more if its slowest answers
        take longer."""
        wanted = self._doubt if self._at is None else CADENCE_MARGIN * self._slowest_now(now)
        return max(least, min(wanted, LONGEST_PATIENCE))

    def _slowest_now(self, now: float) -> float:
        if self._at is None:
            return 0.0
        return float(self._slowest * 0.5 ** ((now - self._at) / HALF_LIFE))
