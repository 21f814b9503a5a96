"""An ear that can hear the last thing again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translink.calls.speaker import Ear, next_utterance
from translink.results import RATE

if TYPE_CHECKING:
    from translink._core import Playout

LONGEST_AGAIN = 30 * 2 * RATE
"""Of one utterance; what is longer is said again without its end."""


class RepeatingEar:
    """Passes everything on and keeps what was heard last, and what waits behind it: as much as the ear
    itself holds."""

    def __init__(self, ear: Ear) -> None:
        self._ear = ear
        self._kept: dict[int, bytearray] = {}
        """In order of speech."""
        self._heard: int | None = None
        """What began to be heard last."""
        self._open: int | None = None
        """More of it will come: nothing may come in between."""
        self._due: bytes | None = None

    def play(self, utterance: int, pcm: bytes, last: bool = False) -> int:
        """See `Ear`."""
        accepted = self._ear.play(utterance, pcm, last)
        kept = self._kept.setdefault(utterance, bytearray())
        kept += pcm[: max(0, min(accepted, LONGEST_AGAIN - len(kept)))]
        self._open = None if last and accepted == len(pcm) else utterance
        if self._open is None and self._due is not None:
            self._say(self._due)
        return accepted

    def flush(self) -> None:
        """See `Ear`."""
        self._ear.flush()

    def playout(self, event: Playout) -> None:
        """A step of an utterance in this ear."""
        if event.kind == "started" and event.utterance in self._kept:
            self._heard = event.utterance
            for number in tuple(self._kept):
                if number < event.utterance:
                    del self._kept[number]

    def again(self) -> bool:
        """Say it again, after what is being said. False: nothing was heard yet."""
        if self._heard is None or self._due is not None:
            return False
        pcm = bytes(self._kept[self._heard])
        if self._open is None:
            self._say(pcm)
        else:
            self._due = pcm
        return True

    def _say(self, pcm: bytes) -> None:
        self._due = None
        number = next_utterance()
        if self._ear.play(number, pcm, True) < len(pcm):
            # Nobody offers the rest, and what never ends holds up all that follows.
            self._ear.play(number, b"", True)
