"""What the translator is shown: tests/calls/test_speaker.py has how much of it."""

from __future__ import annotations

from translink.calls.said_before import SaidBefore


def test_what_was_said_in_another_language_is_not_shown() -> None:
    said = SaidBefore()
    said.say("one", "en")
    assert said.context("en") == "one"
    assert said.context("fr") == ""
    said.say("deux", "fr")
    assert said.context("fr") == "deux"
    assert said.context("en") == ""


def test_a_copy_goes_on_by_itself() -> None:
    said = SaidBefore()
    said.say("one", "en")
    copy = said.copy()
    copy.say("two", "en")
    assert (said.context("en"), copy.context("en")) == ("one", "one two")
