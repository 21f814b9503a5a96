"""How sure the recogniser was of its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from translink.results import Word

UNSURE_BELOW = 0.5


class Certainty:
    """Over the final words of one talker in one call."""

    def __init__(self) -> None:
        self._words = self._unsure = 0
        self._sum = 0.0
        self._graded = False
        """Some word had less than full confidence: a recogniser that gives none is taken for sure of everything."""

    def words(self, words: Iterable[Word]) -> None:
        """Count further final words with their confidence."""
        for word in words:
            self._words += 1
            self._sum += word.confidence
            self._unsure += word.confidence < UNSURE_BELOW
            self._graded = self._graded or word.confidence < 1.0

    @property
    def mean(self) -> float | None:
        """0 to 1; None: the recogniser gives none."""
        return round(self._sum / self._words, 3) if self._graded else None

    @property
    def unsure(self) -> float:
        """Share of words of which it was less than half sure."""
        return round(self._unsure / self._words, 3) if self._words else 0.0
