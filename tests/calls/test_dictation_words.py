"""The words that things are dictated with."""

from __future__ import annotations

import pytest

from translink.calls.dictation_words import DICTATION_WORDS, dictation_words
from translink.calls.function_words import FUNCTION_WORDS


def test_every_language_that_has_function_words_has_these() -> None:
    assert DICTATION_WORDS.keys() == FUNCTION_WORDS.keys()
    for words in DICTATION_WORDS.values():
        assert all(len(each) > 0 for each in (words.digits, words.numbers, words.dot, words.at))
        assert words.zero <= words.digits
        assert words.articles <= words.digits


def test_a_language_is_the_same_in_two_countries() -> None:
    assert dictation_words("pt-BR") is dictation_words("pt")
    assert not dictation_words("pl").digits


@pytest.mark.parametrize(
    ("language", "compounds"),
    [
        ("de", "einundzwanzig vierunddreißig neunundneunzig"),
        ("nl", "vierendertig tweeënveertig"),
        ("it", "ventuno trentotto trentaquattro ventitré"),
    ],
)
def test_numbers_that_are_written_in_one_word_are_known(language: str, compounds: str) -> None:
    assert set(compounds.split()) <= dictation_words(language).numbers
