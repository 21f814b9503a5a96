"""Helpers of speaking: tests/calls/test_speaker.py has what becomes of failures."""

from __future__ import annotations

from translink.calls.voicing import same_language


def test_a_language_is_the_same_in_two_countries() -> None:
    assert same_language("en-US", "en")
    assert not same_language("en", "fr")
