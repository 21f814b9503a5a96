"""Connections to the admin server: how many, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.fakes.admin import Program
from translink.admin import AdminServer
from translink.admin.access import connections
from translink.errors import SettingsError

ASK = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextlib.asynccontextmanager
async def connected(
    server: AdminServer, send: bytes = b"", address: str = "127.0.0.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", server.port, local_addr=(address, 0)
    )
    try:
        if send:
            writer.write(send)
            await writer.drain()
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def is_cut_off(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(5):
            while await reader.read(4096):
                pass
    return True


async def test_a_request_that_drips_in_is_cut_off(
    server: AdminServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ADMIN_REQUEST_TIME", 0.3)
    monkeypatch.setattr(connections, "SWEEP_SECONDS", 0.05)
    await asyncio.sleep(0.6)  # the sweep that was under way
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with connected(server, b"GET /health HTTP/1.1\r\nX: ") as (reader, writer):

        async def drip() -> None:
            while True:
                writer.write(b"y")  # of one field: too many of them would be refused
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        assert await is_cut_off(reader)
        dripping.cancel()
        await asyncio.gather(dripping, return_exceptions=True)
    assert loop.time() - begun < 5
    assert server.guard.counts()["connections_cut_off"] == 1


async def test_a_connection_that_says_nothing_is_cut_off(
    server: AdminServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "IDLE_TIME", 0.2)
    async with connected(server) as (reader, _):
        assert await is_cut_off(reader)
    async with connected(server, ASK) as (reader, _):
        assert b"200" in await reader.readline()
        assert await is_cut_off(reader)


async def test_an_event_stream_is_not_idle(
    server: AdminServer, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with http.ws_connect(server.url + "/api/events") as stream:
        await stream.receive_json()
        monkeypatch.setattr(connections, "IDLE_TIME", 0.0)
        monkeypatch.setattr(connections, "ADMIN_REQUEST_TIME", 0.0)
        await asyncio.sleep(1.2)
        await stream.ping()
        assert not stream.closed
        assert server.guard.counts()["connections_cut_off"] == 0


async def test_who_holds_places_without_using_them_makes_room(server: AdminServer) -> None:
    assert server.guard.connections is not None
    server.guard.connections.most = 5
    async with contextlib.AsyncExitStack() as stack:
        idle = [await stack.enter_async_context(connected(server, b"GET")) for _ in range(5)]
        for _ in range(3):
            async with connected(server, ASK) as (reader, _):
                async with asyncio.timeout(5):
                    assert b"200" in await reader.readline()
        assert await is_cut_off(idle[0][0])
        assert server.guard.counts()["connections"] <= 5
        assert server.guard.counts()["connections_cut_off"] >= 1


async def test_where_every_place_is_at_work_a_newcomer_is_refused(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    assert server.guard.connections is not None
    server.guard.connections.most = 1
    async with http.ws_connect(server.url + "/api/events") as stream:
        await stream.receive_json()
        async with connected(server, ASK) as (reader, _):
            assert b"503" in await reader.readline()
        assert server.guard.counts()["connections_refused"] == 1
        await stream.ping()
        assert not stream.closed
    async with connected(server, ASK) as (reader, _):
        assert b"200" in await reader.readline()


async def test_those_that_left_are_not_counted(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    for _ in range(20):
        async with connected(server, ASK) as (reader, _):
            await reader.readline()
    async with asyncio.timeout(5):
        while server.guard.counts()["connections"]:  # noqa: ASYNC110 - the server's state
            await asyncio.sleep(0.02)


async def test_a_body_that_drips_in_holds_no_place_against_others(server: AdminServer) -> None:
    """270 strangers dripped a log-in's body: the operator got through once in thirty tries."""
    assert server.guard.connections is not None
    server.guard.connections.most = 5
    head = (
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 60\r\n\r\n{"
    )
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(connected(server, head))
        await asyncio.sleep(0.2)  # their heads have been read
        for _ in range(5):
            async with connected(server, ASK) as (reader, _), asyncio.timeout(5):
                assert b"200" in await reader.readline()
        assert server.guard.counts()["connections_refused"] == 0


async def test_the_address_that_holds_most_places_makes_room(server: AdminServer) -> None:
    assert server.guard.connections is not None
    server.guard.connections.most = 4
    async with contextlib.AsyncExitStack() as stack:
        operator, _ = await stack.enter_async_context(connected(server, b"GET", "127.0.0.2"))
        strangers = [await stack.enter_async_context(connected(server, b"GET")) for _ in range(6)]
        assert await is_cut_off(strangers[0][0])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await operator.read()


async def test_who_moves_leaves_the_port_to_another_and_closes_what_is_only_kept_alive(
    server: AdminServer,
) -> None:
    before = server.port
    async with aiohttp.ClientSession() as client:
        events = await client.ws_connect(f"{server.url}/api/events")
        async with connected(server, ASK) as (reader, _):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            server.move()
            assert server.port != before
            listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", before)
            listening.close()
            assert await is_cut_off(reader)
        async with client.get(f"{server.url}/health") as answer:
            assert answer.status == 200
        assert not events.closed
        await events.close()


async def test_what_is_pipelined_waits_in_the_kernel(
    server: AdminServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiohttp reads on by itself as soon as it has answered most of what it was handed."""
    monkeypatch.setattr(connections, "READ_BURST", 1_000.0)
    handed: list[int] = []
    receive = connections._ConnectionWatch.data_received

    def received(watch: connections._ConnectionWatch, data: bytes) -> None:
        handed.append(len(data))
        receive(watch, data)

    monkeypatch.setattr(connections._ConnectionWatch, "data_received", received)
    # More than aiohttp queues come with one read, and fewer than may be answered at once with each.
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 1_400 + b"\r\n\r\n"
    async with connected(server) as (_, writer):
        writer.write(request * 700)
        await asyncio.sleep(1.0)
        writer.transport.abort()
    # Little ones until the burst is over, then one of whatever size.
    assert handed
    assert sum(handed) <= 300_000


def test_what_aiohttp_wants_to_wait_waits_also_when_its_time_has_come() -> None:
    class Kernel(asyncio.Transport):
        reading = True

        def is_closing(self) -> bool:
            return False

        def pause_reading(self) -> None:
            self.reading = False

        def resume_reading(self) -> None:
            self.reading = True

    kernel = Kernel()
    paced = connections._PacedTransport(kernel)
    paced.pause_reading()
    paced.hold()
    paced.release()
    assert not kernel.reading
    paced.hold()
    paced.resume_reading()
    assert not kernel.reading
    paced.release()
    assert kernel.reading


@pytest.mark.parametrize("why", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
@pytest.mark.parametrize("lacking", [{"::1"}, {"::1", "127.0.0.1"}])
async def test_a_name_is_listened_on_at_those_of_its_addresses_that_are_ours(
    program: Program, monkeypatch: pytest.MonkeyPatch, why: int, lacking: set[str]
) -> None:
    """A container's hosts file has ::1 for localhost, also where the kernel has no IPv6."""
    usual = connections._listen

    async def addresses(*_: object, **__: object) -> list[object]:
        four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))
        return [four, (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0))]

    def listen(family: int, host: str, port: int) -> socket.socket:
        if host in lacking:
            raise OSError(why, "no such address")
        return usual(family, host, port)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", addresses)
    monkeypatch.setattr(connections, "_listen", listen)
    server = AdminServer(program, host="localhost", port=0)
    if "127.0.0.1" in lacking:
        with pytest.raises(SettingsError, match=r"admin\.host = 'localhost': no such address"):
            await server.start()
        return
    await server.start()
    async with connected(server, ASK) as (reader, _):
        assert b"200" in await reader.readline()
    await server.close()


def test_a_port_that_takes_root_is_what_is_named() -> None:
    denied = PermissionError(errno.EACCES, "Permission denied")
    refused = connections.address_refused("0.0.0.0", 443, denied)
    assert str(refused) == "admin.port = 443: is not ours to use; choose a port above 1023"
