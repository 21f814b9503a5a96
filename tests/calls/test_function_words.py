"""What a segment must not end on, by language."""

from __future__ import annotations

import pytest

from translink.calls.function_words import FUNCTION_WORDS, is_function_word


@pytest.mark.parametrize(
    ("token", "language"),
    [
        ("the", "en"),
        ("The", "en-US"),
        ("I’m", "en"),
        ("du", "fr-CA"),
        ("À", "fr"),
        ("não", "pt-BR"),
    ],
)
def test_capitals_apostrophes_and_regions_do_not_hide_one(token: str, language: str) -> None:
    assert is_function_word(token, language)


@pytest.mark.parametrize("token", ["bridge", "the,", "that?", "", "is…"])
def test_a_mark_behind_it_ends_something_and_other_words_are_none(token: str) -> None:
    assert not is_function_word(token, "en")


def test_a_language_without_a_list_has_none() -> None:
    assert not is_function_word("the", "ja")
    assert not is_function_word("the", "")


def test_the_lists_are_words_in_small_letters_without_marks() -> None:
    for language, words in FUNCTION_WORDS.items():
        for word in words:
            assert word == word.lower(), language
            assert word.replace("'", "").isalpha(), (language, word)
