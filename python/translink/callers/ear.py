"""What reached an ear, put on a timeline of real time. Sans-IO: time is an argument.

An ear is sent nothing between utterances, so a recording that only strung the datagrams together
would lose the pauses. `EarCheck` puts silence where nothing came and measures how evenly the rest came.
"""

from __future__ import annotations

import array
import math
import sys
from collections import deque
from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING

from translink.callers.wav import SAMPLE_BYTES
from translink.results import RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BYTES_PER_SECOND = RATE * SAMPLE_BYTES
AUDIBLE_PEAK = 300
"""Peak from which a datagram counts as sound: -40 dBFS; speech engines speak at -20 and louder."""
ARRIVAL_TOLERANCE = 0.060
"""Seconds that arrival may drift from the timeline before silence is put in: three frames of a busy
machine's jitter."""
BURST_END = 0.300
"""Seconds without sound that end a burst; the pauses inside a spoken sentence are shorter."""


@dataclass(slots=True)
class Burst:
    """Sound without a pause of `BURST_END`: roughly a spoken sentence."""

    began: float
    """Arrival of its first audible datagram."""
    ended: float
    """Arrival of its last audible datagram plus that one's length."""
    peak: int
    squares: float
    """Sum of squared samples of its audible datagrams."""
    samples: int

    @property
    def rms(self) -> float:
        """Loudness of its audible datagrams, 0 … 32768."""
        return math.sqrt(self.squares / self.samples) if self.samples else 0.0


class EarCheck:
    """Counts, records and times the datagrams of one ear.

    Bounded: it keeps the last 4,096 bursts and 65,536 arrival deviations; older ones are forgotten,
    the counters are not. The recording goes to `record` as it comes and is not kept here.
    """

    def __init__(self, began: float, record: Callable[[bytes], object] | None = None) -> None:
        """`began` is second 0 of the recording; `record` is called with whole samples of s16le."""
        self.began = began
        self.datagrams = 0
        self.bytes = 0
        self.gaps = 0
        """Times a datagram came more than `ARRIVAL_TOLERANCE` late inside a burst: what a listener hears as
        a stutter."""
        self.bursts: deque[Burst] = deque(maxlen=4096)
        self.first_sound: float | None = None
        self.last_sound: float | None = None
        self._record = record
        self._recorded = 0
        self._odd = b""
        self._expected: float | None = None
        self._deviations: deque[float] = deque(maxlen=65_536)

    @property
    def sound_seconds(self) -> float:
        """How long sound was heard, pauses inside sentences included."""
        return sum(burst.ended - burst.began for burst in self.bursts)

    def hear(self, payload: bytes, at: float) -> None:
        """A datagram came at `at`."""
        self.datagrams += 1
        self.bytes += len(payload)
        self._measure(len(payload) / BYTES_PER_SECOND, at)
        whole = self._odd + payload
        cut = len(whole) - len(whole) % SAMPLE_BYTES
        whole, self._odd = whole[:cut], whole[cut:]
        self._write(whole, at)
        self._listen(whole, at)

    def finish(self, at: float) -> None:
        """Fill the recording with silence up to `at`."""
        self._pad(at, tolerance=0.0)

    def silent_for(self, now: float) -> float | None:
        """Seconds since the last sound; None = none was heard yet."""
        return None if self.last_sound is None else max(0.0, now - self.last_sound)

    def deviation_ms(self, share: float) -> float:
        """How far from its place a datagram came, in milliseconds: `share` of all were at most this
        far.

        The place is the arrival of the datagram before plus that one's length; datagrams after a
        pause count not.
        """
        return 1000 * percentile(self._deviations, share)

    def _measure(self, length: float, at: float) -> None:
        if self._expected is not None:
            off = at - self._expected
            if off < BURST_END:
                self._deviations.append(abs(off))
                self.gaps += off > ARRIVAL_TOLERANCE
        self._expected = at + length

    def _write(self, pcm: bytes, at: float) -> None:
        # A datagram is placed where it arrives: that is when a gateway would play it.
        self._pad(at, ARRIVAL_TOLERANCE)
        self._recorded += len(pcm)
        if self._record is not None and pcm:
            self._record(pcm)

    def _pad(self, at: float, tolerance: float) -> None:
        missing = at - self.began - self._recorded / BYTES_PER_SECOND
        if missing <= tolerance:
            return
        while (silence := round(missing * RATE) * SAMPLE_BYTES) > 0:
            piece = bytes(min(silence, BYTES_PER_SECOND))  # a second at a time: pauses may be long
            self._recorded += len(piece)
            missing -= len(piece) / BYTES_PER_SECOND
            if self._record is not None:
                self._record(piece)

    def _listen(self, pcm: bytes, at: float) -> None:
        samples = _samples(pcm)
        peak = loudest(pcm)
        if peak < AUDIBLE_PEAK:
            return
        ended = at + len(samples) / RATE
        if not self.bursts or at - self.bursts[-1].ended > BURST_END:
            self.bursts.append(Burst(at, ended, 0, 0.0, 0))
        burst = self.bursts[-1]
        burst.ended = ended
        burst.peak = max(burst.peak, peak)
        burst.squares += sum(map(mul, samples, samples))
        burst.samples += len(samples)
        if self.first_sound is None:
            self.first_sound = at
        self.last_sound = ended


def loudest(pcm: bytes) -> int:
    """Highest absolute sample of s16le, 0 of nothing."""
    return max(map(abs, _samples(pcm)), default=0)


def percentile(values: Sequence[float] | deque[float], share: float) -> float:
    """Nearest-rank percentile; 0 of nothing is 0."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def _samples(pcm: bytes) -> array.array[int]:
    samples = array.array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples
