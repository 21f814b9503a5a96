"""Many legs and providers that come and go, in virtual time: who is asked how often, what is said."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from tests.support.virtual import run_virtually
from tests.support.world import Plan, World
from translink.errors import Kind
from translink.providers.breaker import Breaker, BreakerPolicy, State
from translink.providers.precedents import Precedents
from translink.recognition.rules import ListenMode

LEGS = 50


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
    assert all(world.modes[-2][1] is ListenMode.STREAMING for world in worlds), "and all came back"


def test_legs_whose_streams_break_once_dial_once() -> None:
    worlds, breaker = legs(Plan(reset=[5.0]), 2, 9.0, 20)
    assert_nothing_lost(worlds)
    assert breaker.opened == 0
    assert sum(world.handshakes for world in worlds) == 2 * 20


def test_a_stream_that_is_refused_where_it_worked_before_is_tried_again() -> None:
    plan = Plan(reset=[4.0], refuse=[(4.0, 9.0, Kind.REFUSED)])
    worlds, breaker = legs(plan, 3, 20.0, 10)
    assert_nothing_lost(worlds)
    assert sum(world.handshakes for world in worlds) <= 3 * 10
    assert all(world.modes[-2][1] is ListenMode.STREAMING for world in worlds), "and all came back"
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
    assert world.modes[-2][1] is ListenMode.STREAMING
