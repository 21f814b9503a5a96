"""Outlines, volume, mute, the tap, jitter: what an operator sees and sets."""

from __future__ import annotations

import struct
import time
from typing import Literal

import pytest

from .kit import LOCAL, Drainer, engine, udp

LANES: tuple[Literal["said"], Literal["heard"]] = ("said", "heard")
FLAT = struct.pack("<320h", *[8_000] * 320)


def wave(low: int, high: int) -> bytes:
    """A frame that swings between two values."""
    return struct.pack("<2h", low, high) * 160


def pairs(read: tuple[int, bytes]) -> list[tuple[int, int]]:
    """Lowest and highest of each slot."""
    return list(struct.iter_unpack("2b", read[1]))


def slot_now() -> int:
    return time.monotonic_ns() // 20_000_000


def test_what_was_said_and_heard_is_outlined_on_one_clock() -> None:
    with engine() as (media, drainer), udp() as talker, udp() as ear:
        leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname(), tail_ms=0)
        assert [media.envelope(leg, lane) for lane in LANES] == [(0, b"")] * 2
        began = slot_now()
        media.play(leg, 1, wave(-256, 512) * 25, True)
        for _ in range(25):
            talker.sendto(wave(-2_560, 5_120), media.local_address(leg))
            drainer.for_(0.02)
        assert drainer.until(lambda: len(drainer.steps) == 2)
        said, heard = (media.envelope(leg, lane, began) for lane in LANES)
        assert set(pairs(said)) <= {(-10, 20), (0, 0)}
        assert pairs(said).count((-10, 20)) >= 15
        # The first datagram of a whole utterance leaves at once.
        late = pairs(heard).index((-1, 2))
        assert late < 5
        assert pairs(heard)[late:] == [(-1, 2)] * 25
        assert pairs(said).index((-10, 20)) < 5
        # Where a reader stopped, it goes on.
        end = began + late + 25
        assert media.envelope(leg, "heard", end - 5) == (end - 5, heard[1][-10:])
        assert media.envelope(leg, "heard", end) == (end, b"")
        drainer.for_(0.1)
        media.play(leg, 2, wave(-512, 256), True)
        assert drainer.until(lambda: len(drainer.steps) == 4)
        more = pairs(media.envelope(leg, "heard", end))
        assert more[-1] == (-2, 1)
        assert more[:-1] == [(0, 0)] * (len(more) - 1)
        assert len(more) >= 5


def test_an_outline_reaches_back_twenty_seconds() -> None:
    with engine() as (media, drainer), udp() as talker:
        leg = media.add_leg(listen=LOCAL, tail_ms=0)
        talker.sendto(FLAT, media.local_address(leg))
        assert drainer.until(lambda: len(drainer.frames) == 1)
        first, drawn = media.envelope(leg, "said")
        assert len(drawn) == 2_000
        assert pairs((first, drawn)) == [(0, 0)] * 999 + [(0, 31)]


def test_a_lane_that_is_not_there_is_refused() -> None:
    with engine() as (media, _):
        leg = media.add_leg(listen=LOCAL)
        with pytest.raises(ValueError, match="said or heard"):
            media.envelope(leg, "sung")  # type: ignore[arg-type]
        with pytest.raises(LookupError):
            media.envelope(leg + 1, "said")


def test_the_ear_hears_as_loud_as_it_was_set() -> None:
    with engine() as (media, drainer), udp() as ear:
        leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname())
        media.set_volume(leg, 0.5)
        media.play(leg, 1, FLAT * 3, True)
        assert b"".join(ear.recv(2048) for _ in range(3)) == struct.pack("<960h", *[4_000] * 960)
        media.set_volume(leg, 2)
        media.play(leg, 2, struct.pack("<320h", *[20_000] * 320) * 2, True)
        ear.recv(2048)
        assert ear.recv(2048) == struct.pack("<320h", *[32_767] * 320)
        assert drainer.until(lambda: len(drainer.steps) == 4)
        for refused in (-0.1, 2.1, float("nan")):
            with pytest.raises(ValueError, match="volume"):
                media.set_volume(leg, refused)


def test_who_is_muted_is_silence_to_all_who_ask() -> None:
    with engine() as (media, drainer), udp() as talker:
        leg = media.add_leg(listen=LOCAL, tail_ms=0)

        def say(frames: int) -> None:
            seen = len(drainer.frames)
            for _ in range(frames):
                talker.sendto(wave(-9_000, 9_000), media.local_address(leg))
            assert drainer.until(lambda: len(drainer.frames) == seen + frames)

        say(10)
        media.set_muted(leg, True)
        say(10)
        media.set_muted(leg, False)
        say(10)
        loud, muted, again = (drainer.frames[n : n + 10] for n in (0, 10, 20))
        assert all(frame.peak == 9_000 for frame in loud + again)
        assert again[-1].speech
        assert {(f.pcm, f.peak, f.rms, f.speech) for f in muted} == {(bytes(640), 0, 0, False)}
        assert media.history(leg, muted[0].start, again[0].start)[1] == bytes(6_400)
        assert [f.start for f in drainer.frames] == [n * 320 for n in range(30)]


def test_what_an_ear_was_sent_can_be_listened_to() -> None:
    with engine() as (media, drainer), udp() as ear:
        leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname())
        media.play(leg, 1, FLAT * 5, True)
        assert drainer.until(lambda: len(drainer.steps) == 2)
        assert media.heard(leg, 0, 2**62) == (0, b"")
        media.tap(leg, True)
        media.set_volume(leg, 0.5)
        drainer.for_(0.05)
        began = time.monotonic_ns() * 16 // 1_000_000
        media.play(leg, 2, FLAT * 5, True)
        assert drainer.until(lambda: len(drainer.steps) == 4)
        drainer.for_(0.1)
        media.play(leg, 3, FLAT * 5, True)
        assert drainer.until(lambda: len(drainer.steps) == 6)
        first, audio = media.heard(leg, began - 320, 2**62)
        assert began - 320 <= first <= began + 1_600
        half = struct.pack("<1600h", *[4_000] * 1_600)
        assert audio.startswith(half)
        assert audio.endswith(half)
        assert set(audio[3_200:-3_200]) == {0}
        assert len(audio) > 2 * 3_200 + 640
        _listener_goes_on(media.heard(leg, first + 800, 2**62), audio[1_600:])
        media.tap(leg, False)
        assert media.heard(leg, 0, 2**62)[1] == b""


def _listener_goes_on(read: tuple[int, bytes], rest: bytes) -> None:
    assert read[1] == rest


def _jitter(drainer: Drainer, leg: int) -> int:
    return drainer.engine.counters(leg)["jitter_ns"]


def test_uneven_datagrams_are_reported_as_jitter() -> None:
    with engine() as (media, drainer), udp() as talker:
        leg = media.add_leg(listen=LOCAL, tail_ms=0)
        for n in range(60):
            talker.sendto(bytes(640), media.local_address(leg))
            drainer.for_(0.01 if n % 2 else 0.03)
        # 10 ms each time, more where the machine itself was late.
        assert 8_000_000 < _jitter(drainer, leg) < 30_000_000
        media.reset_leg(leg)
        assert drainer.until(lambda: _jitter(drainer, leg) == 0)
