"""How long each stage takes: one histogram a stage, own time and providers' time kept apart.

| stage | from → to | whose time |
|---|---|---|
| `ring_to_wire` | frame complete → written to the WebSocket (not of silence that nobody waits for) | own |
| `speech_to_final` | last sound of a segment → its final result | provider |
| `commit_wait` | final result → the commit policy lets the segment go (0 unless it waits for a better end) | policy |
| `commit_to_request` | that → translation asked for | own |
| `translate` | translation asked for → there | provider |
| `request_to_audio` | speech asked for → first bytes of it | provider |
| `audio_to_sent` | first bytes → first datagram, when the ear was idle | own |
| `own` | commit → first datagram, less the two provider stages, when nothing else was being said | own |
| `queued` | the same when an earlier utterance was still being said, or the ear was busy or not there | the talker's |
| `mouth_to_ear` | last sound of a segment → first datagram of its translation | all |
| `ear_voice_span` | first sound of a segment → first datagram of its translation | all |
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from typing_extensions import TypedDict

OWNERS = {
    "ring_to_wire": "own",
    "speech_to_final": "provider",
    "commit_wait": "policy",
    "commit_to_request": "own",
    "translate": "provider",
    "request_to_audio": "provider",
    "audio_to_sent": "own",
    "own": "own",
    "queued": "talker",
    "mouth_to_ear": "all",
    "ear_voice_span": "all",
}
"""Whose time each stage is."""
STAGES = tuple(OWNERS)

_LOW = 1e-5
_BUCKET_STEP = 1.04
_BUCKETS = 420  # 10 µs × 1.04^420 = 140 s


class StageSummary(TypedDict):
    """Milliseconds, but for `count`."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float


class Histogram:
    """Counts in geometric buckets: any quantile within 4 %, constant memory."""

    __slots__ = ("_buckets", "count", "max")

    def __init__(self) -> None:
        # Not a list: the garbage collector would look at every number of every leg.
        self._buckets = array("Q", bytes(8 * (_BUCKETS + 1)))
        self.count = 0
        self.max = 0.0

    def observe(self, seconds: float) -> None:
        """Count one value; negative ones (two clocks that disagree by microseconds) count as 0."""
        Histogram.observe_in((self,), seconds)

    @staticmethod
    def observe_in(histograms: Iterable[Histogram], seconds: float) -> None:
        """Count one value in each of them. Its place is looked for once: that is most of the work."""
        bucket = bisect_left(_STAGE_BUCKET_EDGES, seconds)
        for each in histograms:
            each.count += 1
            if seconds > each.max:
                each.max = seconds
            each._buckets[bucket] += 1

    def quantile(self, q: float) -> float:
        """Upper edge of the bucket that holds quantile `q`, in seconds; 0.0 when empty."""
        wanted = math.ceil(q * self.count)
        seen = 0
        for index, count in enumerate(self._buckets):
            seen += count
            if count and seen >= wanted:
                return min(self.max, _LOW * _BUCKET_STEP**index)
        return 0.0

    def quantiles(self, *wanted: float) -> list[float]:
        """Several of them, rising, in one pass."""
        found: list[float] = []
        seen = 0
        for index, count in enumerate(self._buckets):
            if not count:
                continue
            seen += count
            while len(found) < len(wanted) and seen >= math.ceil(wanted[len(found)] * self.count):
                found.append(min(self.max, _LOW * _BUCKET_STEP**index))
        return found + [0.0] * (len(wanted) - len(found))

    def cumulative(self, edges: Sequence[float]) -> list[int]:
        """How many values are at most as long as each of the rising `edges` (seconds), to the
        bucket."""
        counts: list[int] = []
        seen = index = 0
        for edge in edges:
            while index <= _BUCKETS and _LOW * _BUCKET_STEP**index <= edge:
                seen += self._buckets[index]
                index += 1
            counts.append(seen)
        return counts

    def total(self) -> float:
        """Sum of the values, within 2 %: each counts as the middle of its bucket."""
        middle = _LOW / math.sqrt(_BUCKET_STEP)
        return sum(
            count * middle * math.pow(_BUCKET_STEP, index)
            for index, count in enumerate(self._buckets)
            if count
        )

    def summary(self) -> StageSummary:
        """Count and quantiles in milliseconds."""
        p50, p95, p99 = self.quantiles(0.50, 0.95, 0.99)
        return {
            "count": self.count,
            "p50": round(p50 * 1000, 3),
            "p95": round(p95 * 1000, 3),
            "p99": round(p99 * 1000, 3),
            "max": round(self.max * 1000, 3),
        }


_STAGE_BUCKET_EDGES = [_LOW * _BUCKET_STEP**step for step in range(_BUCKETS)]
"""Upper edges of the buckets; what is beyond the last falls into one more."""


class Stages:
    """One histogram per stage, for the process or for a call."""

    def __init__(self) -> None:
        self._histograms = {name: Histogram() for name in STAGES}

    def observe(self, stage: str, seconds: float) -> None:
        """Add a value. Raises `KeyError` for a stage that is not in the table above."""
        self._histograms[stage].observe(seconds)

    def __getitem__(self, stage: str) -> Histogram:
        return self._histograms[stage]

    def summary(self) -> dict[str, StageSummary]:
        """All stages that have seen anything."""
        return {name: h.summary() for name, h in self._histograms.items() if h.count}
