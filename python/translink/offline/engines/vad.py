"""An energy detector for speech ends: the offline server's endpointing. Sans-IO, time is audio
time.
"""

from __future__ import annotations

from array import array

PREROLL = 15
"""Frames (300 ms) before its opening that belong to the utterance."""
_ABSOLUTE = 110.0
"""Mean magnitude (about -50 dBFS) below which nothing is speech, however quiet the line."""
_RATIO = 3.0
"""Speech stands this far (9.5 dB) above the noise floor."""
_CEILING = 900.0
"""The floor never learns more than this: a loud talker without pause must not become the floor."""


class EnergyVad:
    """Tells for each 20 ms frame whether somebody speaks.

    Level against a noise floor that falls at once and rises by 3 % a frame only while nobody speaks
    (a doubling takes half a second). Two loud frames in a row open, `hang` quiet ones close.
    """

    def __init__(self, hang: int = 3) -> None:
        self._hang = hang
        self._floor = 60.0
        self._loud = 0
        self._quiet = hang
        self.active = False
        """Speech in the newest frames."""

    def push(self, frame: bytes | memoryview) -> bool:
        """Take 640 bytes of s16le; returns `active` after them."""
        samples = array("h", bytes(frame))
        # Every second sample is enough for a level and halves the cost (7 µs a frame).
        half = samples[::2]
        level = sum(map(abs, half)) / len(half)
        loud = level > _ABSOLUTE and level > self._floor * _RATIO
        if loud:
            self._loud += 1
            self._quiet = 0
            if self._loud >= 2:
                self.active = True
        else:
            self._loud = 0
            self._quiet += 1
            if self._quiet >= self._hang:
                self.active = False
        if level < self._floor:
            self._floor = max(level, 1.0)
        elif not self.active:
            self._floor = min(self._floor * 1.03 + 0.05, level, _CEILING)
        return self.active
