"""Beacon words through the HTTP server and through a telephone line."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from translink._core import BeaconDecoder, beacon_encode

if TYPE_CHECKING:
    from collections.abc import Callable

Samples = NDArray[np.float64]
PROMPTS = Path("/usr/share/asterisk/sounds")


def test_a_word_comes_back_with_its_times() -> None:
    audio = bytes(2 * 1234) + beacon_encode(123_456)
    [(number, start, end)] = decode(audio)
    assert number == 123_456
    assert abs(start - 1234) <= 20
    assert end - start == 2240


def test_a_word_is_140_ms_and_its_gap_as_asked() -> None:
    assert len(beacon_encode(1)) == 2 * 16 * (140 + 80)
    assert len(beacon_encode(1, rate=8000, gap_ms=0)) == 2 * 8 * 140


@pytest.mark.parametrize(
    ("number", "options"),
    [(1 << 24, {}), (1, {"rate": 7999}), (1, {"amplitude": 0}), (1, {"gap_ms": 60_001})],
)
def test_what_cannot_be_said_is_refused(number: int, options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        beacon_encode(number, **options)


@given(
    numbers=st.lists(st.integers(0, (1 << 24) - 1), min_size=1, max_size=6),
    cuts=st.lists(st.integers(1, 2001), min_size=1, max_size=20),
)
def test_datagrams_of_any_length_even_odd_ones_do_not_matter(
    numbers: list[int], cuts: list[int]
) -> None:
    audio = b"".join(beacon_encode(number) for number in numbers)
    decoder, heard, at, turn = BeaconDecoder(), [], 0, 0
    while at < len(audio):
        size = cuts[turn % len(cuts)]
        heard += decoder.push(audio[at : at + size])
        at, turn = at + size, turn + 1
    heard += decoder.finish()
    assert [number for number, _, _ in heard] == numbers


@pytest.mark.parametrize("law", ["mu", "a"])
@given(
    numbers=st.lists(st.integers(0, (1 << 24) - 1), min_size=1, max_size=6),
    lead=st.integers(0, 999),
    decibels=st.floats(-6, 6),
)
@settings(max_examples=40)
def test_words_survive_a_telephone_line(
    law: str, numbers: list[int], lead: int, decibels: float
) -> None:
    said = bytes(2 * lead) + b"".join(beacon_encode(number) for number in numbers)
    samples = np.frombuffer(said, "<i2").astype(float) * 10 ** (decibels / 20)
    narrow = filtered(samples)[::2]
    wide = np.zeros(2 * len(narrow))
    wide[::2] = 2 * LAWS[law](narrow)
    heard = decode(np.clip(filtered(wide), -32768, 32767).astype("<i2").tobytes())
    assert [number for number, _, _ in heard] == numbers
    for place, (_, start, end) in enumerate(heard):
        assert abs(start - (lead + place * 3520)) <= 32  # 2 ms
        assert end - start == 2240


@given(st.integers(0, (1 << 24) - 1), st.sampled_from([8000, 11025, 24000, 44100, 48000]))
@settings(max_examples=30)
def test_words_made_at_other_rates_are_the_same_words(number: int, rate: int) -> None:
    audio = np.frombuffer(beacon_encode(number, rate=rate), "<i2").astype(float)
    at = np.arange(len(audio) * 16_000 // rate) * (rate / 16_000)
    linear = np.interp(at, np.arange(len(audio)), audio)
    assert [heard for heard, _, _ in decode(linear.astype("<i2").tobytes())] == [number]


def test_human_speech_is_never_taken_for_a_word() -> None:
    prompts = sorted(PROMPTS.rglob("*.g722"))[::8]
    if not prompts or not which("ffmpeg"):
        pytest.skip("needs ffmpeg and asterisk-core-sounds-en-g722 (make setup installs them)")
    speech = b"".join(prompt.read_bytes() for prompt in prompts)
    command = ["ffmpeg", "-v", "error", "-f", "g722", "-i", "-", "-f", "s16le", "-"]
    done = subprocess.run(command, input=speech, capture_output=True, check=True)
    assert len(done.stdout) > 32_000 * 60
    assert decode(done.stdout) == []


def decode(pcm: bytes) -> list[tuple[int, int, int]]:
    decoder = BeaconDecoder()
    return decoder.push(pcm) + decoder.finish()


def filtered(samples: Samples) -> Samples:
    """Low pass at 3.5 kHz, 101 taps, delay removed."""
    taps = np.arange(-50, 51)
    kernel = 2 * 3500 / 16_000 * np.sinc(2 * 3500 / 16_000 * taps) * np.hamming(101)
    return np.convolve(samples, kernel)[50 : 50 + len(samples)]


def mu_law(samples: Samples) -> Samples:
    """There and back with 8 bits, a smooth µ-law (G.711 follows it within 1 %)."""
    scaled = np.clip(samples / 32768, -1, 1)
    code = np.round(127 * np.log1p(255 * np.abs(scaled)) / np.log(256)) / 127
    wide = np.expm1(code * np.log(256)) / 255
    return np.asarray(np.sign(scaled) * wide * 32768)


def a_law(samples: Samples) -> Samples:
    scaled = np.clip(samples / 32768, -1, 1)
    size, knee, top = np.abs(scaled), 1 / 87.6, 1 + np.log(87.6)
    code = np.where(size < knee, 87.6 * size, 1 + np.log(np.maximum(87.6 * size, 1e-9))) / top
    code = np.round(code * 127) / 127
    wide = np.where(code < 1 / top, code * top / 87.6, np.exp(code * top - 1) / 87.6)
    return np.asarray(np.sign(scaled) * wide * 32768)


LAWS: dict[str, Callable[[Samples], Samples]] = {"mu": mu_law, "a": a_law}
