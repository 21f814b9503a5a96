"""Replay: how large a gap to send into a new stream rather than to the prerecorded API.

Delays of the words around a reset, by `ListenRules.replay`, in virtual time with the listener of the
real program: 40 resets at different moments of the talk, handshake 150 ms. The same on any machine.
"""

from __future__ import annotations

import asyncio

import pytest

from benches.kit.quantiles import named
from benches.kit.row import Bench, Row
from tests.support.virtual import run_virtually
from tests.support.world import Plan, World
from translink.recognition.rules import ListenRules
from translink.recognition.timeline import Item
from translink.results import Result

GAP_SECONDS = (0.5, 1.0, 1.5, 2.0, 4.0)
RESETS = 40
USUAL_ANSWER = 0.3
"""Seconds that the world's prerecorded API takes by itself."""


class SlowWorld(World):
    """Its prerecorded API takes `answer` seconds; it notes when each word came."""

    def __init__(self, seed: int, plan: Plan, rules: ListenRules, answer: float) -> None:
        self.times: list[tuple[float, float]] = []
        """When a word was said, and its delay."""
        self._answer = answer
        super().__init__(seed, plan, rules=rules)

    async def transcribe(self, pcm: bytes, language: str) -> Result:
        await asyncio.sleep(self._answer - USUAL_ANSWER)
        return await super().transcribe(pcm, language)

    def item(self, item: Item) -> None:
        known = len(self.delays)
        super().item(item)
        self.times += [(self.now - delay, delay) for delay in self.delays[known:]]


@pytest.mark.parametrize("answer", [0.3, 1.0, 2.0])
def bench_replay(bench: Bench, answer: float) -> None:
    """Delays of the words said from 4 s before a reset to 10 s after it, and the requests made."""
    if bench.scale.name != "full":
        pytest.skip("in the full form only")
    row = Row("replay", f"the prerecorded API answers in {answer} s")

    def once() -> None:
        for gap in GAP_SECONDS:
            delays, requests = replay(gap, answer)
            shown = named(delays, digits=2)
            row.quantiles(
                f"replay up to {gap} s", "s", shown, "p50", "p95", "p99", "max", noise=0.01
            )
            row.add(f"replay up to {gap} s, requests", "", requests, better="same")

    bench.measure(row, once, repeats=1)


def replay(gap: float, answer: float, resets: int = RESETS) -> tuple[list[float], int]:
    """Raises `RuntimeError` when a word was lost: figures would mean nothing."""
    delays: list[float] = []
    requests = 0
    for seed in range(resets):
        reset = 8 + seed * 0.31
        world = run_virtually(_lived(seed, reset, gap, answer))
        if world.heard != world.said:
            raise RuntimeError("a word was lost")
        requests += world.requests
        delays += [delay for said, delay in world.times if reset - 4 <= said < reset + 10]
    return delays, requests


async def _lived(seed: int, reset: float, gap: float, answer: float) -> SlowWorld:
    """One call. Made here, since a world begins at its clock's now: one that is made outside begins
    by the machine's clock, and days of virtual time may pass before it does."""
    world = SlowWorld(seed, Plan(reset=[reset]), ListenRules(replay=gap), answer)
    await world.live_through(30.0)
    return world
