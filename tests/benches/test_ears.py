"""How late a datagram was, and where an utterance begins."""

from __future__ import annotations

import struct
from pathlib import Path

from benches.kit import calls
from benches.kit.ears import TICK, deviations_ms, read_ears
from translink._core import beacon_encode

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


def test_words_are_counted_with_the_time_of_their_last_datagram(tmp_path: Path) -> None:
    pcm = beacon_encode(7, gap_ms=0) + bytes(6_400) + beacon_encode(9, gap_ms=0) + bytes(6_400)
    frames = [pcm[at : at + 640].ljust(640, b"\0") for at in range(0, len(pcm), 640)]
    path = tmp_path / "heard"
    with path.open("wb") as file:
        for n, frame in enumerate(frames):
            file.write(struct.pack("=IIQ", 1, 640, 10**12 + n * TICK) + frame)
    heard, late = read_ears(path, 2)
    assert heard[0] == []
    assert [word.number for word in heard[1]] == [7, 9]
    last = -(-len(beacon_encode(7, gap_ms=0)) // 640) - 1
    assert abs(heard[1][0].at - (1_000.0 + last * TICK / 1e9)) < 0.021
    assert len(late) == len(frames)
    assert max(late) == 0.0


def test_what_has_no_room_in_memory_goes_to_the_disk() -> None:
    assert calls.roomy(10**15) == "/var/tmp"
    assert calls.roomy() != "/var/tmp"
