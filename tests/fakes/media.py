"""Stand-ins for what the media engine hands to Python."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FakeFrame:
    """Like `_core.Frame`."""

    start: int
    speech: bool
    captured: int
    ready: int
    filled: int = 0
    pcm: bytes = bytes(640)
    rms: int = 0
    peak: int = 0
    leg: int = 0
    life: int = 0
    echo: bool = False


@dataclass(frozen=True, slots=True)
class FakePlayout:
    """Like `_core.Playout`."""

    utterance: int
    kind: str
    at: int
    unplayed: int = 0
    leg: int = 0
