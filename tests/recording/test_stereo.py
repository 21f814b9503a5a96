"""Stereo WAV as others read it."""

from __future__ import annotations

import io
import wave

from translink.audio import WavDecoder
from translink.recording.stereo import UNKNOWN_SIZE, stereo_header, unwoven, woven


def test_the_standard_library_reads_it() -> None:
    left, right = bytes([1, 0] * 100), bytes([2, 0] * 100)
    both = woven(left, right)
    with wave.open(io.BytesIO(stereo_header(len(both)) + both)) as read:
        assert (read.getnchannels(), read.getframerate(), read.getnframes()) == (2, 16_000, 100)
        assert read.readframes(100) == both
    assert unwoven(both) == (left, right)
    assert unwoven(both + b"x") == (left, right)


def test_a_header_of_unknown_size_means_to_the_end() -> None:
    both = woven(bytes(2_000), bytes(2_000))
    decoder = WavDecoder(mix=True)
    pcm = decoder.push(stereo_header(UNKNOWN_SIZE) + both) + decoder.finish()
    assert len(pcm) == 2_000
