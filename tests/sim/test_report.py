"""Counting words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from translink.sim.beacons import HeardBeacon, number_of
from translink.sim.lines import SaidBeacon
from translink.sim.report import (
    DirectionReport,
    count,
    handshakes_after_fault,
    percentiles,
    recoveries,
)


def direction(caller: int, said: int, heard: list[int]) -> DirectionReport:
    return DirectionReport(
        caller,
        [SaidBeacon(number_of(caller, n), float(n)) for n in range(said)],
        [HeardBeacon(number_of(caller, n), n + 1.5) for n in heard],
    )


def test_everything_heard_once_and_in_order_is_perfect() -> None:
    counts = count([direction(0, 5, [0, 1, 2, 3, 4]), direction(1, 2, [0, 1])])
    assert counts.perfect()
    assert (counts.words_said, counts.words_heard) == (7, 7)
    assert {delay for _, delay in counts.delays_ms} == {1500.0}


def test_a_missing_word_is_lost() -> None:
    counts = count([direction(0, 5, [0, 1, 3, 4])])
    assert (counts.words_lost, counts.lost) == (1, [number_of(0, 2)])
    assert not counts.perfect()


def test_a_word_heard_again_is_doubled() -> None:
    counts = count([direction(0, 3, [0, 1, 1, 2, 1])])
    assert (counts.words_doubled, counts.words_heard, counts.words_lost) == (2, 3, 0)
    assert not counts.perfect()


def test_a_word_after_a_later_one_is_out_of_order() -> None:
    counts = count([direction(0, 4, [0, 2, 1, 3])])
    assert (counts.words_out_of_order, counts.words_lost) == (1, 0)
    assert not counts.perfect()


def test_a_word_given_as_text_is_not_lost_but_not_heard_either() -> None:
    counts = count([direction(0, 3, [0, 2])], untranslated=[number_of(0, 1), number_of(0, 2)])
    assert (counts.words_lost, counts.words_untranslated, counts.words_heard) == (0, 1, 2)
    assert counts.perfect()


def test_a_word_nobody_said_is_invented_and_one_for_another_ear_is_misrouted() -> None:
    one, two = direction(0, 2, [0, 1, 99]), direction(1, 1, [0])
    two.heard.append(HeardBeacon(number_of(0, 1), 3.0))  # type: ignore[attr-defined]
    counts = count([one, two])
    assert (counts.words_invented, counts.words_misrouted) == (1, 1)
    assert not counts.perfect()


def test_silence_is_not_perfect() -> None:
    assert not count([direction(0, 0, [])]).perfect()


@given(st.integers(0, 30), st.lists(st.integers(0, 40), max_size=60))
def test_the_words_add_up_whatever_is_heard(said: int, heard: list[int]) -> None:
    counts = count([direction(0, said, heard)])
    assert counts.words_heard + counts.words_lost + counts.words_untranslated == counts.words_said
    known = [n for n in heard if n < said]
    assert counts.words_doubled == len(known) - len(set(known))
    assert counts.words_invented == len(heard) - len(known)


def test_percentiles_are_nearest_ranks() -> None:
    assert percentiles(range(1, 101)) == {"p50": 51, "p95": 96, "p99": 100, "max": 100}
    assert percentiles([]) == {"p50": None, "p95": None, "p99": None, "max": None}
    assert percentiles([3.0]) == {"p50": 3.0, "p95": 3.0, "p99": 3.0, "max": 3.0}


def test_recovery_is_the_next_stream_or_prerecorded_answer_for_the_same_caller() -> None:
    def stream(asked: float, answered: float | None, *callers: int) -> dict[str, object]:
        opened = None if answered is None else asked + 0.1
        return {"asked": asked, "opened": opened, "answered": answered, "callers": list(callers)}

    observed = {
        "struck": [{"at": 10.0, "fault": "listen:reset", "streams": [0, 1, 2]}],
        "streams": [
            stream(0, 1, 0),
            stream(0, 1, 1),
            stream(0, 1, 2),
            stream(10.05, 10.5, 1),
            stream(10.4, 11.0, 0),
        ],
        "answers": [{"at": 12.0, "callers": [2]}, {"at": 9.0, "callers": [2]}],
    }
    assert [(r.caller, r.ms) for r in recoveries(observed)] == [(0, 500.0), (1, 150.0), (2, 2000.0)]


def test_handshakes_count_from_the_first_fault_that_broke_a_stream() -> None:
    observed = {
        "struck": [{"at": 0.0, "streams": []}, {"at": 5.0, "streams": [0]}],
        "streams": [{"asked": 0.1}, {"asked": 5.1}, {"asked": 6.0}],
    }
    assert handshakes_after_fault(observed) == 2
    assert handshakes_after_fault({"struck": [], "streams": observed["streams"]}) == 0
