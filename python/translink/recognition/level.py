"""Quiet by level: what a voice detector, which waits before it calls a pause one, says too late.
Sans-IO.

The detector's hang-over is about a quarter of a second; between two clauses a talker pauses for less.
"""

from __future__ import annotations

FRAMES_A_SECOND = 50
RISE = 10 ** (3 / 20 / FRAMES_A_SECOND)
"""By which the floor rises a frame: 3 dB a second, so that a sentence does not lift it to itself."""
FALL = 10 ** (-6 / 20 / FRAMES_A_SECOND)
"""By which the talker's level falls a frame: 6 dB a second."""
ABOVE_FLOOR = 2.0
"""6 dB above the room's noise is still quiet."""
BELOW_TALKER = 1 / 16
"""So is 24 dB below the talker, in a room without noise."""
UNNOTICED = 10
"""Frames of sound after which a voice detector has made up its mind; longer is noise, or is speech to
the detector, too."""


class Quiet:
    """Finds the pauses of one leg by the level of its frames."""

    def __init__(self, least: float) -> None:
        """`least` = seconds that make a pause."""
        self._least = max(1, round(least * FRAMES_A_SECOND))
        self._floor = 1.0
        self._talker = 0.0
        self._frames = 0
        """Quiet ones in a row."""
        self._loud = 0
        """And those that are not."""

    @property
    def broken(self) -> bool:
        """A sound has just begun: a word perhaps, that the detector has not noticed yet."""
        return 0 < self._loud <= UNNOTICED

    @property
    def now(self) -> bool:
        """Whether the talker pauses."""
        return self._frames >= self._least

    @property
    def seconds(self) -> float:
        """That it has been quiet, up to the newest frame."""
        return self._frames / FRAMES_A_SECOND

    def frame(self, rms: int) -> bool:
        """Take a frame's level. True: with it a pause has begun."""
        if rms < self._floor:
            self._floor = rms if rms > 1 else 1.0
        else:
            self._floor *= RISE
        self._talker *= FALL
        if rms > self._talker:
            self._talker = rms
        if rms > ABOVE_FLOOR * self._floor and rms > BELOW_TALKER * self._talker:
            self._frames = 0
            self._loud += 1
            return False
        self._loud = 0
        self._frames += 1
        return self._frames == self._least
