"""An ear's recording keeps real time; virtual time here."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink.callers.ear import BYTES_PER_SECOND, EarCheck, percentile

LOUD = struct.pack("<h", 5_000) * 320
FAINT = struct.pack("<h", 20) * 320


def listen(*arrivals: tuple[float, bytes], began: float = 100.0) -> tuple[EarCheck, bytearray]:
    tape = bytearray()
    ear = EarCheck(began, tape.extend)
    for at, payload in arrivals:
        ear.hear(payload, began + at)
    return ear, tape


def test_silence_stands_where_nothing_came() -> None:
    ear, tape = listen((1.0, LOUD), (3.0, LOUD))
    ear.finish(104.0)
    assert len(tape) == 4 * BYTES_PER_SECOND
    assert tape[BYTES_PER_SECOND:][:640] == LOUD
    assert tape[3 * BYTES_PER_SECOND :][:640] == LOUD
    assert tape.count(b"\0") == len(tape) - 2 * 640


def test_small_jitter_is_not_torn_open() -> None:
    _, tape = listen((0.0, LOUD), (0.035, LOUD), (0.040, LOUD), (0.070, LOUD))
    assert tape == LOUD * 4


def test_a_burst_that_comes_all_at_once_is_kept_whole() -> None:
    ear, tape = listen(*[(0.5, LOUD)] * 50)
    assert tape[BYTES_PER_SECOND // 2 :] == LOUD * 50
    assert ear.gaps == 0


def test_a_late_datagram_in_a_burst_is_a_gap_and_a_pause_is_none() -> None:
    ear, _ = listen((0.0, LOUD), (0.02, LOUD), (0.14, LOUD), (0.16, LOUD), (2.0, LOUD))
    assert ear.gaps == 1


def test_bursts_are_parted_by_pauses() -> None:
    ear, _ = listen((1.0, LOUD), (1.02, LOUD), (1.2, LOUD), (2.0, LOUD))
    assert [(round(b.began, 2), round(b.ended, 2)) for b in ear.bursts] == [
        (101.0, 101.22),
        (102.0, 102.02),
    ]
    assert ear.bursts[0].rms == pytest.approx(5_000)
    assert ear.sound_seconds == pytest.approx(0.24)


def test_silence_that_is_sent_is_no_sound() -> None:
    ear, _ = listen((0.0, FAINT), (0.02, bytes(640)))
    assert ear.datagrams == 2
    assert not ear.bursts
    assert ear.silent_for(200.0) is None


def test_silence_is_counted_from_the_end_of_the_last_sound() -> None:
    ear, _ = listen((1.0, LOUD), (1.02, FAINT))
    assert ear.silent_for(102.02) == pytest.approx(1.0)


def test_evenness_is_measured_within_bursts_only() -> None:
    ear, _ = listen((0.0, LOUD), (0.02, LOUD), (0.043, LOUD), (5.0, LOUD))
    assert ear.deviation_ms(0.5) == pytest.approx(0.0, abs=1e-6)
    assert ear.deviation_ms(1.0) == pytest.approx(3.0, abs=1e-6)


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_odd_datagrams_are_joined_byte_exactly(payloads: list[bytes]) -> None:
    ear, tape = listen(*[(0.0, payload) for payload in payloads])
    whole = b"".join(payloads)
    assert tape == whole[: len(whole) - len(whole) % 2]
    assert ear.bytes == len(whole)


def test_percentiles_are_values_that_were_there() -> None:
    assert percentile([], 0.5) == 0.0
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([3.0, 1.0, 2.0], 0.99) == 3.0
