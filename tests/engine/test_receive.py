"""Datagrams in, frames out: byte-exact, whatever Python does meanwhile."""

from __future__ import annotations

import ctypes
import os
import random
import time

import pytest

from benches.reference_udp import ReferenceLeg

from .kit import LOCAL, engine, flood, flooded, serial, udp

SIZES = [1, 160, 320, 510, 640, 7_680, 15_870, 65_507]


@pytest.mark.parametrize("size", SIZES)
def test_datagrams_of_any_size_are_byte_exact(size: int) -> None:
    count = max(4, min(700, 200_000 // size))
    with engine() as (media, drainer), udp() as talker:
        leg = media.add_leg(listen=LOCAL, tail_ms=0)
        said = [os.urandom(size) for _ in range(count)]
        for datagram in said:
            talker.sendto(datagram, media.local_address(leg))
        whole = b"".join(said)
        assert drainer.until(lambda: len(drainer.audio(leg)) >= len(whole))
        # An odd last byte is padded to a sample, which counts as ours from the next byte on.
        assert drainer.audio(leg)[: len(whole)] == whole
        counters = media.counters(leg)
    assert (counters["datagrams_in"], counters["bytes_in"]) == (count, len(whole))
    assert counters["drops_kernel"] == counters["drops_ring"] == counters["errors_receive"] == 0


def test_random_odd_sizes_give_the_frames_of_the_reference() -> None:
    chance = random.Random(20261122)
    said = [
        chance.randbytes(chance.choice([1, 7, 159, 321, 641, 1_999, 5_001])) for _ in range(150)
    ]
    whole = b"".join(said)
    reference = ReferenceLeg()
    for datagram in said:
        reference.datagram_received(datagram, None)
    with engine() as (media, drainer), udp() as talker:
        leg = media.add_leg(listen=LOCAL, tail_ms=0)
        for datagram in said:
            talker.sendto(datagram, media.local_address(leg))
        assert drainer.until(lambda: len(drainer.audio(leg)) >= len(whole))
        frames = [frame.pcm for frame in drainer.frames if not frame.filled]
    assert frames == reference.frames


def test_frames_follow_each_other_and_carry_their_times() -> None:
    with engine() as (media, drainer), udp() as talker:
        leg = media.add_leg(listen=LOCAL, tail_ms=0)
        before = time.monotonic_ns()
        for _ in range(50):
            talker.sendto(bytes(640), media.local_address(leg))
        assert drainer.until(lambda: len(drainer.frames) == 50)
        after = time.monotonic_ns()
    assert [frame.start for frame in drainer.frames] == [n * 320 for n in range(50)]
    for frame in drainer.frames:
        assert before <= frame.captured <= frame.ready <= after
        assert len(frame.pcm) == 640
        assert frame.pcm is frame.pcm
        assert (frame.peak, frame.rms, frame.speech) == (0, 0, False)


def test_what_is_left_when_the_talker_stops_waits_400_ms_and_comes_padded() -> None:
    with engine() as (media, drainer), udp() as talker:
        leg = media.add_leg(listen=LOCAL, tail_ms=0)
        before = time.monotonic_ns()
        talker.sendto(b"\x01\x02" * 500, media.local_address(leg))
        assert drainer.until(lambda: len(drainer.frames) == 2)
        rest = drainer.frames[1]
    assert (rest.filled, rest.pcm) == (280, b"\x01\x02" * 180 + bytes(280))
    assert rest.ready - before >= 400_000_000


def test_a_held_interpreter_loses_nothing() -> None:
    hold = ctypes.PyDLL(None).usleep
    with engine() as (media, drainer):
        leg = media.add_leg(listen=LOCAL, tail_ms=0)
        sender = flood(media.local_address(leg), rate=5_000, seconds=1.0)
        while sender.poll() is None:
            hold(50_000)
            while drainer.once() == 256:
                pass
        sent = flooded(sender)
        assert drainer.until(lambda: len(drainer.frames) == sent)
        counters = media.counters(leg)
    assert counters["datagrams_in"] == sent == 5_000
    assert counters["drops_kernel"] == counters["drops_ring"] == 0
    assert [f.start for f in drainer.frames] == [n * 320 for n in range(sent)]
    assert [serial(f.pcm) for f in drainer.frames] == list(range(sent))


def test_twenty_thousand_datagrams_a_second_are_all_heard() -> None:
    with engine() as (media, drainer):
        leg = media.add_leg(listen=LOCAL, tail_ms=0)
        sender = flood(media.local_address(leg), rate=20_000, seconds=2.0)
        assert drainer.until(lambda: sender.poll() is not None, 10)
        sent = flooded(sender)
        assert drainer.until(lambda: len(drainer.frames) == sent)
        counters = media.counters(leg)
    assert counters["datagrams_in"] == sent == 40_000
    assert counters["drops_kernel"] == counters["drops_ring"] == 0


def test_a_full_mailbox_drops_frames_that_the_ledger_still_has() -> None:
    with engine(mailbox=64) as (media, drainer), udp() as talker:
        leg = media.add_leg(listen=LOCAL, tail_ms=0)
        said = [bytes([n]) * 640 for n in range(100)]
        for datagram in said:
            talker.sendto(datagram, media.local_address(leg))
        deadline = time.monotonic() + 2
        while media.counters(leg)["datagrams_in"] < 100 and time.monotonic() < deadline:
            time.sleep(0.005)
        drainer.once()
        delivered, counters = len(drainer.frames), media.counters(leg)
        assert delivered == 60, "the last sixteenth is for events"
        assert counters["drops_ring"] == 100 - delivered
        talker.sendto(b"\xff" * 640, media.local_address(leg))
        assert drainer.until(lambda: len(drainer.frames) > delivered)
        gap = (drainer.frames[delivered - 1].start + 320, drainer.frames[delivered].start)
        assert media.history(leg, *gap) == (60 * 320, b"".join(said[60:]))


def test_history_gives_what_is_held() -> None:
    with engine() as (media, drainer), udp() as talker:
        leg = media.add_leg(listen=LOCAL, tail_ms=0, ledger_seconds=1.0)
        said = [os.urandom(640) for _ in range(80)]
        for datagram in said:
            talker.sendto(datagram, media.local_address(leg))
        assert drainer.until(lambda: len(drainer.frames) == 80)
        assert media.history(leg, 0, 80 * 320) == (30 * 320, b"".join(said[30:]))
        assert media.history(leg, 70 * 320 + 1, 10**9) == (70 * 320 + 1, b"".join(said[70:])[2:])
        assert media.history(leg, 0, 320)[1] == b""


def test_a_second_leg_on_the_address_is_refused() -> None:
    with engine() as (media, _):
        leg = media.add_leg(listen=LOCAL)
        host, port = media.local_address(leg)
        with pytest.raises(OSError, match=f"{host}:{port}: Address already in use"):
            media.add_leg(listen=(host, port))
