"""Whose datagrams a leg hears; and what a flood of others' does to the rest: nothing."""

from __future__ import annotations

import socket
from functools import partial

import pytest

from translink._core import Engine

from .kit import LOCAL, EarThread, engine, flood, flooded, udp


def test_strangers_are_dropped_and_counted_while_the_first_sender_goes_on() -> None:
    with engine() as (media, drainer), udp() as talker, udp() as stranger:
        leg = media.add_leg(listen=LOCAL, tail_ms=0)
        address = media.local_address(leg)
        assert media.source(leg) is None
        for _ in range(20):
            talker.sendto(b"\x01" * 640, address)
            stranger.sendto(b"\x02" * 640, address)
        assert drainer.until(lambda: media.counters(leg)["strangers"] == 20)
        assert drainer.until(lambda: len(drainer.frames) == 20)
        assert drainer.audio(leg) == b"\x01" * 12_800
        counters = media.counters(leg)
        assert (counters["datagrams_in"], counters["bytes_in"]) == (20, 12_800)
        assert media.source(leg) == talker.getsockname()
        assert media.stranger(leg) == stranger.getsockname()


def test_nobody_steals_the_ear_of_a_gateway_that_goes_on_sending() -> None:
    with engine() as (media, drainer), udp() as talker, udp(timeout=0.2) as thief:
        leg = media.add_leg(listen=LOCAL, send_from_listen=True, tail_ms=0)
        address = media.local_address(leg)
        talker.sendto(bytes(640), address)
        assert drainer.until(lambda: len(drainer.frames) == 1)
        thief.sendto(bytes(640), address)
        assert drainer.until(lambda: media.counters(leg)["strangers"] == 1)
        media.play(leg, 1, b"\x07" * 6_400, True)
        assert [talker.recv(2048)[0] for _ in range(10)] == [7] * 10
        with pytest.raises(TimeoutError):
            thief.recv(2048)


def test_a_gateway_that_moves_is_heard_to_the_last_byte_and_takes_the_ear_with_it() -> None:
    with engine() as (media, drainer), udp() as before, udp() as after:
        leg = media.add_leg(listen=LOCAL, send_from_listen=True, tail_ms=0)
        address = media.local_address(leg)
        before.sendto(bytes(640), address)
        assert drainer.until(lambda: len(drainer.frames) == 1)
        drainer.for_(0.02)
        said = [bytes([n]) * 640 for n in range(1, 26)]
        for frame in said:
            after.sendto(frame, address)
            drainer.for_(0.02)
        assert drainer.until(lambda: len(drainer.frames) == 26)
        assert drainer.audio(leg)[640:] == b"".join(said)
        counters = media.counters(leg)
        assert (counters["source_changes"], counters["strangers"]) == (1, 0)
        assert media.source(leg) == after.getsockname()
        assert [(c.old, c.new) for c in drainer.changes] == [
            (before.getsockname(), after.getsockname())
        ]
        media.play(leg, 1, b"\x07" * 640, True)
        assert after.recv(2048)[0] == 7


def test_two_senders_of_one_host_that_take_turns_are_both_heard_to_the_last_byte() -> None:
    """A gateway of two ports, or one that is restarted again and again."""
    with engine() as (media, drainer), udp() as one, udp() as two:
        leg = media.add_leg(listen=LOCAL, tail_ms=0)
        address = media.local_address(leg)
        said = b""
        for turn in range(6):
            sender = (one, two)[turn % 2]
            for number in range(15):
                said += bytes([1 + 15 * turn + number]) * 640
                sender.sendto(said[-640:], address)
                drainer.for_(0.02)
        assert drainer.until(lambda: len(drainer.frames) == 6 * 15)
        assert drainer.audio(leg) == said
        counters = media.counters(leg)
        assert (counters["source_changes"], counters["strangers"]) == (5, 0)


def test_a_few_bytes_now_and_then_take_no_leg_from_a_talker_who_pauses() -> None:
    with engine() as (media, drainer), udp() as talker, udp() as stranger:
        leg = media.add_leg(listen=LOCAL, tail_ms=0)
        address = media.local_address(leg)
        talker.sendto(b"\x01" * 640, address)
        for _ in range(5):
            drainer.for_(0.45)
            stranger.sendto(b"\x02" * 2, address)
        talker.sendto(b"\x01" * 640, address)
        assert drainer.until(lambda: len(drainer.frames) == 2)
        assert drainer.until(lambda: media.counters(leg)["strangers"] == 5)
        assert media.source(leg) == talker.getsockname()
        assert drainer.audio(leg) == b"\x01" * 1280


def test_the_next_call_begins_where_the_one_that_drains_stopped_listening() -> None:
    with engine() as (media, drainer), udp() as talker, udp() as ear:
        leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname(), tail_ms=0)
        address = media.local_address(leg)
        said = [bytes([n]) * 610 for n in range(1, 41)]
        media.play(leg, 1, b"\x07" * 640 * 10, True)
        for piece in said[:20]:
            talker.sendto(piece, address)
        assert drainer.until(lambda: len(drainer.frames) == 19)
        stopped = drainer.frames[9].start
        life = media.detach_leg(leg)
        for piece in said[20:]:
            talker.sendto(piece, address)
        whole = b"".join(said)
        assert drainer.until(lambda: len(drainer.frames) == len(whole) // 640)
        first = next(frame for frame in drainer.frames if frame.life == life)
        begun, audio = media.history(leg, stopped, first.start)
        later = b"".join(f.pcm for f in drainer.frames if f.life == life)
        assert begun == stopped
        assert audio + later == whole[2 * stopped :][: len(audio + later)]
        assert [ear.recv(2048)[0] for _ in range(10)] == [7] * 10, "the ear heard all of it"
        media.forget(leg, first.start)
        assert media.history(leg, 0, first.start)[1] == b""
        assert media.counters(leg)["drops_reset"] == media.counters(leg)["drops_flushed"] == 0


def test_the_next_call_may_come_from_elsewhere_at_once() -> None:
    with engine() as (media, drainer), udp() as one, udp() as two:
        leg = media.add_leg(listen=LOCAL, tail_ms=0)
        one.sendto(bytes(640), media.local_address(leg))
        assert drainer.until(lambda: len(drainer.frames) == 1)
        life = media.reset_leg(leg)
        assert drainer.until(lambda: media.counters(leg)["resets"] == 1)
        assert media.source(leg) is None
        two.sendto(bytes(640), media.local_address(leg))
        assert drainer.until(lambda: drainer.frames[-1].life == life)
        assert media.counters(leg)["strangers"] == 0


@pytest.mark.parametrize("named", ["host", "address", "several"])
def test_named_senders_are_heard_no_matter_which_was_first(named: str) -> None:
    with (
        engine() as (media, drainer),
        udp() as gateway,
        udp() as spare,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        stranger.bind(("127.0.0.2", 0))
        addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in (gateway, spare)]
        source = {"host": "127.0.0.1", "address": addresses[0], "several": addresses}[named]
        leg = media.add_leg(listen=("0.0.0.0", 0), source=source, tail_ms=0)
        at = ("127.0.0.1", media.local_address(leg)[1])
        stranger.sendto(b"\x02" * 640, at)
        gateway.sendto(b"\x01" * 640, at)
        spare.sendto(b"\x03" * 640, at)
        strangers = 2 if named == "address" else 1
        assert drainer.until(lambda: len(drainer.frames) == 3 - strangers)
        assert drainer.until(lambda: media.counters(leg)["strangers"] == strangers)
        assert drainer.audio(leg)[::640] == (b"\x01" if named == "address" else b"\x01\x03")


def test_who_is_heard_can_be_changed_in_mid_call() -> None:
    with engine() as (media, drainer), udp() as one, udp() as two:
        leg = media.add_leg(listen=LOCAL, source="any", tail_ms=0)
        address = media.local_address(leg)
        for talker in (one, two, one):
            talker.sendto(bytes(640), address)
        assert drainer.until(lambda: len(drainer.frames) == 3)
        media.set_source(leg, f"127.0.0.1:{two.getsockname()[1]}")
        for talker in (one, two):
            talker.sendto(bytes(640), address)
        assert drainer.until(lambda: len(drainer.frames) == 4)
        assert drainer.until(lambda: media.counters(leg)["strangers"] == 1)
        assert media.source(leg) == two.getsockname()


@pytest.mark.parametrize(
    "source", ["", "gateway", "192.0.2.0/24", "192.0.2.7:70000", [], ["192.0.2.7"] * 9, ["first"]]
)
def test_a_wrong_source_is_refused(source: str | list[str]) -> None:
    with engine() as (media, _):
        with pytest.raises(ValueError, match="source must"):
            media.add_leg(listen=LOCAL, source=source)
        leg = media.add_leg(listen=LOCAL)
        with pytest.raises(ValueError, match="source must"):
            media.set_source(leg, source)


def test_a_flood_of_strangers_on_one_leg_costs_nobody_a_datagram() -> None:
    """The short form of benches/rows/bench_stray.py."""
    seconds, rate = 2.0, 50_000
    ear = EarThread()
    ear.start()
    with engine() as (media, drainer), udp() as own, udp() as other:
        struck = media.add_leg(listen=LOCAL, tail_ms=0)
        quiet = media.add_leg(listen=LOCAL, play_to=ear.address, tail_ms=0)
        talkers = {struck: own, quiet: other}
        for leg, talker in talkers.items():
            talker.sendto(bytes([leg]) * 640, media.local_address(leg))
        assert drainer.until(lambda: len(drainer.frames) == 2)
        media.play(quiet, 1, bytes(int(seconds * 32_000)), True)
        flooding = flood(media.local_address(struck), rate, seconds)
        for _ in range(int(seconds * 50)):
            for leg, talker in talkers.items():
                talker.sendto(bytes([leg]) * 640, media.local_address(leg))
            drainer.for_(0.02)
        sent = flooded(flooding)
        # What the kernel's filter dropped is reported by the next datagram that comes.
        own.sendto(bytes([struck]) * 640, media.local_address(struck))
        assert drainer.until(lambda: media.counters(struck)["strangers"] == sent)
        heard = {struck: seconds * 50 + 2, quiet: seconds * 50 + 1}
        for leg in talkers:
            assert drainer.until(partial(_has_heard, media, leg, int(heard[leg])))
            counters = media.counters(leg)
            assert counters["datagrams_in"] == heard[leg]
            assert counters["drops_kernel"] == counters["drops_ring"] == 0
        assert {frame.pcm for frame in drainer.frames if frame.leg == struck} == {
            bytes([struck]) * 640
        }
    ear.join()
    assert sent == seconds * rate
    assert len(ear.times) == seconds * 50


def test_what_the_kernel_keeps_out_is_counted_and_let_in_when_it_is_listed() -> None:
    with engine() as (media, drainer), udp() as before, udp() as after:
        leg = media.add_leg(listen=LOCAL, tail_ms=0)
        address = media.local_address(leg)
        before.sendto(bytes(640), address)
        assert drainer.until(lambda: len(drainer.frames) == 1)
        for sent in range(100, 2_001, 100):
            for _ in range(100):
                after.sendto(bytes(640), address)
            # Until they are taken, else a socket's buffer is full where the machine is busy; what the kernel
            # filters by then is not reported yet.
            drainer.until(partial(_has_met, media, leg, sent), 0.015)
        assert 500 <= media.counters(leg)["strangers"] < 2_000
        before.sendto(bytes(640), address)
        assert drainer.until(lambda: media.counters(leg)["strangers"] == 2_000)
        assert drainer.until(lambda: len(drainer.frames) == 2)
        assert media.counters(leg)["drops_kernel"] == 0
        media.set_source(leg, f"127.0.0.1:{after.getsockname()[1]}")
        # A command: it is obeyed in a moment, not when it returns.
        assert drainer.until(lambda: media.source(leg) is None)
        after.sendto(bytes(640), address)
        assert drainer.until(lambda: len(drainer.frames) == 3)


def _has_met(media: Engine, leg: int, strangers: int) -> bool:
    return media.counters(leg)["strangers"] >= strangers


def _has_heard(media: Engine, leg: int, datagrams: int) -> bool:
    return media.counters(leg)["datagrams_in"] >= datagrams
