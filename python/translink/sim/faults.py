"""Which part does which fault: the beacon server what happens at the providers, the simulation itself what
happens around them (the mode flipped back and forth, a flood of tiny datagrams).
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from translink.sim.fault_language import MEDIA, MODE, Fault, parse


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """The faults of a run."""

    providers: tuple[Fault, ...]
    flips: int = 0
    """How often the mode changes."""
    datagrams: float | None = None
    """Datagrams per second that all callers together send; None = each as their gateway does."""

    @property
    def second_vendor(self) -> bool:
        """A second vendor must be in line for each stage."""
        return any(fault.kind == "vendor_down" for fault in self.providers)

    @property
    def longest(self) -> float:
        """Seconds that the longest fault lasts: after a run that much may still be missing."""
        lasting = [fault.seconds for fault in self.providers]
        return max((seconds for seconds in lasting if seconds != float("inf")), default=0.0)


def plan(texts: list[str]) -> FaultPlan:
    """Read all `--fault` options. Raises `ValueError` as `fault_language.parse` does."""
    faults = [parse(text) for text in texts]
    flips = sum(int(f.numbers[0]) for f in faults if MODE in f.services)
    floods = [f.numbers[0] for f in faults if MEDIA in f.services]
    own = (MODE, MEDIA)
    rest = tuple(f for f in faults if not any(s in own for s in f.services))
    return FaultPlan(rest, flips, max(floods, default=None))


def datagram_size(planned: FaultPlan, lines: int, line: int, *, vary: bool) -> int:
    """Bytes of a line's datagrams: what a flood asks for, or what various gateways send."""
    if planned.datagrams is not None:
        return max(1, round(lines * 32_000 / planned.datagrams))
    return GATEWAYS[line % len(GATEWAYS)] if vary else 640


async def flip_mode(
    times: int, seconds: float, seed: int, set_mode: Callable[[str], Awaitable[object]]
) -> None:
    """Change the mode `times` times within `seconds`, at random moments; ends with `auto`."""
    chance = random.Random(f"flips:{seed}")
    moments = sorted(chance.uniform(0.1, 0.85) * seconds for _ in range(times))
    before = 0.0
    for moment, mode in zip(moments, itertools.cycle(("prerecorded", "streaming", "auto"))):
        await asyncio.sleep(moment - before)
        before = moment
        await set_mode(mode)
    await set_mode("auto")


GATEWAYS = (640, 320, 160, 1_280)
"""Datagram lengths of gateways. All divide or are whole frames: with others a part of a frame always
waits for the next datagram, and whenever this simulation itself sends more than 34 ms late (on a busy
machine it does), translink rightly fills that part with silence, in mid-word."""
