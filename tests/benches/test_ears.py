"""How late a datagram was, and where an utterance begins."""

from __future__ import annotations

from benches.kit.ears import TICK, deviations_ms

MS = 1_000_000


def test_datagrams_on_their_grid_are_not_late() -> None:
    assert deviations_ms([n * TICK for n in range(5)]) == [0.0] * 5


def test_a_late_datagram_is_late_and_the_next_one_is_not() -> None:
    times = [n * TICK for n in range(6)]
    times[3] += 15 * MS
    assert deviations_ms(times) == [0.0, 0.0, 0.0, 15.0, 0.0, 0.0]


def test_a_pause_that_is_no_multiple_of_20_ms_begins_a_new_grid() -> None:
    first = [n * TICK for n in range(5)]
    second = [first[-1] + 47 * MS + n * TICK for n in range(5)]
    assert deviations_ms(first + second) == [0.0] * 10


def test_a_long_pause_is_never_lateness() -> None:
    assert deviations_ms([0, TICK, 500 * MS, 500 * MS + TICK]) == [0.0] * 4


def test_nothing_heard_is_not_late() -> None:
    assert deviations_ms([]) == []
