"""Which language where."""

from __future__ import annotations

from translink.recognition.languages import REMEMBERED, Languages


def test_a_language_that_was_asked_for_is_wanted_at_once_and_spoken_from_its_turn_on() -> None:
    languages = Languages(100, "en")
    languages.set_language("fr")
    assert (languages.now, languages.wanted, languages.changing) == ("en", "fr", True)
    languages.change_at(500)
    assert (languages.now, languages.wanted, languages.changing) == ("fr", "fr", False)
    assert [languages.at(sample) for sample in (0, 100, 499, 500, 9_000)] == [
        "en", "en", "en", "fr", "fr",
    ]  # fmt: skip


def test_of_languages_changed_before_the_pause_only_the_last_counts() -> None:
    languages = Languages(0, "en")
    languages.set_language("fr")
    languages.set_language("de")
    languages.change_at(10)
    assert [languages.at(sample) for sample in (9, 10)] == ["en", "de"]


def test_what_was_long_ago_is_forgotten() -> None:
    languages = Languages(0, "0")
    for number in range(1, 2 * REMEMBERED):
        languages.set_language(str(number))
        languages.change_at(100 * number)
    assert languages.at(0) == str(REMEMBERED)
    assert languages.at(10**9) == str(2 * REMEMBERED - 1)
