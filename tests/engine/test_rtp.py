"""RTP legs of the real engine, on loopback: what comes in is heard, what goes out is a steady stream."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Iterable
from typing import Literal

import pytest

from tests.engine.kit import LOCAL, engine, udp
from tests.engine.rtp import TYPES, Packet, RtpStream, decode, numbers, words
from translink._core import resample


def send(talker: socket.socket, to: tuple[str, int], packets: Iterable[bytes]) -> None:
    """Faster than real time: arrival plays no part when packets are in order."""
    for packet in packets:
        talker.sendto(packet, to)
        time.sleep(0.001)


@pytest.mark.parametrize("format", ["slin16", "slin", "alaw", "ulaw"])
def test_an_rtp_leg_hears_each_word(format: str) -> None:
    with engine() as (media, drainer), udp() as phone:
        leg = media.add_leg(listen=LOCAL, transport="rtp", format="slin16")
        packets = RtpStream(format).packets(words(1, 20))
        send(phone, media.local_address(leg), packets)
        assert drainer.until(lambda: len(drainer.frames) >= len(packets))
        drainer.for_(1.0)
        assert numbers(drainer.audio(leg)) == list(range(1, 21))
        counters = media.counters(leg)
        assert counters["rtp_lost"] == counters["rtp_late"] == counters["rtp_refused"] == 0


@pytest.mark.parametrize("reply", ["slin", "alaw", "ulaw"])
def test_the_ear_is_sent_a_steady_stream_of_a_static_type(reply: str) -> None:
    with engine() as (media, _), udp() as phone:
        leg = media.add_leg(listen=LOCAL, transport="rtp", reply=reply)  # type: ignore[arg-type]
        # The ear is learned from one packet; nobody speaks after that.
        phone.sendto(RtpStream("alaw").packets(bytes(640))[0], media.local_address(leg))
        pcm = words(1, 10)
        before = [Packet.read(phone.recv(2_048)) for _ in range(20)]
        assert media.play(leg, 1, pcm, True) == len(pcm)
        packets = before + [Packet.read(phone.recv(2_048)) for _ in range(len(pcm) // 640 + 20)]
        listen = media.local_address(leg)
    assert {packet.type for packet in packets} == {TYPES[reply]}
    assert [packet.marker for packet in packets] == [True] + [False] * (len(packets) - 1)
    steps = list(itertools.pairwise(packets))
    assert {(b.sequence - a.sequence) % 2**16 for a, b in steps} == {1}
    assert {(b.timestamp - a.timestamp) % 2**32 for a, b in steps} == {160}
    assert numbers(decode(reply, b"".join(p.payload for p in packets))) == list(range(1, 11))
    assert listen[1] > 0


def test_slin16_is_answered_in_g722_from_the_socket_that_listens() -> None:
    with engine() as (media, _), udp() as phone:
        leg = media.add_leg(listen=LOCAL, transport="rtp", format="slin16")
        phone.sendto(RtpStream("slin16").packets(bytes(640))[0], media.local_address(leg))
        datagram, sender = phone.recvfrom(2_048)
        packet = Packet.read(datagram)
        assert (packet.type, len(packet.payload)) == (9, 160)
        assert sender == media.local_address(leg)


def test_an_ear_that_is_named_later_is_sent_to_although_it_never_spoke() -> None:
    with engine() as (media, _), udp() as phone:
        leg = media.add_leg(listen=LOCAL, transport="rtp")
        media.set_play_to(leg, phone.getsockname())
        datagram, sender = phone.recvfrom(2_048)
        assert (Packet.read(datagram).type, sender) == (9, media.local_address(leg))


def test_keys_are_reported_and_not_heard() -> None:
    with engine() as (media, drainer), udp() as phone:
        leg = media.add_leg(listen=LOCAL, transport="rtp", format="alaw")
        stream = RtpStream("alaw")
        packets = stream.packets(bytes(6_400))
        packets += [stream.packet(101, bytes([7, 10, 0, 160]))] * 2
        packets += [stream.packet(101, bytes([7, 138, 3, 32])) for _ in range(3)]
        send(phone, media.local_address(leg), packets)
        assert drainer.until(lambda: len(drainer.keys) == 1)
        drainer.for_(0.2)
        (key,) = drainer.keys
        assert (key.leg, key.key, key.duration) == (leg, "7", 100_000_000)
        assert "7" not in repr(key).replace(str(key.at), "")
        assert media.counters(leg)["digits"] == 1


def test_rtp_on_a_raw_leg_is_reported_once_and_never_heard() -> None:
    with engine() as (media, drainer), udp() as phone:
        leg = media.add_leg(listen=LOCAL)
        packets = RtpStream("alaw").packets(words(1, 5))
        send(phone, media.local_address(leg), packets)
        assert drainer.until(lambda: media.counters(leg)["drops_rtp"] == len(packets))
        drainer.for_(0.2)
        (found,) = drainer.found
        assert (found.payload_type, found.format, found.taken) == (8, "alaw", False)
        assert drainer.frames == []


def test_an_automatic_leg_hears_rtp_and_answers_in_it() -> None:
    with engine() as (media, drainer), udp() as phone:
        leg = media.add_leg(listen=LOCAL, transport="auto")
        packets = RtpStream("ulaw").packets(words(1, 10))
        send(phone, media.local_address(leg), packets)
        assert drainer.until(lambda: len(drainer.frames) >= len(packets))
        drainer.for_(1.0)
        assert numbers(drainer.audio(leg)) == list(range(1, 11))
        assert drainer.found[0].taken
        assert Packet.read(phone.recv(2_048)).type == 0


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_a_gateway_of_headerless_pcm_is_served_at_its_own_rate_both_ways(
    rate: Literal[8_000, 16_000],
) -> None:
    """As FreeSWITCH's `unicast` sends and takes it: 20 ms in a datagram."""
    with engine() as (media, drainer), udp() as gateway:
        leg = media.add_leg(listen=LOCAL, send_from_listen=True, rate=rate)
        pcm = words(1, 20)
        said = resample(pcm, 16_000, rate)
        size = rate // 25
        pieces = [said[at : at + size] for at in range(0, len(said), size)]
        send(gateway, media.local_address(leg), pieces)
        assert drainer.until(lambda: len(drainer.frames) >= len(pieces))
        media.play(leg, 1, pcm, True)
        datagrams = [gateway.recv(2_048) for _ in range(len(pcm) // 640)]
        assert {len(datagram) for datagram in datagrams} == {size}
        drainer.for_(1.0)
        assert numbers(drainer.audio(leg)) == list(range(1, 21))
        heard = resample(b"".join(datagrams) + bytes(320), rate, 16_000)
        assert numbers(heard) == list(range(1, 21))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"transport": "tcp"}, "raw, rtp or auto"),
        ({"format": "opus"}, "slin16, slin"),
        ({"reply": "slin16"}, "static payload type"),
        ({"rate": 44_100}, "8000 or 16000"),
        ({"transport": "rtp", "rate": 8_000}, "its own rate"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, object], reason: str) -> None:
    with engine() as (media, _), pytest.raises(ValueError, match=reason):
        media.add_leg(listen=LOCAL, **settings)  # type: ignore[arg-type]
