"""A recogniser's finals as they should not be: seeded, one lie for about every sixth final.

beyond    its end lies ten seconds beyond the audio sent
restart   from here on the stream counts from 0 again
shift     said once more, 0.2 s later
longer    the next final begins with this one's words again
hole      left out (or unreadable)
empty     an interim with the words, then an empty final
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from translink.results import RATE, Result, Word, shifted

LIES = ("beyond", "restart", "shift", "longer", "hole", "empty")


class VirtualLiar:
    """The lies of one stream."""

    def __init__(self, lies: tuple[str, ...], jitter: float, seed: str) -> None:
        self._lies = lies
        self._jitter = jitter * RATE
        self._rng = random.Random(seed)
        self._lost = 0
        """Samples that the stream's clock has lost."""
        self._before: Result | None = None
        """Begins the next final once more."""

    def distort(self, truth: Result) -> Iterator[Result]:
        """What is sent instead of one true final."""
        result = shifted(self._moved(truth), -self._lost)
        if (before := self._before) is not None:
            self._before = None
            words = before.words + result.words
            text = " ".join(word.text for word in words)
            result = replace(result, start=before.start, words=words, text=text)
        lie = self._rng.choice(self._lies) if self._lies and self._rng.random() < 1 / 6 else ""
        if not truth.words:
            lie = ""
        match lie:
            case "beyond":
                yield replace(result, end=result.end + 10 * RATE)
            case "restart":
                self._lost += result.start
                yield shifted(result, -result.start)
            case "shift":
                yield result
                yield shifted(self._moved(truth), RATE // 5 - self._lost)
            case "longer":
                self._before = result
                yield result
            case "hole":
                pass
            case "empty":
                yield replace(result, final=False, speech_final=False)
                yield replace(result, words=(), text="")
            case _:
                yield result

    def _moved(self, result: Result) -> Result:
        """With word times as another pass would give them."""
        return replace(result, words=moved(result.words, self._jitter, self._rng))


def moved(words: Sequence[Word], deviation: float, rng: random.Random) -> tuple[Word, ...]:
    """With word times as another pass would give them: each border between two words moves, by a
    normal deviation (samples), 240 ms at most; words keep their order and, where they abut, abut.
    """
    if not deviation:
        return tuple(words)
    out: list[Word] = []
    before = None
    for word in words:
        if before is None or word.start - before.end > ABUT:
            start = word.start + _by(deviation, rng)
        else:
            start = out[-1].end + word.start - before.end
        start = max(0, start, out[-1].end if out else 0)
        end = max(word.end + _by(deviation, rng), start + RATE // 50)
        out.append(replace(word, start=start, end=end))
        before = word
    return tuple(out)


def _by(deviation: float, rng: random.Random) -> int:
    return int(max(-MOST, min(MOST, rng.gauss(0.0, deviation))))


ABUT = RATE // 10
"""Samples of silence that two passes do not tell apart from none."""
MOST = RATE * 24 // 100
