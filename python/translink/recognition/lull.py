"""Silence that a recogniser need not have at once. Sans-IO.

While an utterance is open every frame counts: its end is found by the silence behind it. Later nobody
waits for silence, and a message for each 20 ms of it is a fifth of what a call costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translink._core import Frame


@dataclass(frozen=True, slots=True)
class LullRules:
    """When silence leaves in longer messages."""

    after: float = 1.0
    """Seconds of quiet, with nothing open, from which on it does."""
    frames: int = 10
    """Per message; 1 = it never does. A new word is sent at once with the held frames before it, so
    this is also what a recogniser gets together at an onset: 200 ms."""


class Lull:
    """Holds the frames of one stream that may wait."""

    def __init__(self, rules: LullRules) -> None:
        self.after = rules.after
        self._most = rules.frames
        self._held: list[Frame] = []

    @property
    def holds(self) -> bool:
        """Silence waits here."""
        return bool(self._held)

    @property
    def room(self) -> int:
        """Frames that complete a message."""
        return self._most - len(self._held)

    def pass_on(self, frames: Sequence[Frame], *, calm: bool) -> Sequence[Frame]:
        """What leaves now, in order: all that was held and `frames`; or nothing yet, if it is `calm`
        and they are too few."""
        if self._held:
            frames = [*self._held, *frames]
            self._held = []
        if calm and len(frames) < self._most:
            self._held = list(frames)
            return ()
        return frames
