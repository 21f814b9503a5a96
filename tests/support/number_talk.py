"""Talk whose every word is a number, and how it is heard: words can be counted exactly.

Word `n` is 200 ms in which every sample has the value `n`; words in a burst are 60 ms apart. A
recogniser that hears only a part of a word says `~n`, as a real one would say something: such a
word must never come out.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator

from translink.results import RATE, Word

FRAME = 320
WORD = RATE // 5
GAP = 3 * FRAME


def evenly(number: int) -> int:
    """Every word is as long as another: samples."""
    return WORD


def unevenly(number: int) -> int:
    """Words of 100 to 560 ms."""
    return (5 + number * 7 % 24) * FRAME


def talk(
    rng: random.Random,
    seconds: float,
    gap: int = GAP,
    length: Callable[[int], int] = evenly,
) -> Iterator[tuple[int, bool]]:
    """Values of successive frames, bursts of 2–14 words, `gap` samples apart, and pauses of 0.3–2
    s, and whether the word ends there."""
    words = itertools.count(1)
    frames = int(seconds * 50)
    made = 0
    while made < frames:
        for _ in range(rng.randint(2, 14)):
            number = next(words)
            long = length(number) // FRAME
            for i in range(long):
                yield number, i == long - 1
            for _ in range(gap // FRAME):
                yield 0, False
            made += long + gap // FRAME
        for _ in range(rng.randint(15, 100)):
            yield 0, False
            made += 1
    for _ in range(75):  # the engine's tail
        yield 0, False


class NumbersHeard:
    """The words in audio that comes bit by bit.

    They are kept: to hear all audio since the last final again with every frame was half of what a
    call in virtual time cost.
    """

    def __init__(self, offset: int = 0, length: Callable[[int], int] = evenly) -> None:
        self._length = length
        self._runs: list[tuple[int, int, int]] = []
        """Value, first sample, end, of those that are over."""
        self._words: list[Word] = []
        """In them."""
        self._value = 0
        self._start = offset
        self.end = offset
        """Sample up to which there is audio."""

    def take(self, pcm: bytes) -> None:
        """What comes next."""
        assert len(pcm) % (2 * FRAME) == 0, "audio is cut on the border of frames"
        for value in memoryview(pcm).cast("h")[::FRAME].tolist():
            if value != self._value:
                self._over()
                self._value, self._start = value, self.end
            self.end += FRAME

    def words(self) -> list[Word]:
        """So far; one that is cut is heard as `~n`."""
        if self._value and self.end > self._start:
            return [*self._words, self._word(self._value, self._start, self.end)]
        return self._words.copy()

    def forget(self, before: int) -> None:
        """It is heard as if it began there."""
        runs = [
            (value, max(start, before), end) for value, start, end in self._runs if end > before
        ]
        self._start = max(self._start, before)
        self._runs, self._words = runs, [self._word(*run) for run in runs if run[0]]

    def _over(self) -> None:
        if self.end > self._start:
            run = (self._value, self._start, self.end)
            self._runs.append(run)
            if self._value:
                self._words.append(self._word(*run))

    def _word(self, value: int, start: int, end: int) -> Word:
        return Word(str(value) if end - start == self._length(value) else f"~{value}", start, end)


def hear(pcm: bytes, offset: int = 0, length: Callable[[int], int] = evenly) -> list[Word]:
    """The words in `pcm`, which begins at sample `offset`."""
    heard = NumbersHeard(offset, length)
    heard.take(pcm)
    return heard.words()
