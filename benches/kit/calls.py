"""Calls through a real `translink serve`, every word counted, every process's CPU apart.

Four processes: the callers (`benches/kit/callers.py`); `translink serve`, which is what is measured; the
beacon server, which stands for all providers; and this one, which while they run only reads /proc
and `/api/stats`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from benches.kit.callers import CallerPairs
from benches.kit.certificates import certificates
from benches.kit.processes import thread_seconds
from benches.kit.quota import shared_out
from benches.kit.row import Row, say
from benches.kit.turns import Turns
from translink.callers.ports import free_port
from translink.callers.server_process import LegPlan, resources_of
from translink.sim.beacons import Manner
from translink.sim.programs import Programs
from translink.sim.report import Counts

WARM_UP = 3.0
"""Seconds until everybody is connected and CPU time begins to count."""
READING_LATE = 0.3
"""Seconds that a reading at the end of the talk may come late: the last words are still going."""
END_QUIET = 2.0
"""Seconds of silence at all ears that end a run: what is doubled would come sooner."""
END_AFTER = 15.0
"""Seconds after the talk by which it ends in any case."""
LONG_RUN = 5.0
"""Seconds between readings from which on own time and progress are read, too."""
CALL_BYTES = 128_000
"""A second of a call takes so much at most: what both say, and what both hear."""
LEDGER_BYTES = 32_000
"""A ledger keeps so much a second."""


@dataclass(frozen=True, slots=True)
class CallsScene:
    """Which callers talk how long, with which providers."""

    calls: int
    seconds: float
    seed: int = 1
    manner: Manner = field(default_factory=Manner)
    delays: str = ""
    """Fixed delays of the providers, `300/80/200`."""
    extra: str = ""
    """More settings for `translink serve` (TOML tables)."""
    ledger_seconds: float = 60.0
    every: float = 1.0
    """Seconds between two readings of memory and descriptors."""
    tls: bool = False
    """All providers by HTTPS and WSS."""
    turns: Turns | None = None
    """Instead of `manner`: one of the two parties talks, mostly."""
    workers: int = 0
    """0: `serve` is one process."""
    share: float | None = None
    """Of a core, that each worker may use at most."""


@dataclass(slots=True)
class Reading:
    """One look at `translink serve`."""

    at: float
    """Seconds since the callers began."""
    threads: dict[str, float]
    """CPU seconds of each thread so far."""
    provider_cpu_seconds: float
    rss_bytes: int
    descriptors: int
    thread_count: int
    own_p99_ms: float | None = None

    @property
    def cpu_seconds(self) -> float:
        """Of all threads."""
        return sum(self.threads.values())


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    scene: CallsScene
    readings: list[Reading]
    idle_rss_bytes: int
    """Of `translink serve` with all legs open, before anybody talked."""
    counts: Counts
    callers: dict[str, float]
    deviations_ms: list[float]
    """How late each datagram came to its ear, on the grid of its utterance."""
    stages_ms: dict[str, dict[str, float]]

    @property
    def ledger_bytes(self) -> float:
        """What the ledgers of all legs held at the end of talk."""
        _, last = self.steady()
        return 2 * self.scene.calls * LEDGER_BYTES * min(self.scene.ledger_seconds, last.at)

    def steady(self) -> tuple[Reading, Reading]:
        """The readings between which everybody was connected and talked."""
        warm = min(WARM_UP, self.scene.seconds / 2)
        until = self.scene.seconds + READING_LATE
        talking = [each for each in self.readings if warm <= each.at <= until]
        return talking[0], talking[-1]

    @property
    def cpu(self) -> float:
        """Cores that `translink serve` used."""
        return sum(self.threads.values())

    @property
    def threads(self) -> dict[str, float]:
        """Cores that each thread of `translink serve` used while all talked."""
        first, last = self.steady()
        took = last.at - first.at
        if not took:
            return {}
        return {n: (used - first.threads.get(n, 0.0)) / took for n, used in last.threads.items()}

    @property
    def provider_cpu(self) -> float:
        """Cores that the fake providers used."""
        first, last = self.steady()
        return (last.provider_cpu_seconds - first.provider_cpu_seconds) / (last.at - first.at)


def run_calls(scene: CallsScene) -> Outcome:
    """Run a scene to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(scene))


@contextlib.asynccontextmanager
async def on_stage(
    scene: CallsScene, *, waiting: bool = False
) -> AsyncIterator[tuple[CallerPairs, Programs]]:
    """Callers and programs of a scene, ready: `callers.begin()` lets them talk."""
    size = round(scene.calls * scene.seconds * CALL_BYTES)
    with tempfile.TemporaryDirectory(prefix="translink-bench-", dir=roomy(size)) as folder:
        callers = CallerPairs(scene.calls, scene.seed, scene.manner, Path(folder), scene.turns)
        listen = [free_port(socket.SOCK_DGRAM) for _ in callers.talkers]
        async with callers.ready(listen, scene.seconds, waiting=waiting) as ears:
            legs = [
                LegPlan(
                    f"{1000 + n}",
                    "fr" if n % 2 else "en",
                    ("127.0.0.1", mouth),
                    ("127.0.0.1", ear),
                    scene.ledger_seconds,
                )
                for n, (mouth, ear) in enumerate(zip(listen, ears, strict=True))
            ]
            async with Programs(
                legs,
                seed=scene.seed,
                extra=scene.extra,
                delays=scene.delays,
                certificates=certificates(Path(folder)) if scene.tls else None,
                flags=("--workers", str(scene.workers)) if scene.workers else (),
            ) as programs:
                await programs.order(begin=True)
                with contextlib.ExitStack() as stack:
                    if scene.share is not None:
                        stack.enter_context(shared_out(workers_of(programs), scene.share))
                    yield callers, programs


def workers_of(programs: Programs) -> list[int]:
    """Processes that `serve` has calls in, itself last if there are no others."""
    serve, _ = programs.pids
    children = Path(f"/proc/{serve}/task/{serve}/children").read_text().split()
    return [*map(int, children)] or [serve]


async def _run(scene: CallsScene) -> Outcome:
    async with on_stage(scene) as (callers, programs):
        idle = sum(resources_of(pid).rss_now_bytes for pid in workers_of(programs))
        readings = await _watch(scene, callers, programs, await callers.begin())
        stages: Any = (await programs.stats()).get("stages_ms") or {}
        await callers.end()
        counts, late = callers.words(range(scene.calls))
    return Outcome(scene, readings, idle, counts, callers.reported, late, stages)


async def _watch(
    scene: CallsScene, callers: CallerPairs, programs: Programs, start: float
) -> list[Reading]:
    """Until everything has been heard."""
    readings: list[Reading] = []
    while (at := time.monotonic() - start) < scene.seconds + END_AFTER:
        if at > scene.seconds + END_QUIET and await callers.quiet() > END_QUIET:
            break
        reading = _look(programs, at)
        readings.append(reading)
        if scene.every >= LONG_RUN:
            stages: Any = (await programs.stats()).get("stages_ms") or {}
            reading.own_p99_ms = stages.get("own", {}).get("p99")
            memory = f"{reading.rss_bytes / 1e6:.1f} MB"
            say(f"{at:6.0f} s  {memory}, {reading.descriptors} descriptors")
        # The end of talk is always a reading, however far apart they are.
        until = min(t for t in (at + scene.every, scene.seconds, 1e18) if t > at + 0.01)
        await asyncio.sleep(until - at)
    return readings


def _look(programs: Programs, at: float) -> Reading:
    _, providers = programs.pids
    pids = workers_of(programs)
    used = [resources_of(pid) for pid in pids]
    threads: dict[str, float] = defaultdict(float)
    for pid in pids:
        for name, seconds in thread_seconds(pid).items():
            threads[name] += seconds
    return Reading(
        at,
        dict(threads),
        sum(thread_seconds(providers).values()),
        sum(one.rss_now_bytes for one in used),
        sum(one.descriptors for one in used),
        sum(one.threads for one in used),
    )


def add_words(row: Row, counts: Counts, whose: str = "") -> None:
    """Every word must have been heard, once, in its place. `whose` stands before each title."""
    row.add(f"{whose}words said", "words", counts.words_said, own=False)
    row.add(f"{whose}words lost", "words", counts.words_lost, at_most=0)
    wrong = counts.words_doubled + counts.words_out_of_order
    wrong += counts.words_invented + counts.words_misrouted
    row.add(f"{whose}words doubled or misplaced", "words", wrong, at_most=0)


def roomy(size: int = 0) -> str | None:
    """In memory, so that no disk wakes up in the middle of a call; what is more than a third of the memory
    that is free goes to the disk: a hundred calls of an hour are 46 GB, and the kernel killed the callers."""
    if size > _free_memory() / 3:
        return "/var/tmp"
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _free_memory() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return 0
