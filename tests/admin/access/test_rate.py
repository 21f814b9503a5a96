"""Requests that come faster than they may take the calls' time."""

from __future__ import annotations

import asyncio
import time

import aiohttp
from hypothesis import given
from hypothesis import strategies as st

from translink.admin import AdminServer
from translink.admin.access.rate import Pace


@given(
    st.lists(st.floats(0, 0.2), max_size=400), st.integers(1, 50), st.integers(1, 100).map(float)
)
def test_no_more_are_answered_than_the_pace_allows_and_none_waits_without_need(
    gaps: list[float], burst: int, rate: float
) -> None:
    pace = Pace(rate, burst)
    now = 1000.0
    answered = []
    for gap in gaps:
        now += gap
        answered.append(now + pace.wait(now))
    for first, begun in enumerate(answered):  # in any stretch of time
        for last in range(first, len(answered)):
            allowed = burst + (answered[last] - begun) * rate + 1.001
            assert last - first + 1 <= allowed
    if gaps and min(gaps) >= 1.001 / rate:
        assert pace.delayed == 0


def test_after_a_quiet_time_a_burst_is_answered_at_once() -> None:
    pace = Pace(rate=10.0, burst=5)
    assert [pace.wait(100.0) for _ in range(5)] == [0.0] * 5
    assert pace.wait(100.0) > 0
    assert [pace.wait(200.0) for _ in range(5)] == [0.0] * 5


async def test_who_asks_faster_than_that_has_to_wait_their_turn(
    server: AdminServer, http: aiohttp.ClientSession
) -> None:
    server.guard.pace = Pace(rate=50.0, burst=10)
    begun = time.monotonic()

    async def ask() -> int:
        async with http.get(server.url + "/health") as answer:
            return answer.status

    assert await asyncio.gather(*(ask() for _ in range(30))) == [200] * 30
    assert time.monotonic() - begun >= 19 / 50
    assert server.guard.counts()["delayed"] >= 15
