"""Long work lets the calls have their turns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest

from tests.fakes.admin import LEG, ROW, Program
from translink.admin import AdminServer
from translink.admin.http import slices
from translink.admin.http.slices import SLICE_SECONDS, sliced
from translink.admin.panel.exports import FORMATS
from translink.admin.panel.metrics import Measures
from translink.admin.routes import ticker
from translink.calls.measures import LegMeasures
from translink.observe.views import CallDetail, CallRow, LegLive, TranscriptLine


async def test_others_get_their_turn_between_slices() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def slow(number: int) -> int:
        time.sleep(SLICE_SECONDS / 2)
        return number

    task = asyncio.create_task(others())
    got = [item async for item in sliced(map(slow, range(20)))]
    task.cancel()
    assert got == list(range(20))
    assert turns >= 5


async def test_nothing_is_no_work() -> None:
    nothing: tuple[int, ...] = ()
    assert [item async for item in sliced(nothing)] == []


ROWS = 200


class SlicedLines(list[TranscriptLine]):
    """A long transcript, whose lines are looked at one by one."""

    def __init__(self, program: ManyLegs) -> None:
        super().__init__(program.lines[:1] * ROWS)
        self._program = program

    def __iter__(self) -> Iterator[TranscriptLine]:
        for line in super().__iter__():
            self._program.look()
            yield line


class ManyLegs(Program):
    """Each row or leg that is looked at takes a millisecond of a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_at = 0

    def look(self) -> None:
        self.looked_at += 1

    def calls(self, state: str = "running") -> Iterator[CallRow]:
        for number in range(ROWS):
            yield self.row(str(number))

    def row(self, call: str) -> CallRow:
        self.look()
        return replace(ROW, call=call, seconds=float(self.looked_at))

    def legs(self) -> list[str]:
        return [str(number) for number in range(ROWS)]

    def leg(self, leg: str) -> LegLive:
        self.look()
        return replace(LEG, leg=leg)

    def settings(self) -> tuple[Mapping[str, Any], Iterator[Mapping[str, Any]]]:
        def legs() -> Iterator[Mapping[str, Any]]:
            for name in self.legs():
                self.look()
                yield {"name": name}

        return {"mode": "auto"}, legs()

    async def call(self, call: str) -> CallDetail:
        return cast("CallDetail", {"call": call, "transcript": SlicedLines(self), "notices": ()})

    def leg_stats(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for number in range(ROWS):
            self.look()
            yield str(number), {"datagrams_in": 1}

    def measures(self) -> Measures:
        measures = super().measures()
        one = next(iter(measures.legs))

        def legs() -> Iterator[LegMeasures]:
            for _ in range(ROWS):
                self.look()
                yield one

        return replace(measures, legs=legs())


@pytest.fixture
async def turns(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[ManyLegs, list[int]]]:
    """The program, and how much of it was looked at in each turn of the loop."""
    program = ManyLegs()
    monkeypatch.setattr(slices, "time", SimpleNamespace(monotonic=lambda: program.looked_at / 1000))
    seen: list[int] = []

    async def count() -> None:
        last = program.looked_at
        while True:
            await asyncio.sleep(0)
            seen.append(program.looked_at - last)
            last = program.looked_at

    counting = asyncio.create_task(count())
    yield program, seen
    counting.cancel()


@pytest.mark.parametrize(
    "path",
    [
        "/api/stats",
        "/metrics",
        "/api/calls",
        "/api/calls?q=nobody-said-that",
        "/api/legs",
        "/api/settings",
        "/api/calls/3333-1",
        "/api/calls/3333-1/transcript",
        *(f"/api/calls/3333-1/transcript?format={name}" for name in FORMATS),
    ],
)
async def test_a_request_looks_at_few_legs_in_one_turn_of_the_loop(
    turns: tuple[ManyLegs, list[int]], http: aiohttp.ClientSession, path: str
) -> None:
    program, seen = turns
    server = AdminServer(program, port=0)
    await server.start()
    async with http.get(server.url + path) as answer:
        assert answer.status == 200
        await answer.read()
    await server.close()
    assert program.looked_at >= ROWS
    assert max(seen) <= 3


async def test_a_dashboard_has_few_calls_looked_at_in_one_turn_of_the_loop(
    turns: tuple[ManyLegs, list[int]],
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ticker, "SWEEP_TIME", 0.1)
    program, seen = turns
    server = AdminServer(program, port=0)
    await server.start()
    async with http.ws_connect(server.url + "/api/live", max_msg_size=0) as watcher:
        hello = await watcher.receive_json()
        assert len(hello["calls"]) == ROWS
        await watcher.send_json({"watch": {"calls": [str(number) for number in range(150)]}})
        async with asyncio.timeout(10):
            while len((await watcher.receive_json()).get("calls", ())) < ROWS:
                pass
        # Two work at the same time: the ticker, and the client that came or turned a page. What is
        # looked at of a watched call is more than one row.
    await server.close()
    assert program.looked_at >= 3 * ROWS
    assert max(seen) <= 8


async def test_all_who_work_in_slices_share_one() -> None:
    """Each has less of it, the more there are."""
    clock = 0.0
    most = at_once = 0

    def items() -> Iterator[int]:
        nonlocal clock, at_once
        for number in range(100):
            clock += 0.0001
            at_once += 1
            yield number

    async def others() -> None:
        nonlocal most, at_once
        while True:
            await asyncio.sleep(0)
            most, at_once = max(most, at_once), 0

    async def work() -> None:
        async for _ in sliced(items()):
            pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "time", SimpleNamespace(monotonic=lambda: clock))
        task = asyncio.create_task(others())
        await asyncio.gather(*(work() for _ in range(10)))
        task.cancel()
    # 2 ms are 20 items, ten times over 200; the first to come do not know of the later ones yet.
    assert most <= 80
