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
from collections.abc import Iterator
from dataclasses import replace

from translink.results import RATE, Result, Word, shifted

LIES = ("beyond", "restart", "shift", "longer", "hole", "empty")


class Liar:
    """The lies of one stream."""

    def __init__(self, lies: tuple[str, ...], jitter: float, seed: str) -> None:
        self._lies = lies
        self._jitter = jitter * RATE
        self._rng = random.Random(seed)
        self._lost = 0
        """Samples that the stream's clock has lost."""
        self._before: Result | None = None
        """Begins the next final once more."""

    def told(self, truth: Result) -> Iterator[Result]:
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
                yield shifted(self._moved(result), RATE // 5)
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
        if not self._jitter:
            return result
        return replace(result, words=tuple(self._elsewhere(word) for word in result.words))

    def _elsewhere(self, word: Word) -> Word:
        by = int(self._rng.gauss(0.0, self._jitter))
        return replace(word, start=max(0, word.start + by), end=max(1, word.end + by))
