"""A WebSocket of the admin server becomes a leg's, with and without TLS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import trustme
import uvloop
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.fakes.admin import Program
from tests.support.serve import until
from translink._core import Frame
from translink.admin import AdminServer
from translink.admin.access.tls import Certificate
from translink.calls.exchange import Refused
from translink.media import Media
from translink.settings.legs import LegSettings

PROTOCOLS = [Subprotocol("translink.talk"), Subprotocol("talk.right")]


class OneLeg:
    """Talks with a single place, at a real leg that says what it is given."""

    languages = ("en", "fr")

    def __init__(self, media: Media) -> None:
        leg = LegSettings(name="a", language="en")
        self.leg = media.add_leg(leg)
        self.loud = 0
        self.over = asyncio.Event()
        self.broken = False
        self.leg.on_frames = self._count
        self.leg.on_message = self.leg.say
        self.leg.on_hangup = self.over.set

    def create(self) -> tuple[str, str]:
        return "right", "left"

    def join(self, token: str, language: str) -> OneLeg:
        if token != "right":
            raise Refused("there is no such link", busy=False)
        return self

    def begin(self, descriptor: int) -> None:
        if self.broken:
            raise OSError("broken")
        self.leg.attach(descriptor, dialect="browser")

    def end(self, reason: str) -> None:
        self.over.set()

    def _count(self, frames: list[Frame]) -> None:
        self.loud += sum(frame.rms > 500 for frame in frames)


@contextlib.asynccontextmanager
async def serving(tls: Certificate | None) -> AsyncIterator[tuple[AdminServer, OneLeg]]:
    media = Media()
    media.start()
    talks = OneLeg(media)
    server = AdminServer(Program(), port=0, tls=tls, talks=talks)
    await server.start()
    try:
        yield server, talks
    finally:
        await server.close()
        media.close()


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
def test_it_is_the_legs_from_the_first_message_to_the_last(tmp_path: Path, encrypted: bool) -> None:
    # On the program's own kind of loop: transports differ.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(talk_three_times(tmp_path, encrypted))


async def talk_three_times(tmp_path: Path, encrypted: bool) -> None:
    authority = trustme.CA()
    file = tmp_path / "cert.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(file)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with serving(Certificate(file, None) if encrypted else None) as (server, talks):
        url = server.url.replace("http", "ws", 1) + "/api/talks/audio?language=en"
        for _ in range(3):  # a place can be taken again, and no connection is left
            talks.over.clear()
            talks.loud = 0
            context = trusting if encrypted else None
            async with connect(url, subprotocols=PROTOCOLS, ssl=context) as line:
                assert line.subprotocol == "translink.talk"
                await line.send(bytes([0, 8]) * 3_200)
                await line.send("hello")
                audio = 0
                while audio < 50:
                    message = await asyncio.wait_for(line.recv(), 10.0)
                    if message == "hello":
                        break
                    audio += 1
                assert message == "hello"
                assert len(await asyncio.wait_for(line.recv(), 10.0)) == 640
                await until(lambda: talks.loud >= 9)
            await asyncio.wait_for(talks.over.wait(), 10.0)
        await until(lambda: server.counts()["connections"] == 0)


async def test_the_leg_can_hang_up(http: aiohttp.ClientSession) -> None:
    async with serving(None) as (server, talks):
        url = server.url.replace("http", "ws", 1) + "/api/talks/audio?language=en"
        async with connect(url, subprotocols=PROTOCOLS) as line:
            await line.send("begun")
            while await asyncio.wait_for(line.recv(), 10.0) != "begun":
                pass
            talks.leg.hang_up()
            async with asyncio.timeout(10.0):
                async for _ in line:
                    pass
            assert line.close_code == 1005
        async with http.post(server.url + "/api/talks", json={}) as answer:
            assert (await answer.json()) == {"links": ["/talk#right", "/talk#left"]}


async def test_a_browser_that_is_refused_hears_why(http: aiohttp.ClientSession) -> None:
    async with serving(None) as (server, talks):
        url = server.url.replace("http", "ws", 1) + "/api/talks/audio?language=en"
        wrong = [Subprotocol("translink.talk"), Subprotocol("talk.wrong")]
        async with connect(url, subprotocols=wrong) as line:
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(line.recv(), 10.0)
            assert (line.close_code, line.close_reason) == (4404, "there is no such link")
        talks.broken = True
        async with connect(url, subprotocols=PROTOCOLS) as line:
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(line.recv(), 10.0)
        assert talks.over.is_set()
        async with http.get(server.url + "/api/talks/audio") as answer:
            assert answer.status == 400
        async with http.get(server.url + "/talk") as answer:
            assert answer.status == 200
            assert "microphone=(self)" in answer.headers["Permissions-Policy"]
        async with http.get(server.url + "/") as answer:
            assert "microphone=()" in answer.headers["Permissions-Policy"]
