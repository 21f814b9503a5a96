"""What legs counted: the figures of one, and how those of several calls or legs are added up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from translink.observe.record import Tally
from translink.recognition.rules import ListenStats

if TYPE_CHECKING:
    from translink._core import LegCounters

MOMENTARY = frozenset(
    {
        *("playout_queued", "rcvbuf", "last_datagram", "jitter_ns", "rtp_wait_ns"),
        *("behind_ns", "tempo", "echo_lag_ns", "echo_gain"),
    }
)
"""Counters that make no sum."""
_NOT_COUNTED = MOMENTARY | {"late_max", "dead"}
"""And those that make no difference between two times."""


@dataclass(frozen=True, slots=True)
class LegMeasures:
    """What a leg counted since it was opened."""

    leg: str
    """A name shared by those that come and go."""
    media: Mapping[str, int]
    recognition: ListenStats
    said: Tally
    """What became of the words that were said there."""
    quality: Mapping[str, float] = field(default_factory=dict)
    """Of its present call, as far as it is known (`CallBooks.quality`)."""


C = TypeVar("C", ListenStats, Tally)


def add_up(total: C, part: C) -> None:
    """Add the counts of `part` up in `total`."""
    for key, value in asdict(part).items():
        setattr(total, key, getattr(total, key) + value)


def plain(counters: LegCounters) -> Mapping[str, int]:
    """The same, by name: to the type checker the items of a TypedDict are anything."""
    return cast("Mapping[str, int]", counters)


def since(now: LegCounters, before: LegCounters) -> dict[str, int]:
    """What was counted between two readings; of the counters that make no difference, the newer value."""
    then = plain(before)
    return {
        key: value if key in _NOT_COUNTED else value - then[key]
        for key, value in plain(now).items()
    }
