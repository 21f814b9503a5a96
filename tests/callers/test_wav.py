"""Any PCM WAV is read; what is none is named, with what would be right."""

from __future__ import annotations

import array
import contextlib
import shutil
import struct
import subprocess
import wave
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink.callers.wav import WavError, WavWriter, parse_wav, read_wav, write_wav

if TYPE_CHECKING:
    from pathlib import Path

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


def riff(
    data: bytes,
    *,
    code: int = PCM,
    channels: int = 1,
    rate: int = 16_000,
    bits: int = 16,
    before: bytes = b"",
    size: int | None = None,
    extension: bytes = b"",
) -> bytes:
    width = bits // 8 * channels
    layout = struct.pack("<HHIIHH", code, channels, rate, rate * width, width, bits) + extension
    chunks = b"fmt " + struct.pack("<I", len(layout)) + layout + before
    chunks += b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def samples(pcm: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(pcm) // 2}h", pcm))


@given(st.binary(min_size=2, max_size=400).filter(lambda data: len(data) % 2 == 0))
def test_sixteen_bit_mono_comes_out_as_it_went_in(data: bytes) -> None:
    assert parse_wav(riff(data)).pcm == data


def test_eight_bits_are_unsigned() -> None:
    assert samples(parse_wav(riff(bytes([0, 128, 255]), bits=8)).pcm) == [-32768, 0, 127 << 8]


@pytest.mark.parametrize("bits", [24, 32])
def test_the_upper_sixteen_bits_of_wider_samples_are_kept(bits: int) -> None:
    values = [-32768, -1, 0, 1, 32767]
    data = b"".join(
        (value << (bits - 16)).to_bytes(bits // 8, "little", signed=True) for value in values
    )
    assert samples(parse_wav(riff(data, bits=bits)).pcm) == values


def test_floats_are_clipped_and_not_wrapped() -> None:
    data = struct.pack("<5f", -2.0, -0.5, 0.0, 0.5, 2.0)
    sound = parse_wav(riff(data, code=FLOAT, bits=32))
    assert samples(sound.pcm) == [-32768, -16384, 0, 16384, 32767]


def test_channels_are_averaged() -> None:
    data = struct.pack("<6h", 100, 300, -100, -300, 32767, 32767)
    assert samples(parse_wav(riff(data, channels=2)).pcm) == [200, -200, 32767]


def test_g711_is_read_and_what_stands_behind_the_sound_is_not() -> None:
    silence_in_mulaw = b"\xff" * 8
    more = b"LIST" + struct.pack("<I", 4) + b"abcd"
    file = riff(silence_in_mulaw + more, code=7, bits=8, size=len(silence_in_mulaw))
    assert parse_wav(file).pcm == bytes(16)


def test_half_a_sample_block_at_the_end_is_dropped() -> None:
    data = struct.pack("<4h", 1, 3, 5, 7) + b"\x01\x02\x03"
    assert samples(parse_wav(riff(data, channels=2)).pcm) == [2, 6]


def test_other_chunks_are_passed_over_with_their_padding() -> None:
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    assert samples(parse_wav(riff(struct.pack("<h", 7), before=odd)).pcm) == [7]


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_pipe_s_header_does_not_know_the_size(size: int) -> None:
    data = struct.pack("<3h", 1, 2, 3)
    assert parse_wav(riff(data, size=size)).pcm == data


def test_the_extensible_format_of_ffmpeg_is_understood() -> None:
    guid = struct.pack("<HHIH", 22, 24, 4, PCM) + bytes(14)
    data = (5 << 8).to_bytes(3, "little")
    sound = parse_wav(riff(data, code=EXTENSIBLE, bits=24, extension=guid))
    assert samples(sound.pcm) == [5]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a RIFF WAV"),
        (b"ID3\x04" + bytes(100), "ffmpeg -i"),
        (b"RIFX" + bytes(40), "not a RIFF WAV"),
        (riff(b"\x55" * 8, code=85, bits=8), "MP3"),
        (riff(b"\x55" * 8, bits=12), "12 bits"),
        (riff(b""), "no sound"),
        (riff(b"\1\0", channels=0), "0 channels"),
        (riff(b"\1\0")[:20], "cut off"),
        (b"RIFF\0\0\0\0WAVEdata\2\0\0\0\1\0", "before its format"),
        (riff(b"\1\0")[:36], "no data chunk"),
    ],
)
def test_what_cannot_be_used_is_named(data: bytes, says: str) -> None:
    with pytest.raises(WavError, match=says) as refused:
        parse_wav(data, "hello.wav")
    assert "hello.wav" in str(refused.value)


@given(st.binary(max_size=120))
def test_only_the_documented_error_escapes(tail: bytes) -> None:
    for data in (tail, b"RIFF\0\0\0\0WAVE" + tail, riff(b"\1\0")[: 20 + len(tail)] + tail):
        with contextlib.suppress(WavError):
            assert len(parse_wav(data).pcm) % 2 == 0


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WavError, match=r"absent\.wav: No such file"):
        read_wav(tmp_path / "absent.wav")


def test_what_is_written_is_read_by_the_standard_library(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    write_wav(path, b"\1\0\2\0")
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        assert file.readframes(10) == b"\1\0\2\0"


def test_the_file_is_whole_after_every_write(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    with WavWriter(path) as writer:
        for count in range(1, 4):
            writer.write(b"\1\0" * 160)
            assert parse_wav(path.read_bytes()).pcm == b"\1\0" * 160 * count
        assert writer.seconds == pytest.approx(0.03)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(WavError, match="No such file"):
        WavWriter(tmp_path / "absent" / "out.wav")


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le"])
def test_every_width_that_ffmpeg_writes_gives_the_same_tone(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "tone.wav"
    tone = "sine=frequency=440:sample_rate=16000:duration=0.2"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", tone, "-c:a", codec]
    subprocess.run([*command, str(path)], check=True)
    piped = subprocess.run([*command, "-f", "wav", "-"], check=True, capture_output=True).stdout
    for sound in (parse_wav(path.read_bytes()), parse_wav(piped)):
        heard = array.array("h", sound.pcm)
        assert (sound.rate, len(heard)) == (16_000, 3_200)
        assert 3_800 < max(heard) < 4_300  # ffmpeg's sine is 1/8 of full scale
