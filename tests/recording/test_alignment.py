"""A leg's samples find their place on the clock: across pauses, jitter, late bundles and clocks that drift."""

from __future__ import annotations

import random

from translink.recording.alignment import PLACE_TOLERANCE, READINGS_WAIT, Alignment, Stretch

MS = 16
"""Samples of a millisecond."""


def placed(
    readings: list[tuple[int, int]], until: int, origin: int = 0
) -> list[tuple[int, int, int]]:
    """(start, end, place) of every stretch; readings are (head, came)."""
    alignment = Alignment(0, origin)
    found: list[Stretch] = []
    for head, came in readings:
        alignment.note(head, came)
        found += alignment.settled(came)
    found += alignment.settled(until)
    return [(each.start, each.end, each.at) for each in found]


def test_steady_sound_joins_on() -> None:
    readings = [(n * 100 * MS, 1_000 + n * 100 * MS) for n in range(1, 30)]
    found = placed(readings, 1_000_000, origin=1_000)
    assert [(start, place - 1_000) for start, _, place in found] == [
        (n * 100 * MS, n * 100 * MS) for n in range(29)
    ]


def test_a_pause_in_which_nothing_comes_is_a_gap_of_its_length() -> None:
    before = [(n * 100 * MS, n * 100 * MS) for n in range(1, 11)]
    after = [(1_000 * MS + n * 100 * MS, 8_000 * MS + n * 100 * MS) for n in range(1, 11)]
    found = placed(before + after, 1_000_000)
    assert found[9] == (900 * MS, 1_000 * MS, 900 * MS)
    assert found[10] == (1_000 * MS, 1_100 * MS, 8_000 * MS)
    assert found[-1][2] == 8_900 * MS


def test_jitter_moves_nothing() -> None:
    chance = random.Random(7)
    readings = [
        (n * 100 * MS, n * 100 * MS + (0 if n % 4 == 0 else chance.randrange(80 * MS)))
        for n in range(1, 200)
    ]
    found = placed(readings, 10_000_000)
    assert max(abs(place - start) for start, _, place in found[:-5]) <= PLACE_TOLERANCE


def test_sound_that_comes_half_a_second_at_once_was_said_before_it_came() -> None:
    readings = [(n * 496 * MS, n * 496 * MS) for n in range(1, 20)]
    assert all(place == start for start, _, place in placed(readings, 10_000_000))


def test_what_is_late_says_by_how_much() -> None:
    alignment = Alignment(0, 0)
    alignment.skip(1_000 * MS)  # silence was written up to there
    alignment.note(100 * MS, 600 * MS)
    (stretch,) = alignment.settled(600 * MS + READINGS_WAIT)
    assert (stretch.gap, stretch.late) == (0, 500 * MS)


def test_a_talker_whose_clock_is_slow_stays_where_they_are() -> None:
    readings = [(n * 99 * MS, n * 100 * MS) for n in range(1, 600)]
    found = placed(readings, 100_000_000)
    for (start, end, place), (head, came) in zip(found, readings, strict=True):
        assert (start, end) == (head - 99 * MS, head)
        assert abs(place + 99 * MS - came) <= PLACE_TOLERANCE + 6 * MS
