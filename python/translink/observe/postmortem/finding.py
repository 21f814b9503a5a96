"""One thing that a post-mortem found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from translink.observe.record import Plain

Severity = Literal["bad", "warn", "note"]
"""`bad`: words were lost, came far too late, or nobody could understand; `warn`: it was near that, or is
about to be; `note`: worth knowing."""
Topic = Literal["delay", "provider", "loss", "words", "line", "level", "echo", "machine", "cost"]
ORDER_OF_SEVERITY: tuple[Severity, ...] = ("bad", "warn", "note")


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that went wrong in a call, or might have."""

    severity: Severity
    topic: Topic
    kind: str
    """Its name for programs: `speech_lost`, `too_quiet`, …"""
    leg: str | None
    said: str
    """In a sentence."""
    advice: str
    """What the operator can do; empty: nothing need be done."""
    figures: Mapping[str, Plain] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DelayPart:
    """What a part of the way from mouth to ear took, in the mean over all segments that were heard."""

    part: str
    owner: str
    """Whose time it is: `own`, `provider`, `policy`, `talker`."""
    seconds: float
    p95_s: float | None
    share: float
    """Of the sum."""


def times(number: int, what: str) -> str:
    """`1 segment`, `2 segments`."""
    return f"{number} {what}" + ("" if number == 1 else "s")
