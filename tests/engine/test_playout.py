"""Speech in, paced datagrams out."""

from __future__ import annotations

import os
import socket
import time

import pytest

from .kit import LOCAL, EarThread, engine, needs_ipv6, udp


def test_speech_is_played_at_the_pace_of_speech() -> None:
    ear = EarThread()
    ear.start()
    speech = os.urandom(5 * 32_000)
    with engine() as (media, drainer):
        leg = media.add_leg(listen=LOCAL, play_to=ear.address)
        asked = time.monotonic_ns()
        assert media.play(leg, 7, speech, True) == len(speech)
        assert drainer.until(lambda: len(drainer.steps) == 2, 8)
        counters = media.counters(leg)
    ear.join()
    assert len(ear.times) == 250
    assert ear.sizes == {640}
    # How exactly each one leaves is for an idle machine (`make bench`); none leaves early.
    assert (ear.times[-1] - ear.times[0]) / 1e6 > 249 * 20 - 5
    started, finished = drainer.steps
    assert (started.kind, started.utterance) == ("started", 7)
    assert (finished.kind, finished.utterance) == ("finished", 7)
    assert asked <= started.at
    # From the second datagram on, ears share a grid of 1 ms.
    assert 0 <= 249 * 20_000_000 - (finished.at - started.at) < 1_000_000
    assert counters["datagrams_out"] == 250
    assert counters["bytes_out"] == len(speech)
    assert counters["playout_queued"] == counters["underruns"] == counters["errors_send"] == 0


def test_speech_in_odd_pieces_arrives_whole_and_padded() -> None:
    speech = os.urandom(6_401)
    with engine() as (media, drainer), udp() as ear:
        leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname())
        for at in range(0, len(speech), 333):
            media.play(leg, 1, speech[at : at + 333], at + 333 >= len(speech))
        heard = b"".join(ear.recv(2048) for _ in range(11))
        assert drainer.until(lambda: [s.kind for s in drainer.steps] == ["started", "finished"])
    assert heard == speech + bytes(11 * 640 - 6_401)


def test_utterances_do_not_interleave() -> None:
    with engine() as (media, drainer), udp() as ear:
        leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname())
        for part in range(4):
            media.play(leg, 1, b"\x01" * 1280, part == 3)
            media.play(leg, 2, b"\x02" * 1280, part == 3)
        heard = [ear.recv(2048)[0] for _ in range(16)]
        assert drainer.until(lambda: len(drainer.steps) == 4)
    assert heard == [1] * 8 + [2] * 8
    kinds = [(step.kind, step.utterance) for step in drainer.steps]
    assert kinds == [("started", 1), ("finished", 1), ("started", 2), ("finished", 2)]


def test_flush_drops_what_was_not_played() -> None:
    with engine() as (media, drainer), udp(timeout=0.2) as ear:
        leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname())
        media.play(leg, 1, bytes(32_000), True)
        assert drainer.until(lambda: bool(drainer.steps))
        media.flush(leg)
        assert drainer.until(lambda: len(drainer.steps) == 2)
        played = 0
        try:
            while True:
                played += len(ear.recv(2048))
        except TimeoutError:
            pass
        flushed = drainer.steps[1]
        assert (flushed.kind, flushed.utterance) == ("flushed", 1)
        assert played + flushed.unplayed == 32_000
        assert media.counters(leg)["playout_queued"] == 0
        ear.settimeout(5.0)
        media.play(leg, 2, bytes(640), True)
        assert len(ear.recv(2048)) == 640


def test_a_full_ear_takes_what_fits_and_the_caller_keeps_the_rest() -> None:
    with engine() as (media, _), udp() as ear:
        leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname(), playout_seconds=1.0)
        assert media.play(leg, 1, bytes(20_000)) == 20_000
        accepted = media.play(leg, 1, bytes(20_000), True)
        # A frame or two may have left already.
        assert 12_000 <= accepted <= 12_000 + 3 * 640
        counters = media.counters(leg)
        assert counters["drops_playout"] == 0
        assert counters["playout_full"] == 1
        assert counters["playout_queued"] <= 32_000


def test_a_continuous_leg_fills_the_pauses_with_silence() -> None:
    with engine() as (media, _), udp() as ear:
        leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname(), continuous=True)
        media.play(leg, 1, b"\x01" * 640, True)
        heard = [ear.recv(2048) for _ in range(15)]
    assert heard.count(b"\x01" * 640) == 1
    assert heard.count(bytes(640)) == 14


def test_an_ear_that_does_not_listen_harms_nobody() -> None:
    with udp() as gone:
        address = gone.getsockname()
    with engine() as (media, drainer), udp() as talker:
        leg = media.add_leg(listen=LOCAL, play_to=address, send_from_listen=True)
        media.play(leg, 1, bytes(6_400), True)
        assert drainer.until(lambda: len(drainer.steps) == 2)
        talker.sendto(bytes(640), media.local_address(leg))
        assert drainer.until(lambda: len(drainer.frames) == 1)


def test_a_leg_without_an_ear_paces_and_sends_nothing() -> None:
    with engine() as (media, drainer):
        leg = media.add_leg(listen=LOCAL)
        media.play(leg, 1, bytes(3_200), True)
        assert drainer.until(lambda: len(drainer.steps) == 2)
        assert 0 <= 80_000_000 - (drainer.steps[1].at - drainer.steps[0].at) < 1_000_000
        assert media.counters(leg)["datagrams_out"] == 0


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_an_ear_that_is_not_named_is_where_the_newest_datagram_came_from(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        engine() as (media, drainer),
        socket.socket(family, socket.SOCK_DGRAM) as before,
        socket.socket(family, socket.SOCK_DGRAM) as after,
    ):
        for peer in (before, after):
            peer.bind((host, 0))
            peer.settimeout(2)
        leg = media.add_leg(listen=(host, 0), send_from_listen=True, source="any")
        address = media.local_address(leg)
        media.play(leg, 1, bytes(640), True)
        assert drainer.until(lambda: len(drainer.steps) == 2)
        assert media.counters(leg)["datagrams_out"] == 0
        for number, peer in enumerate((before, after), 2):
            seen = len(drainer.frames)
            peer.sendto(bytes(640), address)
            assert drainer.until(lambda seen=seen: len(drainer.frames) > seen)  # type: ignore[misc]
            media.play(leg, number, bytes([number]) * 640, True)
            heard, source = peer.recvfrom(2048)
            assert (heard, source[:2]) == (bytes([number]) * 640, address)
        media.reset_leg(leg)
        media.play(leg, 9, bytes(640), True)
        assert drainer.until(lambda: drainer.steps[-1].utterance == 9 and len(drainer.steps) > 7)
        assert media.counters(leg)["datagrams_out"] == 2


def test_speech_comes_from_the_listening_socket_where_wanted() -> None:
    for same in (False, True):
        with engine() as (media, _), udp() as ear:
            leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname(), send_from_listen=same)
            media.play(leg, 1, bytes(640), True)
            _, source = ear.recvfrom(2048)
            assert (source == media.local_address(leg)) is same


def test_an_unfinished_utterance_that_runs_dry_is_an_underrun() -> None:
    with engine() as (media, drainer), udp() as ear:
        leg = media.add_leg(listen=LOCAL, play_to=ear.getsockname(), prebuffer_ms=20)
        media.play(leg, 1, bytes(1_280))
        assert drainer.until(lambda: media.counters(leg)["underruns"] == 1)
        media.play(leg, 1, bytes(1_280), True)
        assert drainer.until(lambda: drainer.steps[-1].kind == "finished")
        assert sum(len(ear.recv(2048)) for _ in range(4)) == 2_560


@needs_ipv6
def test_ipv6_legs_work() -> None:
    localhost = ("::1", 0)
    with engine() as (media, drainer), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as peer:
        peer.bind(localhost)
        peer.settimeout(2)
        leg = media.add_leg(listen=localhost, play_to=peer.getsockname()[:2])
        peer.sendto(bytes(640), media.local_address(leg))
        media.play(leg, 1, bytes(640), True)
        assert drainer.until(lambda: len(drainer.frames) == 1)
        assert len(peer.recv(2048)) == 640
