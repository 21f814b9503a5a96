"""Speech that waits for its final: how old it gets, and where it is cut off."""

from __future__ import annotations

import pytest

from translink.recognition.overdue import Overdue
from translink.recognition.speech_map import SpeechMap
from translink.results import FRAME, RATE

LEAST = RATE // 5


class OverdueLine:
    """A talker and how old their speech gets."""

    def __init__(self) -> None:
        self.speech = SpeechMap(0)
        self.overdue = Overdue(self.speech, LEAST, 4.5)

    def talk(self, seconds: float, *, speech: bool = True, rms: int = 2_000) -> None:
        for _ in range(round(seconds * 50)):
            self.speech.frame(self.speech.head, speech, rms * speech, 0)

    def border(self, covered: float = 0.0, idle: float = 0.0) -> float | None:
        at = self.overdue.border(round(covered * RATE), self.speech.head, idle)
        return None if at is None else at / RATE

    def final_after(self, seconds: float) -> None:
        """A talker who does not pause had to wait so long for a final of all they said."""
        before = self.speech.head
        self.talk(seconds)
        self.overdue.answered(before)


def test_who_does_not_pause_is_cut_where_it_is_quietest_behind_no_word_that_is_not_over() -> None:
    line = OverdueLine()
    line.talk(3.9)
    line.talk(0.02, rms=50)
    line.talk(0.5)
    assert line.border() is None
    line.talk(0.1)
    assert line.border() == pytest.approx(3.9)


def test_a_pause_is_a_better_place() -> None:
    line = OverdueLine()
    line.talk(3.6)
    line.talk(0.2, speech=False)
    line.talk(0.8)
    assert line.border() == pytest.approx(3.7)


def test_who_is_quiet_is_cut_where_they_are() -> None:
    line = OverdueLine()
    line.talk(3.0)
    line.talk(1.6, speech=False)
    assert line.border() == pytest.approx(line.speech.head / RATE - 0.1)


def test_a_gateway_that_sends_nothing_makes_no_speech_younger() -> None:
    line = OverdueLine()
    line.talk(1.0)
    assert line.border(idle=3.0) is None
    assert line.border(idle=4.0) is not None


def test_the_rest_of_a_detectors_hang_over_is_no_speech_that_waits() -> None:
    line = OverdueLine()
    line.talk(1.0)
    line.talk(5.0, speech=False)
    line.talk(2.0)
    assert line.border(covered=0.9) is None
    line.talk(2.7)
    assert line.border(covered=0.9) is not None


def test_silence_is_never_overdue() -> None:
    line = OverdueLine()
    line.talk(60.0, speech=False)
    assert line.border() is None
    assert not line.overdue.pressing(0, 0.0)


def test_what_the_stream_has_not_heard_is_not_held_against_it() -> None:
    line = OverdueLine()
    line.talk(5.0)
    assert line.overdue.border(0, round(0.1 * RATE), 0.0) is None
    assert line.overdue.border(0, round(2.0 * RATE) // FRAME * FRAME, 0.0) == 2 * RATE


def test_a_recogniser_that_takes_its_time_is_given_more_and_a_late_one_only_so_much() -> None:
    line = OverdueLine()
    line.final_after(5.5)
    covered = line.speech.head / RATE
    line.talk(5.9)
    assert line.border(covered) is None
    line.talk(0.3)
    assert line.border(covered) is not None
    line.final_after(30.0)
    covered = line.speech.head / RATE
    line.talk(7.1)
    assert line.border(covered) is not None


def test_quick_finals_make_a_slow_one_forgotten() -> None:
    line = OverdueLine()
    line.final_after(6.0)
    for _ in range(6):
        line.final_after(1.0)
    covered = line.speech.head / RATE
    line.talk(4.6)
    assert line.border(covered) is not None
