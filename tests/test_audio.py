"""Reading and writing forms of audio."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink.audio import (
    AudioError,
    RawDecoder,
    WavDecoder,
    to_alaw,
    to_mulaw,
    wav_header,
)

EVERY_BYTE = bytes(range(256))


@pytest.mark.parametrize(("name", "encode"), [("mulaw", to_mulaw), ("alaw", to_alaw)])
def test_g711_there_and_back_is_the_same_byte(name: str, encode: object) -> None:
    assert callable(encode)
    decoded = RawDecoder(name, 16_000).push(EVERY_BYTE)
    again = encode(decoded)
    same = sum(a == b for a, b in zip(again, EVERY_BYTE, strict=True))
    assert same >= 255  # µ-law has two zeros


@given(st.binary(max_size=400), st.integers(min_value=1, max_value=50))
def test_a_wav_stream_may_be_cut_anywhere(pcm: bytes, size: int) -> None:
    pcm = pcm[: len(pcm) // 2 * 2]
    file = wav_header(16_000) + pcm
    decoder = WavDecoder()
    out = b"".join(decoder.push(file[i : i + size]) for i in range(0, len(file), size))
    assert out == pcm


@given(st.binary(max_size=200))
def test_anything_else_is_an_audio_error_and_nothing_worse(data: bytes) -> None:
    decoder = WavDecoder()
    try:
        decoder.push(data)
        decoder.finish()
    except AudioError:
        return
    assert data[:4] == b"RIFF"


def test_other_rates_and_channels_become_16_khz_mono() -> None:
    stereo = array("h", [100, -100] * 8_000).tobytes()
    decoder = RawDecoder("linear16", 8_000, channels=2)
    pcm = decoder.push(stereo) + decoder.finish()
    assert len(pcm) == pytest.approx(32_000, rel=0.02)
    assert max(array("h", pcm)[200:-200]) > 0
    assert min(array("h", pcm)[200:-200]) > 0


@pytest.mark.parametrize(("encoding", "rate"), [("opus", 16_000), ("linear16", 4_000)])
def test_forms_we_cannot_read_are_refused(encoding: str, rate: int) -> None:
    with pytest.raises(AudioError):
        RawDecoder(encoding, rate)
