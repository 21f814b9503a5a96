"""What is done for an ear that is behind, beyond speaking faster: nothing, unless it was set."""

from __future__ import annotations

import array
from itertools import pairwise

import pytest

from translink.calls.hearing import Hearing
from translink.calls.lag import Lag, tone
from translink.results import RATE
from translink.settings.lag import LagSettings


class Behind:
    """An ear that is as far behind as a test says."""

    def __init__(self, **settings: float) -> None:
        self.seconds = 0.0
        self.hearing = Hearing(behind=lambda: self.seconds)
        self.lag = Lag(self.hearing, LagSettings.model_validate(settings))


def test_by_default_everything_is_said_however_long_it_takes() -> None:
    ear = Behind()
    ear.seconds = 500.0
    assert ear.lag.instead() is None
    assert not ear.lag.asks(0.0, 500.0, 0)


def test_beyond_the_limit_whole_segments_are_left_out_until_the_ear_has_caught_up() -> None:
    ear = Behind(leave_out=8.0)
    assert ear.lag.instead() is None
    ear.seconds = 8.0
    assert ear.lag.instead() == "skipped"
    ear.seconds = 7.9
    assert ear.lag.instead() is None


def test_an_ear_that_wants_text_only_is_played_nothing() -> None:
    ear = Behind(leave_out=8.0)
    ear.hearing.switch("captions", 0.0)
    assert ear.lag.instead() == "captions"
    ear.seconds = 100.0
    assert ear.lag.instead() == "captions"


def test_an_ear_that_was_set_to_wait_is_not_behind() -> None:
    ear = Behind(leave_out=8.0, ask_for_pause=4.0)
    ear.hearing.switch("consecutive", 0.0)
    ear.seconds = 100.0
    assert ear.lag.instead() is None
    assert not ear.lag.asks(0.0, 100.0, 0)


def test_a_talker_is_asked_for_a_pause_now_and_then_as_long_as_they_go_on() -> None:
    ear = Behind(ask_for_pause=4.0)
    asked = [at for at in range(20) if ear.lag.asks(float(at), 5.0, 0)]
    assert asked == [0, 5, 10, 15]
    assert not ear.lag.asks(30.0, 3.9, 0), "not so far behind"
    assert not ear.lag.asks(30.0, 9.0, 2 * RATE), "they pause"
    assert ear.lag.asks(30.0, 9.0, RATE)


def test_the_record_tells_how_far_it_was_behind_for_most_of_the_time() -> None:
    ear = Behind()
    for n in range(100):
        ear.lag.look(12.0 if n == 50 else n / 20)
    assert ear.lag.most == 12.0
    assert ear.lag.p95 == pytest.approx(4.75, rel=0.05)


def test_the_tone_is_short_soft_and_without_a_click() -> None:
    samples = array.array("h", tone())
    assert len(samples) == pytest.approx(0.3 * RATE, abs=2)
    assert 1_500 < max(map(abs, samples)) < 1_700
    steps = (abs(two - one) for one, two in pairwise(samples))
    assert max(abs(samples[0]), abs(samples[-1]), *steps) < 500
