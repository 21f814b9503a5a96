"""What can be said of a text: tests/calls/test_speaker.py has what becomes of failures."""

from __future__ import annotations

from translink.calls.voicing import has_words, same_language, sayable


def test_sentences_without_a_word_are_left_out() -> None:
    assert sayable("!!! One. Two.", "en") == "One. Two."
    assert sayable("…", "en") == ""
    assert sayable("One.  Two.", "en") == "One.  Two.", "or nothing is touched"


def test_letters_and_digits_of_any_script_are_words() -> None:
    assert has_words("5")
    assert has_words("你")
    assert not has_words("… ?!")


def test_a_language_is_the_same_in_two_countries() -> None:
    assert same_language("en-US", "en")
    assert not same_language("en", "fr")
