"""Legs of the real engine that share a port, from asyncio."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.engine.kit import udp
from tests.support.serve import until
from translink._core import Engine, Frame
from translink.media import Media
from translink.media.shared_port import SharedPort
from translink.settings.legs import LegSettings
from translink.settings.shared_port import SharedPortSettings
from translink.settings.types import Address

HERE = SharedPortSettings(listen=Address("127.0.0.1", 0))


@pytest.fixture
async def media() -> AsyncIterator[Media]:
    made = Media(shared_port=HERE)
    made.start()
    yield made
    made.close()


@pytest.fixture
def talkers() -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(udp()) for _ in range(3)]


def sharing(talker: socket.socket, **more: Any) -> LegSettings:
    host, port = talker.getsockname()
    name = f"from{port}"
    return LegSettings(name=name, language="en", shared=True, source=(f"{host}:{port}",), **more)


async def test_each_leg_has_its_own_talker_and_strangers_are_shown(
    media: Media, talkers: list[socket.socket]
) -> None:
    heard: list[list[Frame]] = [[], []]
    legs = [media.add_leg(sharing(talker)) for talker in talkers[:2]]
    for leg, frames in zip(legs, heard, strict=True):
        leg.on_frames = frames.extend
    assert legs[0].listen_address == legs[1].listen_address
    for number, talker in enumerate(talkers):
        talker.sendto(bytes([number + 1]) * 640, legs[0].listen_address)
    await until(lambda: all(heard))
    assert [frames[0].pcm for frames in heard] == [b"\1" * 640, b"\2" * 640]
    await until(lambda: media.shared_port.stats()["strangers"] == 1)
    stats = media.shared_port.stats()
    assert stats["listen"] == str(Address(*legs[0].listen_address))
    assert stats["stranger"] == str(Address(*talkers[2].getsockname()))
    assert (stats["datagrams"], stats["sources"]) == (3, 2)
    assert stats["drops_kernel"] == stats["errors_receive"] == 0


async def test_a_sender_has_one_leg_and_another_one_once_that_is_gone(
    media: Media, talkers: list[socket.socket]
) -> None:
    first = media.add_leg(sharing(talkers[0]))
    with pytest.raises(OSError, match="are another leg's") as refused:
        media.add_leg(sharing(talkers[0]))
    assert refused.value.errno == 98
    first.remove()
    media.add_leg(sharing(talkers[0]))


async def test_a_leg_that_learns_its_sender_later_hears_nobody_until_then(
    media: Media, talkers: list[socket.socket]
) -> None:
    """As a telephone system brings it."""
    plan = LegSettings(name="later", language="en").brought("127.0.0.1", {}, shared=True)
    leg = media.add_leg(plan)
    frames: list[Frame] = []
    leg.on_frames = frames.extend
    talkers[0].sendto(b"\1" * 640, leg.listen_address)
    await until(lambda: media.shared_port.stats()["strangers"] == 1)
    leg.set_source((str(Address(*talkers[0].getsockname())),))
    talkers[0].sendto(b"\2" * 640, leg.listen_address)
    await until(lambda: len(frames) == 1)
    assert frames[0].pcm == b"\2" * 640
    leg.forget_source()
    talkers[0].sendto(b"\3" * 640, leg.listen_address)
    await until(lambda: media.shared_port.stats()["strangers"] == 2)
    media.add_leg(sharing(talkers[0]))


async def test_a_leg_is_found_by_its_token_or_by_the_first_of_a_host(
    media: Media, talkers: list[socket.socket]
) -> None:
    token = "0123456789abcdef" * 2
    waits: list[dict[str, Any]] = [{"token": token}, {"source": "127.0.0.1", "pinned": True}]
    legs = [
        media.add_leg(LegSettings(name=f"leg{n}", language="en", shared=True, **how))
        for n, how in enumerate(waits)
    ]
    assert media.shared_port.stats()["waiting"] == 2
    frames: list[Frame] = []
    legs[0].on_frames = frames.extend
    with pytest.raises(OSError, match="begins alike") as refused:
        media.add_leg(LegSettings(name="leg2", language="en", shared=True, **waits[0]))
    assert refused.value.errno == 98
    address = legs[0].listen_address
    talkers[0].sendto(token.encode(), address)
    talkers[0].sendto(b"\1" * 640, address)
    talkers[1].sendto(b"\2" * 640, address)
    await until(lambda: frames and legs[1].source() is not None)
    assert [leg.source() for leg in legs] == [talker.getsockname() for talker in talkers[:2]]
    assert frames[0].pcm == b"\1" * 640
    talkers[2].sendto(token.encode(), address)
    await until(lambda: media.shared_port.stats()["strangers"] == 1)
    assert media.shared_port.stats()["learned"] == 2


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"token": b"short"}, "32 bytes"),
        ({"token": b"x" * 32, "source": "127.0.0.1"}, "in place of source"),
        ({"pinned": True}, "lists hosts"),
        ({"token": b"x" * 32, "shared": None, "listen": ("127.0.0.1", 0)}, "only on a shared port"),
    ],
)
def test_what_nobody_could_show_is_refused(given: dict[str, Any], why: str) -> None:
    engine = Engine()
    shared = engine.share(listen=("127.0.0.1", 0))
    with pytest.raises(ValueError, match=why):
        engine.add_leg(**{"shared": shared, **given})
    engine.close()


async def test_several_media_threads_serve_as_one(talkers: list[socket.socket]) -> None:
    media = Media(shared_port=HERE, threads=3)
    media.start()
    heard: dict[str, int] = {}
    legs = [
        media.add_leg(LegSettings(name=str(n), language="en", send_from_listen=True))
        for n in range(5)
    ] + [media.add_leg(sharing(talkers[0]))]

    def counted(name: str) -> Callable[[list[Frame]], None]:
        return lambda frames: heard.update({name: heard.get(name, 0) + len(frames)})

    for leg, other in zip(legs, legs[1:] + legs[:1], strict=True):
        leg.on_frames = counted(leg.name)
        leg.listen_to(other)
    for leg in legs:
        for _ in range(3):
            talkers[0].sendto(bytes(640), leg.listen_address)
    await until(lambda: heard == dict.fromkeys((leg.name for leg in legs), 3))
    media.close()
    with pytest.raises(ValueError, match="threads must be"):
        Engine(threads=65)


async def test_an_ear_is_spoken_to_from_the_shared_port(
    media: Media, talkers: list[socket.socket]
) -> None:
    leg = media.add_leg(sharing(talkers[0]))
    talkers[0].sendto(bytes(640), leg.listen_address)
    await until(lambda: leg.counters()["datagrams_in"] == 1)
    assert leg.play(1, bytes(1280), last=True) == 1280
    for _ in range(2):
        pcm, sender = await asyncio.to_thread(talkers[0].recvfrom, 2000)
        assert (len(pcm), sender) == (640, leg.listen_address)


def test_without_a_setting_there_is_none(talkers: list[socket.socket]) -> None:
    engine = Engine()
    port = SharedPort(engine, None)
    assert port.stats() == {}
    with pytest.raises(ValueError, match="no shared port"):
        port.number()
    engine.close()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"listen": ("127.0.0.1", 0), "shared": 1}, "listen, or shared"),
        ({}, "listen, or shared"),
        ({"shared": 1}, "must name addresses"),
        ({"shared": 1, "source": "any"}, "must name addresses"),
    ],
)
def test_a_leg_that_is_nowhere_or_looks_like_another_is_refused(
    given: dict[str, Any], why: str
) -> None:
    engine = Engine()
    assert engine.share(listen=("127.0.0.1", 0)) == 1
    with pytest.raises(ValueError, match=why):
        engine.add_leg(**given)
    with pytest.raises(LookupError, match="no shared port 9"):
        engine.add_leg(shared=9, source="127.0.0.1:1")
    with pytest.raises(LookupError, match="no shared port 9"):
        engine.port_counters(9)
    engine.close()
