"""Two browsers talk through a face: which node has their talk, and that not a byte is changed on the way."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from benches.kit.certificates import certificates
from tests.fakes.admin import Program
from tests.support.one_place import OnePlace
from tests.support.serve import until
from translink.admin import AdminServer
from translink.face import talks
from translink.face.peers import AdminPeer
from translink.face.server import FaceServer
from translink.media import Media
from translink.observe.journal import Journal
from translink.placement.memory import MemoryPlacement
from translink.placement.protocol import Node
from translink.settings.admin import AdminSettings

TOKEN = "a-node-s-token-0123456789"


class TwoTalkNodes:
    """Two nodes with one talk each, and the face before them."""

    def __init__(self, media: dict[str, Media], settings: AdminSettings) -> None:
        self.talks = {name: OnePlace(each, f"of-{name}") for name, each in media.items()}
        self.servers: dict[str, AdminServer] = {}
        self.peers: dict[str, AdminPeer] = {}
        self.placement = MemoryPlacement()
        self.face = FaceServer(settings, lambda: self.peers, self.placement, Journal())
        self.http = aiohttp.ClientSession()

    async def open(self) -> None:
        for name, its in self.talks.items():
            server = AdminServer(Program(), port=0, token=TOKEN, talks=its)
            await server.start()
            self.servers[name] = server
            self.peers[name] = AdminPeer(name, server.url, TOKEN)
            await self.announce(name)
        await self.face.start()

    async def announce(self, name: str, running: int = 0) -> None:
        node = Node(name, self.peers[name].url, 4, running, busy=0.0, accepts=True, began=1.0)
        await self.placement.announce(node)

    async def close(self) -> None:
        await self.http.close()
        await self.face.close()
        for server in self.servers.values():
            await server.close()

    async def made(self) -> str:
        """The token of one of its links."""
        async with self.http.post(self.face.url + "/api/talks", json={}) as answer:
            assert answer.status == 201, await answer.text()
            return str((await answer.json())["links"][0]).removeprefix("/talk#")

    def line(self, token: str, trusting: ssl.SSLContext | None = None) -> connect:
        url = self.face.url.replace("http", "ws", 1) + "/api/talks/audio?language=fr"
        names = [Subprotocol("translink.talk"), Subprotocol(f"talk.{token}")]
        return connect(url, subprotocols=names, ssl=trusting)

    async def refused(self, token: str) -> tuple[int | None, str | None]:
        """How a page is closed that shows it."""
        async with self.line(token) as line:
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(line.recv(), 10.0)
            return line.close_code, line.close_reason

    async def left(self) -> None:
        """No connection is left but those that our own client keeps alive."""
        await self.http.close()
        await until(lambda: self.face.guard.counts()["connections"] == 0)


@contextlib.asynccontextmanager
async def two_nodes(settings: AdminSettings | None = None) -> AsyncIterator[TwoTalkNodes]:
    media = {name: Media() for name in ("w1", "w2")}
    nodes = TwoTalkNodes(media, settings or AdminSettings(port=0))
    try:
        for each in media.values():
            each.start()
        await nodes.open()
        yield nodes
    finally:
        await nodes.close()
        for each in media.values():
            each.close()


async def says(line: ClientConnection, text: str) -> int:
    """Say it and hear it from the leg; how many frames of sound came before it."""
    await line.send(text)
    for heard in range(10_000):
        message = await asyncio.wait_for(line.recv(), 10.0)
        if message == text:
            return heard
        assert len(message) == 640
    raise AssertionError("not said")


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
def test_what_a_page_and_its_leg_say_is_passed_on_as_it_is(tmp_path: Path, encrypted: bool) -> None:
    # On the program's own kind of loop: transports differ.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(talk_three_times(tmp_path, encrypted))


async def talk_three_times(tmp_path: Path, encrypted: bool) -> None:
    made = certificates(tmp_path)
    trusting = ssl.create_default_context(cafile=made.authority)
    settings = AdminSettings(port=0, tls_cert=made.server if encrypted else None)
    context = trusting if encrypted else None
    async with two_nodes(settings) as nodes:
        place = nodes.talks["w2"]
        for _ in range(3):  # a place can be taken again, and no connection is left
            place.over.clear()
            place.loud = 0
            async with nodes.line("w2.of-w2", context) as line:
                assert line.subprotocol == "translink.talk"
                await line.send(bytes([0, 8]) * 3_200)
                await says(line, "hello")
                assert len(await asyncio.wait_for(line.recv(), 10.0)) == 640
                await until(lambda: place.loud >= 9)
            await asyncio.wait_for(place.over.wait(), 10.0)
        assert place.asked == ["fr"] * 3
        assert not nodes.talks["w1"].asked
        await nodes.left()


async def test_the_node_hangs_up_and_the_page_hears_it() -> None:
    async with two_nodes() as nodes:
        async with nodes.line("w1.of-w1") as line:
            await says(line, "begun")
            nodes.talks["w1"].leg.hang_up()
            async with asyncio.timeout(10.0):
                async for _ in line:
                    pass
            assert line.close_code == 1005
        await nodes.left()


async def test_talks_go_to_the_freest_node_and_in_turn_where_they_are_equal() -> None:
    async with two_nodes() as nodes:
        made = [await nodes.made() for _ in range(4)]
        assert made == ["w1.of-w1", "w2.of-w2", "w1.of-w1", "w2.of-w2"]
        at_once = await asyncio.gather(*(nodes.made() for _ in range(4)))
        assert sorted(at_once) == ["w1.of-w1", "w1.of-w1", "w2.of-w2", "w2.of-w2"]
        await nodes.announce("w1", running=1)
        assert [await nodes.made() for _ in range(2)] == ["w2.of-w2"] * 2
        nodes.talks["w2"].full = True
        assert await nodes.made() == "w1.of-w1"
        nodes.talks["w1"].full = True
        async with nodes.http.post(nodes.face.url + "/api/talks", json={}) as answer:
            assert answer.status == 503
            assert (await answer.json())["error"] == "no port is left"
        async with nodes.http.get(nodes.face.url + "/api/talks/languages") as answer:
            assert (await answer.json()) == {"languages": ["en", "fr"]}


async def test_a_page_that_is_refused_hears_why(monkeypatch: pytest.MonkeyPatch) -> None:
    async with two_nodes() as nodes:
        gone = (4404, "there is no such link, or not any more")
        for token in ("", "of-w1", "w9.of-w1", "w1.", "w1.of.w1"):
            assert await nodes.refused(token) == gone
        # What the node itself has against it.
        assert await nodes.refused("w1.wrong") == (4404, "there is no such link")
        async with nodes.line("w2.of-w2") as line:
            await says(line, "begun")
            monkeypatch.setattr(talks, "MOST_TALKERS", 1)
            assert await nodes.refused("w1.of-w1") == (4503, "1 talk here already")
        monkeypatch.undo()
        async with nodes.http.get(nodes.face.url + "/api/talks/audio") as answer:
            assert answer.status == 400
        async with nodes.http.get(nodes.face.url + "/talk") as answer:
            assert "microphone=(self)" in answer.headers["Permissions-Policy"]
        await nodes.left()


async def test_a_node_that_is_not_there_is_tried_again_and_the_other_one_serves() -> None:
    async with two_nodes() as nodes:
        away = (4503, "the process that has this talk does not answer")
        await nodes.servers["w1"].close()
        assert await nodes.refused("w1.of-w1") == away
        nodes.peers["w1"] = replace(nodes.peers["w1"], url="")
        assert await nodes.refused("w1.of-w1") == away
        assert await nodes.made() == "w2.of-w2"
        # One that has no talks at all, as an older one.
        other = AdminServer(Program(), port=0, token=TOKEN)
        await other.start()
        nodes.peers["w1"] = AdminPeer("w1", other.url, TOKEN)
        assert (await nodes.refused("w1.of-w1"))[0] == 4404
        await other.close()
