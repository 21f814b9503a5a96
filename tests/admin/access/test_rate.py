"""Requests that would take more of the loop's time than they may."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.admin.access.test_connections import connected
from translink.admin import AdminServer
from translink.admin.access.rate import (
    ADDRESS_BURST,
    ADDRESS_RATE,
    LONGEST_REQUEST_WAIT,
    REQUEST,
    SHARES,
    RequestRate,
)


@given(st.lists(st.tuples(st.floats(0, 0.2), st.floats(0, 0.05)), max_size=300))
def test_no_lane_takes_more_than_its_share(asked: list[tuple[float, float]]) -> None:
    rate = RequestRate(burst=0.1)
    now, taken, begun = 1000.0, 0.0, 1000.0
    for gap, cost in asked:
        now += gap
        wait = rate.wait("known", "192.0.2.1", now)
        if wait is None:
            continue
        # What was taken before this one begins was within the share, the burst and one request.
        assert taken <= 0.1 + SHARES["known"] * (now + wait - begun) + 0.05 + REQUEST + 1e-9
        rate.spent("known", cost)
        taken += cost + REQUEST


def test_after_a_quiet_time_a_burst_is_answered_at_once() -> None:
    rate = RequestRate(burst=4 * REQUEST)
    for now in (100.0, 200.0):
        waits = [rate.wait("known", "", now) for _ in range(6)]
        assert waits == pytest.approx([0.0] * 5 + [REQUEST / SHARES["known"]])


def test_nobody_waits_for_long() -> None:
    rate = RequestRate()
    waits = [rate.wait("known", "", 100.0) for _ in range(5_000)]
    answered = [wait for wait in waits if wait is not None]
    assert max(answered) <= LONGEST_REQUEST_WAIT
    assert rate.refused == len(waits) - len(answered) > 0


def test_a_client_that_hangs_up_gives_its_turn_back() -> None:
    rate = RequestRate(burst=0.0)
    assert rate.wait("known", "", 100.0) == 0.0
    first = rate.wait("known", "", 100.0)
    rate.forgo("known")
    assert rate.wait("known", "", 100.0) == first


def test_a_flood_from_one_address_takes_nothing_from_another() -> None:
    rate = RequestRate()
    for step in range(2_000):
        rate.wait("stranger", "192.0.2.1", 100.0 + step / 1000)
    assert rate.wait("stranger", "192.0.2.2", 102.0) == pytest.approx(0.0, abs=0.1)


def test_strangers_take_nothing_from_those_that_are_known() -> None:
    rate = RequestRate()
    for number in range(10_000):
        rate.wait("stranger", f"192.0.2.{number}", 100.0)
    assert rate.wait("known", "", 100.0) == 0.0


async def test_one_request_too_many_waits_its_turn(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    server.guard.rate = RequestRate({"known": 0.02, "stranger": 0.02}, burst=10 * REQUEST)

    async def ask() -> int:
        async with http.get(server.url + "/health") as answer:
            return answer.status

    assert await asyncio.gather(*(ask() for _ in range(30))) == [200] * 30
    assert server.guard.counts()["delayed"] >= 5


async def test_a_flood_of_refused_requests_has_to_wait_like_any(guarded: AdminServer) -> None:
    """One connection had its 401s as fast as the calls' loop could make them, and none was counted."""
    asked = b"GET /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answers = b""
    async with connected(guarded, asked * 1_500) as (reader, _):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                while said := await reader.read(65_536):
                    answers += said
    assert 0 < answers.count(b"HTTP/1.1 401") <= ADDRESS_BURST + 2 * ADDRESS_RATE
    assert guarded.guard.counts()["delayed"] > 0
    assert guarded.guard.seconds > 0


async def test_more_than_may_wait_are_asked_to_come_back(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    server.guard.rate = RequestRate({"known": 1e-6, "stranger": 1e-6}, burst=0.0)
    async with http.get(server.url + "/health") as answer:
        assert answer.status == 200
    async with http.get(server.url + "/health") as answer:
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "2"
        assert answer.headers["Connection"] == "close"


async def test_a_request_whose_client_hung_up_is_not_answered(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    share = REQUEST / 0.5
    server.guard.rate = rate = RequestRate({"known": share, "stranger": share}, burst=0.0)
    async with http.get(server.url + "/health") as answer:
        assert answer.status == 200
    before = server.guard.seconds
    async with connected(server, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        async with asyncio.timeout(10):
            while not rate.delayed:  # noqa: ASYNC110 - the server's state
                await asyncio.sleep(0.01)
    async with asyncio.timeout(10):
        while server.guard.counts()["connections"] > 1:  # noqa: ASYNC110 - the client's own stays
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.6)
    assert server.guard.seconds == before


async def test_what_a_flood_sends_waits_in_the_kernel(
    server: AdminServer, monkeypatch: pytest.MonkeyPatch, http: aiohttp.ClientSession
) -> None:
    """Pings of a client that may read: each is answered on the calls' loop."""
    patience = aiohttp.ClientWSTimeout(ws_close=0.1)  # its goodbye waits behind the flood
    async with http.ws_connect(server.url + "/api/events", timeout=patience) as stream:
        await stream.receive_json()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                while True:
                    await stream.ping(b"x" * 100)
        assert server.guard.connections is not None
        assert any(watch._credit < 0 for watch in server.guard.connections._watches)
