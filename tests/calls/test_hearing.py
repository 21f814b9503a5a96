"""What an ear heard in the talker's own voice, and what it was played."""

from __future__ import annotations

import pytest

from translink.calls.hearing import Hearing, PlayedTexts


def test_what_was_said_wholly_while_the_talker_was_heard_need_not_be_said_again() -> None:
    hearing = Hearing()
    hearing.switch("through", 100.0)
    assert hearing.heard_itself(101.0, 102.0)
    hearing.switch("replace", 110.0)
    assert hearing.heard_itself(101.0, 109.0)
    assert not hearing.heard_itself(111.0, 112.0)


@pytest.mark.parametrize(
    ("began", "ended"),
    [
        (99.0, 101.0),  # began before the switch
        (100.1, 102.0),  # while it got louder
        (108.0, 111.0),  # went on after the switch back
        (108.0, 109.95),  # what waited in the mix was not heard any more
        (0.0, 105.0),  # nobody knows when it began
        (105.0, 0.0),
    ],
)
def test_what_was_heard_in_part_is_said_as_well(began: float, ended: float) -> None:
    hearing = Hearing()
    hearing.switch("through", 100.0)
    hearing.switch("duck", 110.0)
    assert not hearing.heard_itself(began, ended)


def test_several_switches_are_remembered_and_the_same_one_twice_is_one() -> None:
    hearing = Hearing("through")
    assert hearing.heard_itself(1.0, 5.0), "from the beginning"
    hearing.switch("captions", 10.0)
    hearing.switch("replace", 20.0)
    hearing.switch("through", 30.0)
    hearing.switch("through", 35.0)
    hearing.switch("duck", 40.0)
    stretches = [(1.0, 9.0), (12.0, 18.0), (22.0, 28.0), (31.0, 39.0), (41.0, 42.0)]
    assert [hearing.heard_itself(*each) for each in stretches] == [True, False, False, True, False]


def test_an_ear_remembers_what_it_was_played_and_when() -> None:
    played = PlayedTexts()

    def between(start: float, end: float) -> str:
        return " ".join(each.text for each in played.between(start, end))

    played.begin(1, "one two", 10.0)
    played.end(1, 12.0)
    played.begin(2, "three", 12.0)
    assert between(0.0, 9.0) == ""
    assert between(11.0, 11.5) == "one two"
    assert between(11.5, 20.0) == "one two three"
    assert between(30.0, 31.0) == "three", "it goes on"
    played.end(2, 13.0)
    played.end(7, 13.0)
    assert between(30.0, 31.0) == ""
    for number in range(100):
        played.begin(number, str(number), 50.0)
    assert len(played.between(50.0, 50.0)) == 64
