"""The dashboard's WebSocket: what it is sent, how often, and what happens to a reader that cannot keep up."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from tests.fakes.admin import Program
from translink.admin import AdminServer
from translink.admin.routes import live, ticker
from translink.process.clock import unix


async def news(
    watcher: aiohttp.ClientWebSocketResponse, *keys: str, within: float = 20.0
) -> dict[str, Any]:
    """The next message that has all of these."""
    async with asyncio.timeout(within):
        while True:
            message: dict[str, Any] = await watcher.receive_json()
            if all(key in message for key in keys):
                return message


async def all_news(watcher: aiohttp.ClientWebSocketResponse, seconds: float) -> list[Any]:
    """What comes in the next seconds."""
    got = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                got.append(await watcher.receive_json())
    return got


async def test_it_begins_with_all_there_is(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        hello = await watcher.receive_json()
        assert (hello["v"], hello["n"]) == (1, 0)
        assert hello["hello"] == {"version": "0.1.0", "role": "control", "listen_in": False}
        assert [row["call"] for row in hello["calls"]] == ["3333-0", "3333-1"]
        assert hello["system"] == {"calls": 1}


async def test_nothing_new_is_not_sent(server: AdminServer, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        got = await all_news(watcher, 0.8)
        assert [message for message in got if message.keys() - {"v", "at", "n", "system"}] == []
        assert len(got) <= 2


async def test_a_row_is_sent_when_something_happened_in_its_call_and_once_a_second(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        program.running = replace(program.running, words=6)
        program.tell("final", call="3333-1")
        (row,) = (await news(watcher, "calls", within=0.9))["calls"]
        assert row["words"] == 6
        sent = time.monotonic()
        for words in range(7, 20):
            program.running = replace(program.running, words=words)
            program.tell("final", call="3333-1")
            await asyncio.sleep(0.03)
        (row,) = (await news(watcher, "calls"))["calls"]
        assert row["words"] == 19
        assert 0.9 < time.monotonic() - sent < 10


async def test_events_are_sent_of_watched_calls_within_a_tenth_of_a_second(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        await watcher.send_json({"watch": {"calls": ["3333-1"]}})
        await asyncio.sleep(0.1)
        delays = []
        for _ in range(10):
            program.tell("interim", call="3333-0")
            program.tell("final", call="3333-0")
            program.tell("interim", call="3333-1")
            began = time.monotonic()
            (event,) = (await news(watcher, "events"))["events"]
            delays.append(time.monotonic() - began)
            assert (event["type"], event["call"]) == ("interim", "3333-1")
        assert sorted(delays)[4] < 0.1


async def test_what_concerns_no_call_is_sent_to_all_and_interims_of_others_to_nobody(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        await watcher.send_json({"watch": {"events": "all"}})
        await asyncio.sleep(0.1)
        program.tell("interim", call="3333-0")
        program.tell("breaker")
        program.tell("final", call="3333-0")
        got = (await news(watcher, "events"))["events"]
        assert [event["type"] for event in got] == ["breaker", "final"]
        await watcher.send_json({"watch": {"events": "none"}})
        await asyncio.sleep(0.1)
        program.tell("final", call="3333-0")
        program.tell("breaker")
        assert not any("events" in message for message in await all_news(watcher, 0.3))


async def test_a_watched_call_has_its_legs_and_stages_sent_when_they_change(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        await watcher.send_json({"watch": {"calls": ["3333-1"]}})
        first = await news(watcher, "legs", "stages")
        assert set(first["legs"]) == {"3333", "4444"}
        assert first["stages"]["3333-1"]["own"]["p50"] == 1.0
        assert not any("legs" in message for message in await all_news(watcher, 1.2))
        program.changes["volume"] = 0.5
        message = await news(watcher, "legs")
        assert message["legs"]["4444"]["volume"] == 0.5


async def test_two_dashboards_on_one_call_are_sent_the_same(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    url = server.url + "/api/live"
    async with http.ws_connect(url) as first, http.ws_connect(url) as second:
        for watcher in (first, second):
            await watcher.receive_json()
        await first.send_json({"watch": {"calls": ["3333-1"]}})
        await news(first, "legs")
        await asyncio.sleep(ticker.LEG_TIME)
        # The second one's look finds the change; the first one hears of it, too.
        program.changes["volume"] = 0.5
        await second.send_json({"watch": {"calls": ["3333-1"]}})
        for watcher in (first, second):
            message = await news(watcher, "legs")
            assert message["legs"]["4444"]["volume"] == 0.5


async def test_who_takes_no_data_is_cut_off_and_holds_up_nobody(
    server: AdminServer,
    program: Program,
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "SEND_PATIENCE", 0.3)
    program.lines[0].text = "x"
    url = server.url + "/api/live"
    async with http.ws_connect(url) as watcher:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(
            f"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        await watcher.receive_json()
        assert len(server._live.sockets) == 2
        # Everything that it is owed in system figures fills the way to it.
        monkeypatch.setattr(ticker, "SYSTEM_EVERY", 0.0)
        monkeypatch.setattr(program, "system", lambda: {"filler": "x" * 400_000})
        seen = 0
        async with asyncio.timeout(20):
            while len(server._live.sockets) == 2:
                await watcher.receive_str()
                seen += 1
        assert seen >= 5
        writer.close()


async def test_envelopes_go_on_where_they_ended(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        await watcher.send_json({"watch": {"levels": ["3333"]}})
        levels = (await news(watcher, "levels"))["levels"]["3333"]
        began = unix(0.0)
        assert levels == {
            "said": [0, _coded(b"\xff\x01\xfe\x02"), pytest.approx(began, abs=1)],
            "heard": [0, _coded(b"\xfd\x03"), pytest.approx(began, abs=1)],
        }
        program.envelopes["said"] += b"\xfb\x05"
        levels = (await news(watcher, "levels"))["levels"]["3333"]
        at = pytest.approx(began + 0.04, abs=1)
        assert levels == {"said": [2, _coded(b"\xfb\x05"), at]}


async def test_a_sound_is_dated_by_its_slot_and_not_by_the_message(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        program.envelopes["said"] = bytes(2 * 500)
        await watcher.send_json({"watch": {"levels": ["3333"]}})
        message = await news(watcher, "levels")
        first, pairs, at = message["levels"]["3333"]["said"]
        assert (first, len(base64.b64decode(pairs))) == (0, 1000)
        assert at == pytest.approx(unix(0.0), abs=1), "slot 0 was when the machine began"


async def test_a_silent_call_is_sent_anew_though_nothing_happens_in_it(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        program.running = replace(program.running, ends_in_s=8.0)
        message = await news(watcher, "calls")
        assert message["calls"][0]["ends_in_s"] == 8.0


async def test_under_load_there_are_two_updates_a_second_and_no_envelopes_or_interims(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        program.pressed = True
        await watcher.send_json({"watch": {"calls": ["3333-1"], "levels": ["3333"]}})
        await all_news(watcher, 0.6)

        async def talk() -> None:
            while True:
                program.tell("interim", call="3333-1")
                program.tell("final", call="3333-1")
                program.envelopes["said"] += b"\xfb\x05"
                await asyncio.sleep(0.01)

        talking = asyncio.create_task(talk())
        got = await all_news(watcher, 2.2)
        talking.cancel()
        assert 3 <= len(got) <= 5
        assert not any("levels" in message for message in got)
        types = {event["type"] for message in got for event in message.get("events", [])}
        assert types == {"final"}
        # Nine of ten, for the one who watches; it counts, so that it shows.
        assert 2 * 9 <= program.updates_left_out <= 7 * 9


async def test_there_are_at_most_twenty_updates_a_second(
    server: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        await watcher.send_json({"watch": {"events": "all"}})

        async def talk() -> None:
            while True:
                program.tell("final")
                await asyncio.sleep(0.002)

        talking = asyncio.create_task(talk())
        got = await all_news(watcher, 1.5)
        talking.cancel()
        assert len(got) <= 32
        numbers = [message["n"] for message in got]
        assert numbers == list(range(1, len(got) + 1))


async def test_a_call_that_is_no_longer_kept_is_reported_gone(
    server: AdminServer,
    program: Program,
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ticker, "SWEEP_TIME", 0.1)
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        program.ended = program.running
        assert (await news(watcher, "gone"))["gone"] == ["3333-0"]


async def test_a_watcher_that_falls_behind_in_events_is_cut_off_and_hears_why(
    server: AdminServer,
    program: Program,
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        await watcher.send_json({"watch": {"events": "all"}})
        await asyncio.sleep(0.1)
        for _ in range(live.EVENTS_BEHIND + 1):
            program.tell("final")
        assert await _end(watcher) == (1013, "more than 1000 events behind")
    await asyncio.sleep(0.05)
    assert program.listeners == [], "nobody watches: nothing is looked at"


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ("{", "the body"),
        ('{"watch": {"calls": 3}}', "watch.calls"),
        ('{"watch": {}, "more": 1}', "more"),
        ('{"watch": {"events": "some"}}', "watch.events"),
    ],
)
async def test_a_watcher_that_says_what_it_may_not_is_cut_off(
    server: AdminServer, http: aiohttp.ClientSession, said: str, part: str
) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        await watcher.send_str(said)
        code, reason = await _end(watcher)
        assert code == 1008
        assert part in reason


async def test_who_says_too_much_or_too_often_is_cut_off(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        for _ in range(30):
            await watcher.send_json({"watch": {}})
        assert await _end(watcher) == (1008, "more than 20 messages a second")
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        await watcher.send_json({"watch": {"calls": ["x" * 5_000]}})
        assert (await _end(watcher))[0] == 1009


async def test_there_is_a_limit_to_dashboards(
    server: AdminServer, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server._live.sockets, "most", 1)
    async with http.ws_connect(server.url + "/api/live") as first:
        await first.receive_json()
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            await http.ws_connect(server.url + "/api/live")


async def test_at_the_end_dashboards_are_informed(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(server.url + "/api/live") as watcher:
        await watcher.receive_json()
        closing = asyncio.create_task(server.close())
        assert (await _end(watcher))[0] == 1001
        await watcher.close()
        await closing


async def _end(watcher: aiohttp.ClientWebSocketResponse) -> tuple[int, str]:
    async with asyncio.timeout(20):
        while True:
            message = await watcher.receive()
            if message.type is aiohttp.WSMsgType.CLOSE:
                return message.data, message.extra or ""
            assert message.type is aiohttp.WSMsgType.TEXT, message


def _coded(pairs: bytes) -> str:
    return base64.b64encode(pairs).decode()
