"""Rates and codecs through the binding; their sound is tested in `rust/core`."""

from __future__ import annotations

import array
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink._core import (
    Resampler,
    alaw_decode,
    alaw_encode,
    resample,
    ulaw_decode,
    ulaw_encode,
)


def tone(rate: int, seconds: float = 0.5, hertz: int = 440) -> bytes:
    steps = range(int(rate * seconds))
    return array.array(
        "h", (int(8_000 * math.sin(math.tau * hertz * n / rate)) for n in steps)
    ).tobytes()


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 24_000, 44_100, 48_000])
def test_a_tone_keeps_its_length_and_its_level(rate: int) -> None:
    converted = resample(tone(rate), rate, 16_000)
    assert len(converted) == math.ceil(len(tone(rate)) // 2 * 16_000 / rate) * 2
    said, heard = array.array("h", tone(16_000)), array.array("h", converted)
    # The borders ring; the middle must line up sample by sample.
    off = max(abs(a - b) for a, b in zip(said[800:-800], heard[800:-800], strict=False))
    assert off < 150


def test_pieces_of_any_length_give_what_the_whole_gives() -> None:
    said = tone(24_000)
    resampler = Resampler(24_000, 16_000)
    pieces = [resampler.push(said[at : at + 333]) for at in range(0, len(said), 333)]
    heard = b"".join(pieces) + resampler.finish()
    assert len(heard) == len(resample(said, 24_000, 16_000))
    assert len(pieces[0]) < len(heard)


@pytest.mark.parametrize(("pcm", "source"), [(b"\0", 8_000), (b"\0\0", 0), (b"\0\0", 10**6)])
def test_what_cannot_be_converted_is_refused(pcm: bytes, source: int) -> None:
    with pytest.raises(ValueError, match=r"Hz|samples"):
        resample(pcm, source, 16_000)


@given(st.binary(max_size=512))
def test_g711_survives_its_own_round_trip(data: bytes) -> None:
    assert len(ulaw_decode(data)) == len(alaw_decode(data)) == 2 * len(data)
    assert alaw_encode(alaw_decode(data)) == data
    # µ-law has two zeros; the negative one comes back as the positive one.
    assert ulaw_encode(ulaw_decode(data)) == data.replace(b"\x7f", b"\xff")


def test_half_a_sample_is_refused() -> None:
    for encode in (ulaw_encode, alaw_encode):
        with pytest.raises(ValueError, match="samples"):
            encode(b"\0\0\0")
