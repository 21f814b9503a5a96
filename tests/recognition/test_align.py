"""The same word, heard twice."""

from __future__ import annotations

from translink.recognition.align import restated
from translink.results import RATE, Word


def words(text: str, shift: float = 0.0) -> list[Word]:
    """One word each 0.4 s."""
    return [
        Word(word, int((place * 0.4 + shift) * RATE), int((place * 0.4 + shift + 0.3) * RATE))
        for place, word in enumerate(text.split())
    ]


def test_a_word_is_known_by_place_and_text() -> None:
    assert restated(words("Yes,"), words("yes", 0.2)) == 1
    assert restated(words("yes"), words("yes", 0.4)) == 0
    assert restated(words("yes"), words("no")) == 0


def test_a_longer_restatement_adds_only_its_end() -> None:
    assert restated(words("one two three"), words("one too three four five", 0.2)) == 3
    assert restated(words("one two"), words("three four", 0.1)) == 0
    assert restated([], words("one")) == 0
