"""How large a gap to replay into a new stream: delays of the words around a reset, by threshold.

Virtual time, the listener of the real program, 40 resets per row at different moments of the talk,
handshake 150 ms. Run from the repository's root: `python -m benches.replay_threshold`.
"""

from __future__ import annotations

import asyncio
import sys

from tests.support.virtual import run_virtually
from tests.support.world import Plan, World
from translink.recognition.rules import ListenRules
from translink.recognition.timeline import Item
from translink.results import Result

THRESHOLDS = (0.5, 1.0, 1.5, 2.0, 4.0)
ANSWERS = (0.3, 1.0, 2.0)
RESETS = 40


class Slow(World):
    """A world whose prerecorded API takes `answer` seconds and that notes when each word came."""

    def __init__(self, seed: int, plan: Plan, rules: ListenRules, answer: float) -> None:
        self.times: list[tuple[float, float]] = []
        self._answer = answer
        super().__init__(seed, plan, rules=rules)

    async def transcribe(self, pcm: bytes, language: str) -> Result:
        await asyncio.sleep(self._answer - 0.3)
        return await super().transcribe(pcm, language)

    def item(self, item: Item) -> None:
        known = len(self.delays)
        super().item(item)
        self.times += [(self.now - delay, delay) for delay in self.delays[known:]]


def measure(threshold: float, answer: float) -> tuple[list[float], int]:
    """Delays of the words said from 4 s before a reset to 10 s after it, and the requests made."""
    delays: list[float] = []
    requests = 0
    for seed in range(RESETS):
        reset = 8 + seed * 0.31

        async def call(seed: int = seed, reset: float = reset) -> Slow:
            world = Slow(seed, Plan(reset=[reset]), ListenRules(replay=threshold), answer)
            await world.live_through(30.0)
            return world

        world = run_virtually(call())
        if world.heard != world.said:
            raise SystemExit("a word was lost: these figures would mean nothing")
        requests += world.requests
        delays += [delay for said, delay in world.times if reset - 4 <= said < reset + 10]
    return sorted(delays), requests


def main() -> None:
    """Print the table."""
    out = sys.stdout.write
    out("| prerecorded answers in | replay up to | p50 | p95 | p99 | max | requests |\n")
    out("|---|---|---|---|---|---|---|\n")
    for answer in ANSWERS:
        for threshold in THRESHOLDS:
            delays, requests = measure(threshold, answer)
            p50, p95, p99 = (delays[int(len(delays) * q)] for q in (0.5, 0.95, 0.99))
            out(
                f"| {answer} s | {threshold} s | {p50:.2f} | {p95:.2f} | {p99:.2f} "
                f"| {delays[-1]:.2f} | {requests} |\n"
            )


if __name__ == "__main__":
    main()
