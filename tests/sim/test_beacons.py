"""Talkers and listeners."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink._core import BeaconDecoder
from translink.sim.beacons import CALLERS, BeaconListener, Manner, Talker, caller_of, number_of


@given(st.integers(0, CALLERS - 1), st.integers(0, (1 << 14) - 1))
def test_a_number_names_its_caller(caller: int, serial: int) -> None:
    number = number_of(caller, serial)
    assert number < 1 << 24
    assert caller_of(number) == caller


@given(st.integers(0, CALLERS - 1), st.integers(0, 1000))
def test_what_a_talker_says_is_what_was_planned(caller: int, seed: int) -> None:
    talker = Talker(caller, seed)
    pcm = b"".join(talker.frame()[0] for _ in range(500))
    talker.hush()
    pcm += b"".join(talker.frame()[0] for _ in range(400))
    heard = BeaconDecoder().push(pcm)
    assert [number for number, _, _ in heard] == [word.number for word in talker.planned]
    assert [number for number, _, _ in heard] == [number_of(caller, n) for n in range(len(heard))]
    for (_, _, end), word in zip(heard, talker.planned, strict=True):
        assert abs(end - word.end) <= 20
    assert len(heard) >= 6  # 10 s hold two bursts at least


def test_the_same_seed_says_the_same_thing() -> None:
    one, two, other = Talker(1, 5), Talker(1, 5), Talker(1, 6)
    frames = [[talker.frame()[0] for _ in range(300)] for talker in (one, two, other)]
    assert frames[0] == frames[1] != frames[2]


def test_a_pause_is_not_speaking_and_a_hushed_talker_stays_silent() -> None:
    talker = Talker(0, 1, Manner(first=(0.1, 0.1)))
    frames = [talker.frame() for _ in range(10)]
    assert [speaking for _, speaking in frames] == [False] * 5 + [True] * 5
    talker.hush()
    while talker.frame()[1]:
        pass
    assert not any(talker.frame()[1] for _ in range(500))


def test_nobody_may_have_the_numbers_of_made_up_words() -> None:
    with pytest.raises(ValueError, match="caller must be"):
        Talker(CALLERS, 1)


def test_a_listener_dates_a_word_by_the_datagram_with_its_end() -> None:
    talker, listener = Talker(3, 1, Manner(words=(4, 4), first=(0.1, 0.1))), BeaconListener()
    for n in range(100):
        listener.datagram(talker.frame()[0], at=0.02 * (n + 1))
    listener.finish()
    assert [word.number for word in listener.heard[:4]] == [number_of(3, n) for n in range(4)]
    for word, planned in zip(listener.heard, talker.planned, strict=False):
        assert 0 <= word.at - planned.end / 16_000 <= 0.0213
