"""A recogniser that lies about time: each word once, or reported. `LIES_SEEDS=1000` for the long
form."""

from __future__ import annotations

import os

import pytest

from tests.recognition.test_listener import live
from tests.support.lies import LIES
from tests.support.world import Plan, World

SEEDS = int(os.environ.get("LIES_SEEDS", "8"))


def lost_and_doubled(world: World) -> tuple[int, int]:
    lost = len(set(world.said) - set(world.heard))
    return lost, len(world.heard) - len(set(world.heard))


CERTAIN = tuple(lie for lie in LIES if lie != "restart")


@pytest.mark.parametrize("lie", [*CERTAIN, "all"])
def test_a_lie_about_time_costs_no_word_and_doubles_none(lie: str) -> None:
    bad = {}
    for seed in range(SEEDS):
        world = live(Plan(lies=CERTAIN if lie == "all" else (lie,)), seed)
        if world.heard != world.said and not world.losses:
            bad[seed] = lost_and_doubled(world)
    assert not bad, f"seed: (lost, doubled) {bad}"


def test_a_clock_that_starts_again_costs_no_word() -> None:
    """It may double some: a clock that moved before the first word cannot be told from a right one
    (docs/reliability.md)."""
    for seed in range(SEEDS):
        world = live(Plan(lies=("restart",)), seed)
        assert lost_and_doubled(world)[0] == 0 or world.losses
