"""What the simulated callers say and what arrives at their ears: words that can be counted.

A caller's word is a beacon whose upper ten bits name the caller and whose lower fourteen count their
words from 0. They speak in bursts of words with pauses between, all drawn from a seed.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from dataclasses import dataclass

from translink._core import BeaconDecoder, beacon_encode
from translink.results import FRAME_BYTES, RATE

CALLER_SHIFT = 14
CALLERS = 1023
"""Caller 1023's numbers are those that a revised partial result makes up: nobody has them."""


def number_of(caller: int, serial: int) -> int:
    """The beacon number of a caller's n-th word."""
    return caller << CALLER_SHIFT | serial % (1 << CALLER_SHIFT)


def caller_of(number: int) -> int:
    """The caller that says this number."""
    return number >> CALLER_SHIFT


@dataclass(frozen=True, slots=True)
class Manner:
    """How people talk. Seconds, but for the numbers of words."""

    words: tuple[int, int] = (3, 12)
    pause: tuple[float, float] = (0.4, 2.0)
    gap_ms: tuple[int, int] = (80, 150)
    """Between words: 3.4 to 4.5 words a second within a burst."""
    first: tuple[float, float] = (0.2, 1.5)
    """Before the first word."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A word in a caller's audio."""

    number: int
    end: int
    """One past its last sample, counted from the beginning of the caller's audio."""


class Talker:
    """One caller's voice: an endless stream of 20 ms frames. No clock: the consumer of the
    frames sets the pace.
    """

    def __init__(self, caller: int, seed: int, manner: Manner | None = None) -> None:
        if not 0 <= caller < CALLERS:
            raise ValueError(f"caller must be 0..{CALLERS - 1}, not {caller}")
        self.planned: list[Planned] = []
        """Every word that has been put into the audio so far."""
        self._caller = caller
        self._manner = manner or Manner()
        self._chance = random.Random(f"talker:{seed}:{caller}")
        self._burst = b""
        self._silence = self._seconds(self._manner.first)
        self._made = 0
        """Samples made, silence included."""
        self._quiet = False

    def hush(self) -> None:
        """Finish the burst and then say nothing more."""
        self._quiet = True

    def frame(self) -> tuple[bytes, bool]:
        """The next 640 bytes, and whether anything but a pause is in them."""
        parts, missing, speaking = [], FRAME_BYTES, False
        while missing:
            if self._burst:
                speaking = True
                part, self._burst = self._burst[:missing], self._burst[missing:]
                if not self._burst:
                    self._silence = self._seconds(self._manner.pause)
            elif self._silence or self._quiet:
                count = missing if self._quiet else min(missing, 2 * self._silence)
                part = bytes(count)
                self._silence = max(0, self._silence - count // 2)
            else:
                self._burst = self._next_burst()
                continue
            parts.append(part)
            missing -= len(part)
            self._made += len(part) // 2
        return b"".join(parts), speaking

    def _next_burst(self) -> bytes:
        pcm = bytearray()
        gap_ms = self._chance.randint(*self._manner.gap_ms)
        for _ in range(self._chance.randint(*self._manner.words)):
            number = number_of(self._caller, len(self.planned))
            word = beacon_encode(number, gap_ms=0)
            end = self._made + (len(pcm) + len(word)) // 2
            self.planned.append(Planned(number, end))
            pcm += word + bytes(gap_ms * RATE // 1000 * 2)
        return bytes(pcm)

    def _seconds(self, between: tuple[float, float]) -> int:
        return round(self._chance.uniform(*between) * RATE)


@dataclass(frozen=True, slots=True)
class HeardBeacon:
    """A word at an ear."""

    number: int
    at: float
    """When the datagram with its last sample arrived."""


class BeaconListener:
    """One caller's ear: datagrams in, words out. Silence that is not sent takes no time here."""

    def __init__(self) -> None:
        self.heard: list[HeardBeacon] = []
        self.datagrams = 0
        self._decoder = BeaconDecoder()
        self._samples = 0
        self._ends: list[int] = []
        self._times: list[float] = []

    def datagram(self, payload: bytes, at: float) -> None:
        """A datagram arrived at `at`."""
        self.datagrams += 1
        self._samples += len(payload) // 2
        self._ends.append(self._samples)
        self._times.append(at)
        words = self._decoder.push(payload)
        for number, _, end in words:
            place = min(bisect_left(self._ends, end), len(self._ends) - 1)
            self.heard.append(HeardBeacon(number, self._times[place]))
        if len(self._ends) > 200:
            del self._ends[:100], self._times[:100]

    def finish(self) -> None:
        """Nothing more will come."""
        for number, _, _ in self._decoder.finish():
            self.heard.append(HeardBeacon(number, self._times[-1]))
