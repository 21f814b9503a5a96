"""Bytes into samples, texts into requests."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recording import recording
from translink.providers.pcm import Pcm, WrongFormat, pieces, wav

SOUND = bytes(range(1, 201))


def feed(pcm: Pcm, data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [pcm.feed(data[a:b]) for a, b in itertools.pairwise(edges)]


@given(st.binary(max_size=400), st.lists(st.integers(0, 10_000), max_size=8))
def test_raw_sound_comes_out_whole_however_it_is_cut(data: bytes, cuts: list[int]) -> None:
    data = b"\x01" + data
    pcm = Pcm("audio/l16;rate=16000")
    out = feed(pcm, data, cuts)
    pcm.end()
    assert all(len(piece) % 2 == 0 for piece in out)
    assert b"".join(out) == data[: len(data) & ~1]
    assert pcm.samples == len(data) // 2


@given(st.lists(st.integers(0, 10_000), max_size=8))
def test_a_wav_header_is_stripped_however_it_is_cut(cuts: list[int]) -> None:
    pcm = Pcm("audio/wav")
    assert b"".join(feed(pcm, wav(SOUND), cuts)) == SOUND
    pcm.end()


def test_a_wav_of_unknown_length_and_with_more_chunks_is_stripped() -> None:
    head = wav(b"")
    streamed = head[:36] + b"LIST\x03\0\0\0abc\0" + b"data\xff\xff\xff\xff" + SOUND
    assert Pcm().feed(streamed) == SOUND


def test_what_follows_the_sound_of_a_wav_is_left_out() -> None:
    assert Pcm().feed(wav(SOUND) + b"LIST\x04\0\0\0abcd") == SOUND


MP3 = b"\xff\xf3\x60\xc4" + bytes(152)
"""A frame of 48 kbit/s at 22.05 kHz, which is what Deepgram makes."""


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (MP3 * 10, "MP3"),
        ((b"\xff\xfb\x90\x64" + bytes(413)) * 5, "MP3"),
        (b"ID3\x04" + bytes(40) + MP3 * 3, "MP3"),
        (b"OggS" + bytes(400), "Ogg"),
        (b"fLaC" + bytes(400), "FLAC"),
    ],
)
@pytest.mark.parametrize("cuts", [[], [1, 2, 3], [100, 500]])
def test_compressed_sound_under_another_name_is_refused(
    data: bytes, name: str, cuts: list[int]
) -> None:
    with pytest.raises(WrongFormat, match=name):
        feed(Pcm("application/octet-stream"), data, cuts)


def test_a_sample_that_looks_like_the_beginning_of_mp3_is_sound() -> None:
    sound = b"\xff\xf3\x60\xc4" + bytes(range(256)) * 8
    pcm = Pcm()
    assert b"".join(feed(pcm, sound, [2, 100, 1000])) == sound
    pcm.end()


def test_a_wav_of_another_rate_is_refused() -> None:
    with pytest.raises(WrongFormat, match="24000 Hz"):
        Pcm().feed(recording(SOUND, 24_000))


def test_where_any_rate_will_do_it_is_the_headers_or_the_content_types() -> None:
    by_header = Pcm("audio/wav", rate=24_000, fixed=False)
    assert (by_header.feed(recording(SOUND, 22_050)), by_header.rate) == (SOUND, 22_050)
    by_type = Pcm("audio/l16;rate=48000", rate=24_000, fixed=False)
    assert (by_type.feed(SOUND), by_type.rate) == (SOUND, 48_000)
    plain = Pcm("audio/pcm", rate=24_000, fixed=False)
    assert (plain.feed(SOUND), plain.rate) == (SOUND, 24_000)


@pytest.mark.parametrize("rate", [1, 400_000])
def test_a_rate_that_no_voice_has_is_refused(rate: int) -> None:
    with pytest.raises(WrongFormat):
        Pcm(f"audio/l16;rate={rate}", rate=24_000, fixed=False)


@pytest.mark.parametrize(
    "kind", ["audio/mpeg", "audio/l16;rate=24000", "application/json", "text/html; charset=x"]
)
def test_another_content_type_is_refused(kind: str) -> None:
    with pytest.raises(WrongFormat):
        Pcm(kind)


def test_half_a_header_is_no_sound() -> None:
    pcm = Pcm()
    assert pcm.feed(wav(SOUND)[:30]) == b""
    with pytest.raises(WrongFormat):
        pcm.end()


def test_a_wav_without_sound_is_refused_in_time() -> None:
    with pytest.raises(WrongFormat):
        Pcm().feed(wav(b"")[:36] + b"LIST\xff\xff\xff\x7f")


def test_a_short_text_is_one_piece() -> None:
    assert list(pieces(" Bonjour. Ça va ? ", 1000)) == ["Bonjour. Ça va ?"]
    assert list(pieces("  ", 1000)) == []


def test_a_long_text_is_cut_at_ends_of_sentences() -> None:
    text = 'He said "No." Then 3.5 minutes passed. And more'
    assert list(pieces(text, 40)) == ['He said "No." Then 3.5 minutes passed.', "And more"]
    assert list(pieces("これは長い。とても長い。はい", 7)) == [
        "これは長い。",
        "とても長い。",
        "はい",
    ]


def test_a_sentence_that_is_too_long_is_cut_at_a_blank_and_a_word_anywhere() -> None:
    assert list(pieces("one two three", 8)) == ["one two", "three"]
    assert list(pieces("x" * 25, 10)) == ["x" * 10, "x" * 10, "x" * 5]


@given(st.text(max_size=300), st.integers(1, 50))
def test_no_piece_is_too_long_and_no_word_is_lost(text: str, longest: int) -> None:
    parts = list(pieces(text, longest))
    assert all(part and len(part) <= longest for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
