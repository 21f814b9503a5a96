"""Many legs and providers that come and go, in virtual time: who is asked how often, what is said."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.support.virtual import run_virtually
from tests.support.world import NumberStream, Plan, World
from translink.errors import Kind
from translink.observe.journal import Journal
from translink.providers.breaker import Breaker, BreakerPolicy, State
from translink.providers.http_errors import refusal
from translink.providers.lineup import Lineup, LineupLimits
from translink.providers.precedents import Precedents
from translink.providers.services import Services
from translink.recognition.rules import ListenState
from translink.results import Result, Translation

LEGS = 50
STREAMING = ListenState.STREAMING


def legs(plan: Plan, seed: int, seconds: float, count: int = LEGS) -> tuple[list[World], Breaker]:
    """So many legs that talk for so long, behind one breaker."""
    policy = BreakerPolicy().within(60.0, denied=True)
    breaker = Breaker("x", policy=policy, rng=random.Random(seed))
    precedents = Precedents()

    async def call() -> list[World]:
        worlds = [
            World(100 * seed + n, replace(plan), breaker=breaker, precedents=precedents)
            for n in range(count)
        ]
        await asyncio.gather(*(world.live_through(seconds) for world in worlds))
        return worlds

    return run_virtually(call()), breaker


def assert_nothing_lost(worlds: list[World]) -> None:
    for world in worlds:
        assert world.heard == world.said
        assert world.losses == []


@pytest.mark.parametrize(("life", "answers", "count"), [(0.05, False, 20), (1.5, True, LEGS)])
def test_servers_that_accept_and_close_are_left_alone_and_the_legs_say_so(
    life: float, answers: bool, count: int
) -> None:
    outage = (3.0, 11.0)
    plan = Plan(reset=[outage[0]], closes=[(*outage, life)], heard_before=0.0 if answers else 1e9)
    worlds, breaker = legs(plan, 1, 17.0, count)
    assert_nothing_lost(worlds)
    assert breaker.opened
    assert sum(world.handshakes for world in worlds) <= 3 * count
    assert all(world.fallbacks for world in worlds)
    assert all(world.states[-2][1] is STREAMING for world in worlds), "and all came back"


def test_legs_whose_streams_break_once_dial_once() -> None:
    worlds, breaker = legs(Plan(reset=[5.0]), 2, 9.0, 20)
    assert_nothing_lost(worlds)
    assert breaker.opened == 0
    assert sum(world.handshakes for world in worlds) == 2 * 20


@pytest.mark.parametrize("apart", [0.3, 1.5, 3.9])
@pytest.mark.parametrize("count", [1, 4])
def test_streams_that_break_again_before_they_are_proved_are_back_at_once(
    apart: float, count: int
) -> None:
    first = 5.0
    worlds, breaker = legs(Plan(reset=[first, first + apart]), 6, 12.0, count)
    assert_nothing_lost(worlds)
    assert breaker.opened == 0
    for world in worlds:
        assert world.handshakes == 3
        for reset in (first, first + apart):
            back = min(at for at in world.connected_at if at > reset)
            assert back - reset < 0.5
        assert world.states[-2][1] is STREAMING


def test_a_stream_that_is_refused_where_it_worked_before_is_tried_again() -> None:
    plan = Plan(reset=[4.0], refuse=[(4.0, 9.0, Kind.REFUSED)])
    worlds, breaker = legs(plan, 3, 20.0, 10)
    assert_nothing_lost(worlds)
    assert sum(world.handshakes for world in worlds) <= 3 * 10
    assert all(world.states[-2][1] is STREAMING for world in worlds), "and all came back"
    assert breaker.state is State.CLOSED


def test_a_call_that_begins_while_all_is_refused_streams_as_soon_as_others_may() -> None:
    breaker, precedents = Breaker("x", rng=random.Random(4)), Precedents()
    precedents.note("fake", "en")

    async def call() -> World:
        plan = Plan(refuse=[(0.0, 4.0, Kind.REFUSED)])
        world = World(4, plan, breaker=breaker, precedents=precedents)
        await world.live_through(20.0)
        return world

    world = run_virtually(call())
    assert_nothing_lost([world])
    assert world.states[-2][1] is STREAMING


class Api:
    """One of a world's APIs, which fails as planned from the fifth second on."""

    def __init__(self, name: str, world: World, status: int, seconds: float) -> None:
        self.name = name
        self.failures = 0
        self._world = world
        self._status = status
        self._seconds = seconds

    def _fail(self) -> None:
        since = self._world.now - 5.0
        if not 0 <= since < self._seconds or (self._status == 429 and self.failures):
            return
        self.failures += 1
        headers = {"Retry-After": "3600"} if self._status == 429 else {}
        raise refusal(self.name, self._status, headers, b"")

    async def connect(self, language: str) -> NumberStream:
        self._fail()
        return await self._world.connect(language)

    async def transcribe(self, pcm: bytes, language: str) -> Result:
        self._fail()
        return await self._world.transcribe(pcm, language)

    async def translate(
        self, text: str, *, source: str, target: str, context: str = ""
    ) -> Translation:
        raise AssertionError("nothing is translated here")

    async def speak(self, text: str, *, language: str) -> AsyncIterator[bytes]:
        raise AssertionError("nothing is spoken here")
        yield b""


@pytest.mark.parametrize(("status", "seconds"), [(429, 60.0), (404, 5.0), (400, 5.0), (401, 5.0)])
def test_whatever_both_apis_answer_for_a_while_the_ledger_outlasts_it(
    status: int, seconds: float
) -> None:
    """One 429 with `Retry-After: 3600` from each, or 404 from both for 5 s, and then they are well."""
    apis: list[Api] = []
    lines: list[Lineup] = []

    def line(world: World) -> Services:
        live, prerecorded = (
            Api(name, world, status, seconds) for name in ("listen", "prerecorded")
        )
        apis.extend((live, prerecorded))
        lineup = Lineup(
            live=live,
            transcribers=[prerecorded],
            translators=[live],
            voices=lambda voice: [live],
            journal=Journal(),
            limits=LineupLimits(),
        )
        lines.append(lineup)
        return lineup.services()

    async def call() -> World:
        world = World(5, Plan(reset=[5.0]), line=line)
        # The prerecorded API has shown that it works, as it has after any reset.
        await world.listener._pieces._transcribe(bytes(640), 0)
        living = asyncio.create_task(world.live_through(60.0))
        await asyncio.sleep(12.0)
        if status == 429:
            assert "recognition" in lines[0].down()
        await living
        return world

    world = run_virtually(call())
    assert all(api.failures for api in apis)
    assert_nothing_lost([world])
    assert max(world.delays) < 35.0
    assert world.states[-2][1] is STREAMING, "and it streams again"
