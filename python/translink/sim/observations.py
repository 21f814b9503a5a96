"""What the clients of the beacon server did while faults struck: kept for the report, bounded.

Times are seconds since the run began. Whose a stream is, is known by the beacons heard on it: the
upper ten bits of a word's number name who spoke it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass, field

from translink.sim.beacon_engines import WRONG_NUMBERS
from translink.sim.beacons import caller_of

MOST_OBSERVATIONS = 20_000
"""Streams and answers beyond are only counted."""


@dataclass(slots=True)
class Stream:
    """One live stream as the server saw it. Times are seconds since the script's start."""

    asked: float
    fate: str = "open"
    """`open`, `refused`, `reset`, `hung`; once it was open: `ended`."""
    opened: float | None = None
    answered: float | None = None
    """First Results message that left."""
    ended: float | None = None
    callers: set[int] = field(default_factory=set)


@dataclass(slots=True)
class ObservedAnswer:
    """One prerecorded request that was answered."""

    at: float
    callers: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Struck:
    """A fault that happened."""

    at: float
    fault: str
    streams: list[int]
    """Numbers of the open streams that it hit."""


class Observations:
    """What the simulated providers saw."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.answers: list[ObservedAnswer] = []
        self.struck: list[Struck] = []
        self.counts: Counter[str] = Counter()
        """By `service.fate`; also `service.peak`, the most requests at once."""

    def stream(self, now: float) -> tuple[int, Stream]:
        """A handshake begins: its number (-1 = too many to be kept) and its entry."""
        stream = Stream(now)
        if len(self.streams) >= MOST_OBSERVATIONS:
            return -1, stream
        self.streams.append(stream)
        return len(self.streams) - 1, stream

    def answer(self, now: float, text: str) -> None:
        """A prerecorded request is answered with `text`."""
        if len(self.answers) < MOST_OBSERVATIONS:
            self.answers.append(ObservedAnswer(now, callers_in(text)))

    def as_dict(self, now: float) -> dict[str, object]:
        """The same as JSON values."""
        return {
            "now": now,
            "struck": [asdict(struck) for struck in self.struck],
            "streams": [asdict(s) | {"callers": sorted(s.callers)} for s in self.streams],
            "answers": [{"at": a.at, "callers": sorted(a.callers)} for a in self.answers],
            "counts": dict(self.counts),
        }


def callers_in(text: str) -> set[int]:
    """The callers that spoke the beacon words of a text; made-up words do not count."""
    numbers = (int(digits) for digits in _BEACON.findall(text))
    return {caller_of(number) for number in numbers if number < WRONG_NUMBERS.start}


_BEACON = re.compile(r'"b(\d{1,8})[.,]?"')
