"""A call of `World` from its beginning to its end, in virtual time."""

from __future__ import annotations

import asyncio

from tests.support.virtual import run_virtually
from tests.support.world import Plan, World
from translink.recognition.rules import ListenRules


def live(
    plan: Plan,
    seed: int = 1,
    seconds: float = 30.0,
    ledger_seconds: float = 60.0,
    drain: float = 30.0,
    rules: ListenRules | None = None,
    *,
    streaming: bool = True,
) -> World:
    """One call of `seconds` under `plan`, and nothing left running after it."""

    async def call() -> World:
        world = World(seed, plan, ledger_seconds, rules)
        if not streaming:
            world.listener.use_streaming(False)
        await world.live_through(seconds, drain)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert world.accounted
        return world

    return run_virtually(call())


def assert_lossless(world: World) -> None:
    assert world.heard == world.said
    assert world.losses == []
    assert world.complaints == []
    assert world.most_streams <= 1, "more than one connection at a time"
