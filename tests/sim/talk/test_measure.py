"""Figures of a run, from what left the mouths and what came to the ears."""

from __future__ import annotations

import pytest

from translink.sim.talk.chords import WRONG_NUMBER
from translink.sim.talk.engines import CommittedWords, TranslationRequest
from translink.sim.talk.measure import (
    HeardTalk,
    ends_at_clause,
    ends_on_function_word,
    measure,
)

SAID = {n: float(n) for n in range(6)}


def test_a_perfect_talk_has_its_delays_and_no_fault() -> None:
    way = HeardTalk(
        SAID,
        [(n, n + 2.0) for n in SAID],
        ["So we go on,", "and we are"],
        [TranslationRequest(0, 4.0, [0, 1, 2, 3], ""), TranslationRequest(0, 6.5, [4, 5], "")],
        finals=[CommittedWords(0, 3.0, 0, 4), CommittedWords(0, 6.0, 4, 6)],
    )
    figures = measure([way], minutes=0.1, final_delay=0.25)
    assert figures.sound
    assert figures.evs["p50"] == 2.0
    assert figures.growth == 0.0
    assert figures.word_to_request["max"] == 4.0
    assert figures.final_to_request["max"] == 0.75
    assert figures.segments_a_minute == 20
    assert figures.words_a_segment == 3.5
    assert figures.ends_at_clause == figures.ends_on_function_word == 0.5


def test_a_clause_that_waits_for_another_one_is_not_at_an_idle_ear() -> None:
    asked = [TranslationRequest(0, 2.0, [0], "so,"), TranslationRequest(0, 2.5, [1], "yes,")]
    way = HeardTalk({0: 1.0, 1: 2.0}, [(0, 3.0), (1, 4.0)], [], asked)
    assert measure([way], 0.1, 0.25).clause_to_sound["max"] == 2.0


def test_lag_that_grows_is_seen() -> None:
    way = HeardTalk(SAID, [(n, 1.2 * n + 2.0) for n in SAID], [])
    assert measure([way], 0.1, 0.25).growth == pytest.approx(12.0)


@pytest.mark.parametrize(
    ("heard", "fault"),
    [
        ([0, 1, 2, 3, 4], "words_lost"),
        ([0, 1, 1, 2, 3, 4, 5], "words_doubled"),
        ([0, 2, 1, 3, 4, 5], "words_out_of_order"),
        ([0, 1, 2, WRONG_NUMBER, 3, 4, 5], "words_revised"),
    ],
)
def test_each_fault_is_counted(heard: list[int], fault: str) -> None:
    figures = measure([HeardTalk(SAID, [(n, 9.0) for n in heard], [])], 0.1, 0.25)
    assert getattr(figures, fault) == 1
    assert figures.lost == ([(0, 5)] if fault == "words_lost" else [])
    assert not figures.sound


def test_a_segment_of_which_nothing_was_heard_was_never_said() -> None:
    asked = [TranslationRequest(0, 4.0, [0, 1], ""), TranslationRequest(0, 5.0, [2, 3], "")]
    way = HeardTalk({0: 0.0, 1: 1.0, 2: 2.0, 3: 3.0}, [(0, 5.0)], [], asked)
    assert measure([way], 0.1, 0.25).sentences_never_said == 1


def test_how_a_segment_ends() -> None:
    assert ends_at_clause("we go on;")
    assert not ends_at_clause("we go on")
    assert ends_on_function_word("and then the")
    assert not ends_on_function_word("I agree with that.")
    assert not ends_on_function_word("we go home")
