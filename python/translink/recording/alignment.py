"""Where on a recording's clock a leg's samples lie. Sans-IO.

A leg's samples are numbered as they come, so a pause in which nothing comes has no numbers; what its ear
is sent is numbered by the monotonic clock. To lie beside each other both need one clock, the monotonic one,
16 samples to the millisecond. It is looked up now and then how far the leg's samples go (the head) and when
the newest of them came. Sound can come late (jitter, gateways that send half a second at once), never early:
the place of a stretch is the earliest that the readings of the half second after it allow.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from translink.results import RATE

READINGS_WAIT = RATE // 2
"""For so long readings are waited for, before a stretch is placed."""
PLACE_TOLERANCE = RATE // 50
"""What lies closer than this to where it should be joins on: 20 ms."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples [start, end) of the leg, and where they lie."""

    start: int
    end: int
    at: int
    """Of its first sample, on the monotonic clock."""
    gap: int
    """Samples of silence before it."""
    late: int
    """How much later it lies than it should, if more than `PLACE_TOLERANCE`: what was written cannot be taken back."""


@dataclass(frozen=True, slots=True)
class _Reading:
    head: int
    at: int


class Alignment:
    """Of one leg in one recording."""

    def __init__(self, start: int, origin: int) -> None:
        """`start` = the leg's first sample in the recording; `origin` = the recording's beginning on
        the monotonic clock."""
        self._settled = start
        self._known = start
        self._at = origin
        """Where the next settled sample lies, if it joins on."""
        self._readings: deque[_Reading] = deque()

    @property
    def end(self) -> int:
        """On the monotonic clock, where what is settled ends."""
        return self._at

    def note(self, head: int, at: int) -> None:
        """The samples up to `head` are there; the last of them came at `at` (monotonic clock)."""
        if head > self._known:
            self._known = head
            self._readings.append(_Reading(head, at))

    def settled(self, now: int) -> list[Stretch]:
        """Stretches whose place is certain by now, in order."""
        found = []
        while self._readings and self._readings[0].at <= now - READINGS_WAIT:
            first = self._readings[0]
            lateness = min(
                each.at - each.head
                for each in self._readings
                if each.at <= first.at + READINGS_WAIT
            )
            self._readings.popleft()
            found.append(self._place(first.head, lateness))
        return found

    def rest(self) -> list[Stretch]:
        """What is left, at the end."""
        return self.settled(self._readings[-1].at + READINGS_WAIT) if self._readings else []

    def trimmed(self, samples: int) -> None:
        """So much silence was left out, to catch up."""
        self._at -= samples

    def skip(self, to: int) -> None:
        """Silence was written up to there."""
        self._at = max(self._at, to)

    def _place(self, end: int, lateness: int) -> Stretch:
        start, self._settled = self._settled, end
        gap = start + lateness - self._at
        late = -gap if gap < -PLACE_TOLERANCE else 0
        if gap <= PLACE_TOLERANCE:
            gap = 0
        self._at += gap + end - start
        return Stretch(start, end, self._at - (end - start), gap, late)
