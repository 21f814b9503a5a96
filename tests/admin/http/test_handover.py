"""A WebSocket of the admin server becomes a leg's, with and without TLS."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import uvloop
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from benches.kit.certificates import certificates
from tests.fakes.admin import Program
from tests.support.one_place import OnePlace
from tests.support.serve import until
from translink.admin import AdminServer
from translink.admin.access.tls import Certificate
from translink.media import Media

PROTOCOLS = [Subprotocol("translink.talk"), Subprotocol("talk.right")]


@contextlib.asynccontextmanager
async def serving(tls: Certificate | None) -> AsyncIterator[tuple[AdminServer, OnePlace]]:
    media = Media()
    media.start()
    talks = OnePlace(media)
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
    made = certificates(tmp_path)
    trusting = ssl.create_default_context(cafile=made.authority)
    async with serving(Certificate(made.server, None) if encrypted else None) as (server, talks):
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


def test_behind_tls_a_page_whose_network_is_gone_is_over_after_ten_seconds(
    tmp_path: Path,
) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(look_at_the_connection(tmp_path))


async def look_at_the_connection(tmp_path: Path) -> None:
    made = certificates(tmp_path)
    trusting = ssl.create_default_context(cafile=made.authority)
    async with serving(Certificate(made.server, None)) as (server, _):
        url = server.url.replace("http", "ws", 1) + "/api/talks/audio?language=en"
        async with connect(url, subprotocols=PROTOCOLS, ssl=trusting) as line:
            await asyncio.wait_for(line.recv(), 10.0)
            assert server.guard.connections is not None
            (transport,) = server.guard.connections._by_transport
            client: socket.socket = transport.get_extra_info("socket")
            assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
            assert client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10


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
