"""The event stream: what a watcher sees, and how it ends."""

from __future__ import annotations

import asyncio
import base64

import aiohttp
import pytest

from tests.fakes.admin import Program, happened
from tests.support.serve import until
from translink.admin import AdminServer
from translink.admin.access.roles import EVENTS_PROTOCOL
from translink.admin.routes import events
from translink.observe.journal import Event


async def test_a_watcher_sees_events_in_order(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/events?leg=3333") as watcher:
        assert (await watcher.receive_json())["type"] == "hello"
        ((call, leg, subscription),) = program.subscriptions
        assert (call, leg) == (None, "3333")
        for kind in ("interim", "final"):
            subscription.queue.put_nowait(happened(kind, "3333"))
        assert (await watcher.receive_json())["type"] == "interim"
        final = await watcher.receive_json()
        assert (final["type"], final["text"]) == ("final", "<b>hé</b>")


async def test_what_happened_before_can_be_had(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    for query, wanted in (
        ("", ["final", "breaker"]),
        ("?call=3333-1", ["final"]),
        ("?call=", ["breaker"]),
    ):
        async with http.get(server.url + "/api/events/recent" + query) as answer:
            events = (await answer.json())["events"]
        assert [event["type"] for event in events] == wanted


async def test_a_watcher_that_leaves_is_unsubscribed(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/events") as watcher:
        await watcher.receive_json()
    subscription = program.subscriptions[0][2]
    async with asyncio.timeout(5):
        await subscription.closing.wait()


async def test_a_watcher_that_fell_behind_hears_why(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/events") as watcher:
        await watcher.receive_json()
        subscription = program.subscriptions[0][2]
        subscription.cut_off = "more than 1000 events behind"
        subscription.queue.put_nowait(None)
        message = await watcher.receive()
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert (message.data, message.extra) == (1013, "more than 1000 events behind")


async def test_a_watcher_that_takes_nothing_hears_why_when_it_looks(
    server: AdminServer, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "SEND_PATIENCE", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    writer.write(
        f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    await until(lambda: program.subscriptions)
    # More than the way to it holds.
    for _ in range(60):
        program.subscriptions[0][2].queue.put_nowait(
            Event("final", 0.0, data={"text": "x" * 400_000})
        )
    await until(lambda: len(server._streams.sockets) == 0)
    assert (await reader.read()).endswith((1013).to_bytes(2, "big") + b"took no data for 5 s")
    writer.close()


async def test_there_is_a_limit_to_watchers(
    server: AdminServer, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server._streams.sockets, "most", 1)
    async with http.ws_connect(server.url + "/api/events") as first:
        await first.receive_json()
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            await http.ws_connect(server.url + "/api/events")


async def test_at_shutdown_watchers_are_informed(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/events") as watcher:
        await watcher.receive_json()
        closing = asyncio.create_task(server.close())
        message = await watcher.receive()
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        await watcher.close()
        await closing


async def test_a_browser_shows_its_token_as_a_subprotocol(
    guarded: AdminServer, http: aiohttp.ClientSession
) -> None:
    token = base64.urlsafe_b64encode(b"open sesame").decode().rstrip("=")
    offered = (EVENTS_PROTOCOL, f"bearer.{token}")
    async with http.ws_connect(guarded.url + "/api/events", protocols=offered) as watcher:
        assert watcher.protocol == EVENTS_PROTOCOL
        assert (await watcher.receive_json())["type"] == "hello"
    with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
        await http.ws_connect(guarded.url + "/api/events", protocols=(EVENTS_PROTOCOL,))
