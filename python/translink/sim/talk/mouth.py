"""A talker's sound: a tone while a word is said, nothing in between, and marks.

The tone's level swings like syllables do and its pitch changes from word to word: a sound that stays
the same for 3 s would be taken for the line's noise.
"""

from __future__ import annotations

import math
from array import array
from functools import cache
from itertools import count

from translink.results import FRAME_BYTES, RATE
from translink.sim.beacons import Planned
from translink.sim.talk.marks import MARKED_FRAMES, Mark, marked
from translink.sim.talk.words import TimedTalk


class TalkMouth:
    """One caller who says a talk and then nothing more. The consumer of the frames sets the pace."""

    def __init__(self, talk: TimedTalk, number: int, pcm: bytes, *, later: int = 0) -> None:
        """`number`: of the talk, for its marks; `pcm`: `sound(talk)`; `later`: frames of silence
        before it."""
        off = later * FRAME_BYTES // 2
        self.planned = [
            Planned(n, off + round(word.end * RATE)) for n, word in enumerate(talk.words)
        ]
        self._later = later
        self._number = number
        self._pcm = pcm
        self._frames = count()

    def hush(self) -> None:
        """The talk ends by itself."""

    def frame(self) -> tuple[bytes, bool]:
        """The next 640 bytes; all of them are sent."""
        frame = next(self._frames) - self._later
        if not 0 <= frame < MARKED_FRAMES:
            return bytes(FRAME_BYTES), True
        pcm = self._pcm[frame * FRAME_BYTES : (frame + 1) * FRAME_BYTES]
        return marked(pcm.ljust(FRAME_BYTES, b"\0"), Mark(self._number, frame)), True


class SilentMouth:
    """One who only listens: silence."""

    def __init__(self) -> None:
        self.planned: list[Planned] = []

    def hush(self) -> None:
        """Nothing to do: it is silent."""

    def frame(self) -> tuple[bytes, bool]:
        """640 bytes of silence, and that they are sent."""
        return bytes(FRAME_BYTES), True


def sound(talk: TimedTalk) -> bytes:
    """16 kHz s16le mono of a talk."""
    pcm = bytearray(2 * round(talk.seconds * RATE))
    for number, word in enumerate((*talk.words, *talk.fillers)):
        start, end = (2 * round(at * RATE) for at in (word.start, word.end))
        tone = _tone(_PITCHES[number % len(_PITCHES)])
        pcm[start:end] = (tone * ((end - start) // len(tone) + 1))[: end - start]
    return bytes(pcm)


@cache
def _tone(pitch: int) -> bytes:
    """One second."""
    samples = array("h")
    for n in range(RATE):
        at = math.tau * n / RATE
        voice = (
            math.sin(pitch * at) + 0.6 * math.sin(2 * pitch * at) + 0.4 * math.sin(5 * pitch * at)
        )
        samples.append(round(2_500 * (1 - 0.4 * math.cos(_SYLLABLES * at)) * voice))
    return samples.tobytes()


_PITCHES = (110, 140, 125, 165, 120, 150, 135)
_SYLLABLES = 5
"""A second."""
