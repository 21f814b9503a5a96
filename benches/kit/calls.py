"""Calls through a real `translink serve`, every word counted, every process's CPU apart.

Four processes: `native/callers.c` says beacon words into the legs over UDP and keeps what comes to
the ears with kernel times; `translink serve` is what is measured; the beacon server stands for all
providers; this one plans before and counts after, and while they run only reads /proc and
`/api/stats`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
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

from benches.kit.ears import read_ears
from benches.kit.native import program
from benches.kit.row import say
from translink.callers.server_process import free_port, usage_of
from translink.sim.beacons import Manner, Talker
from translink.sim.lines import Said
from translink.sim.programs import LegPorts, Programs
from translink.sim.report import Counts, Direction, count

FRAME = 640
PHASES = 20
WARM_UP = 3.0
"""Seconds until everybody is connected and CPU time begins to count."""
LATE = 0.3
"""Seconds that a reading at the end of the talk may come late: the last words are still going."""
QUIET = 2.0
"""Seconds of silence at all ears that end a run: what is doubled would come sooner."""
SETTLE = 15.0
"""Seconds after the talk by which it ends in any case."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Who talks how long, with which providers."""

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


@dataclass(slots=True)
class Reading:
    """One look at `translink serve`."""

    at: float
    """Seconds since the callers began."""
    cpu_seconds: float
    provider_cpu_seconds: float
    rss_bytes: int
    descriptors: int
    threads: int
    own_p99_ms: float | None = None


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    scene: Scene
    counts: Counts
    readings: list[Reading]
    idle_rss_bytes: int
    """Of `translink serve` with all legs open, before anybody talked."""
    threads: dict[str, float]
    """CPU seconds per second of each thread of `translink serve` while all talk."""
    callers: dict[str, float]
    deviations_ms: list[float]
    """How late each datagram came to its ear, on the grid of its utterance."""
    stages_ms: dict[str, dict[str, float]]
    stats: dict[str, Any]
    ready_seconds: float
    """From the start of both programs to `/ready`."""

    @property
    def ledger_bytes(self) -> float:
        """What the ledgers of all legs held at the end of talk: 32 kB a second."""
        _, last = self.steady()
        return 2 * self.scene.calls * 32_000 * min(self.scene.ledger_seconds, last.at)

    def steady(self) -> tuple[Reading, Reading]:
        """The readings between which everybody was connected and talked."""
        warm = min(WARM_UP, self.scene.seconds / 2)
        talking = [each for each in self.readings if warm <= each.at <= self.scene.seconds + LATE]
        return talking[0], talking[-1]

    @property
    def cpu(self) -> float:
        """Cores that `translink serve` used."""
        first, last = self.steady()
        return (last.cpu_seconds - first.cpu_seconds) / (last.at - first.at)

    @property
    def provider_cpu(self) -> float:
        """Cores that the fake providers used."""
        first, last = self.steady()
        return (last.provider_cpu_seconds - first.provider_cpu_seconds) / (last.at - first.at)


def run_calls(scene: Scene) -> Outcome:
    """Run a scene to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(scene))


@contextlib.asynccontextmanager
async def talking(scene: Scene) -> AsyncIterator[Programs]:
    """The calls of a scene, going on: for what is measured while others talk. Nothing is counted."""
    talkers = [Talker(place, scene.seed, scene.manner) for place in range(2 * scene.calls)]
    with tempfile.TemporaryDirectory(prefix="translink-bench-", dir=roomy()) as folder:
        here = Path(folder)
        parts = _write_audio(talkers, scene.seconds, here / "audio")
        listen = [free_port(socket.SOCK_DGRAM) for _ in talkers]
        async with _callers(here, listen, parts) as (callers, ears):
            legs = [
                LegPorts(str(1000 + place), "fr" if place % 2 else "en", listen[place], ears[place])
                for place in range(len(talkers))
            ]
            programs = Programs(legs, seed=scene.seed, extra=scene.extra, delays=scene.delays)
            async with programs:
                await programs.order(begin=True)
                callers.stdin.write(b"begin\n")
                await callers.stdout.readline()
                yield programs


async def _run(scene: Scene) -> Outcome:
    talkers = [Talker(place, scene.seed, scene.manner) for place in range(2 * scene.calls)]
    with tempfile.TemporaryDirectory(prefix="translink-bench-", dir=roomy()) as folder:
        here = Path(folder)
        parts = _write_audio(talkers, scene.seconds, here / "audio")
        listen = [free_port(socket.SOCK_DGRAM) for _ in talkers]
        async with _callers(here, listen, parts) as (callers, ears):
            legs = [
                LegPorts(
                    str(1000 + place),
                    "fr" if place % 2 else "en",
                    listen[place],
                    ears[place],
                    scene.ledger_seconds,
                )
                for place in range(len(talkers))
            ]
            began = time.monotonic()
            programs = Programs(legs, seed=scene.seed, extra=scene.extra, delays=scene.delays)
            async with programs:
                ready = time.monotonic() - began
                outcome, start = await _talk(scene, callers, programs, ready)
        heard, outcome.deviations_ms = read_ears(here / "heard", len(talkers))
    outcome.counts = count(
        Direction(place, _said(talkers[place], start, place), heard[place ^ 1])
        for place in range(len(talkers))
    )
    return outcome


async def _talk(
    scene: Scene, callers: asyncio.subprocess.Process, programs: Programs, ready: float
) -> tuple[Outcome, int]:
    assert callers.stdin is not None
    assert callers.stdout is not None
    await programs.order(begin=True)
    serve, providers = programs.pids
    idle = usage_of(serve).rss_now_bytes
    callers.stdin.write(b"begin\n")
    start = int(await callers.stdout.readline())
    readings: list[Reading] = []
    threads: list[tuple[float, dict[str, float]]] = []
    while (at := time.monotonic() - start / 1e9) < scene.seconds + SETTLE:
        if at > scene.seconds + QUIET:
            callers.stdin.write(b"how\n")
            if float(await callers.stdout.readline()) > QUIET:
                break
        readings.append(_look(serve, providers, at))
        if min(WARM_UP, scene.seconds / 2) <= at <= scene.seconds + LATE:
            threads.append((at, thread_seconds(serve)))
        if scene.every >= 5.0:  # a long run: how does latency develop?
            stages: Any = (await programs.stats()).get("stages_ms") or {}
            readings[-1].own_p99_ms = stages.get("own", {}).get("p99")
            say(
                f"{at:6.0f} s  {readings[-1].rss_bytes / 1e6:.1f} MB, "
                f"{readings[-1].descriptors} descriptors"
            )
        # The end of talk is always a reading, however far apart they are.
        until = min(t for t in (at + scene.every, scene.seconds, 1e18) if t > at + 0.01)
        await asyncio.sleep(until - at)
    stats = await programs.stats()
    callers.stdin.write(b"end\n")
    told = json.loads(await callers.stdout.readline())
    stages = stats.get("stages_ms")
    spent: dict[str, float] = {}
    if len(threads) > 1:
        (first, before), (last, after) = threads[0], threads[-1]
        spent = {name: (after[name] - before.get(name, 0.0)) / (last - first) for name in after}
    return (
        Outcome(
            scene=scene,
            counts=Counts(),
            readings=readings,
            idle_rss_bytes=idle,
            threads=spent,
            callers=told,
            deviations_ms=[],
            stages_ms=stages if isinstance(stages, dict) else {},
            stats=stats,
            ready_seconds=ready,
        ),
        start,
    )


@contextlib.asynccontextmanager
async def _callers(here: Path, listen: list[int], parts: list[tuple[int, int]]) -> Any:
    """The callers' process and where its ears are."""
    process = await asyncio.create_subprocess_exec(
        program("callers"), here / "audio", here / "heard",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        lines = [
            f"{port} {first} {size}\n" for port, (first, size) in zip(listen, parts, strict=True)
        ]
        process.stdin.write("".join([*lines, "\n"]).encode())
        yield process, [int(port) for port in (await process.stdout.readline()).split()]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _look(serve: int, providers: int, at: float) -> Reading:
    usage = usage_of(serve)
    return Reading(
        at=at,
        cpu_seconds=sum(thread_seconds(serve).values()),
        provider_cpu_seconds=sum(thread_seconds(providers).values()),
        rss_bytes=usage.rss_now_bytes,
        descriptors=usage.descriptors,
        threads=usage.threads,
    )


def thread_seconds(pid: int) -> dict[str, float]:
    """CPU seconds of the threads of a process, to the nanosecond: `loop` and the others by name."""
    seconds: dict[str, float] = defaultdict(float)
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has just ended
            name = "loop" if int(task.name) == pid else _comm(task)
            seconds[name] += int((task / "schedstat").read_text().split()[0]) / 1e9
    return dict(seconds)


def _comm(task: Path) -> str:
    name = (task / "comm").read_text().strip()
    return "others" if name.startswith("python") else name


def _write_audio(talkers: list[Talker], seconds: float, path: Path) -> list[tuple[int, int]]:
    """All that will be said; (first byte, bytes) of each talker."""
    parts = []
    with path.open("wb") as file:
        for talker in talkers:
            first, frames = file.tell(), 0
            while frames * 0.02 < seconds:
                file.write(talker.frame()[0])
                frames += 1
            talker.hush()
            while True:
                frame, speaking = talker.frame()
                file.write(frame)
                if not speaking:
                    break
            parts.append((first, file.tell() - first))
    return parts


def _said(talker: Talker, start: int, place: int) -> list[Said]:
    """When the datagram with each word's last sample was due to leave."""
    phase = place % PHASES * 0.001
    return [
        Said(word.number, start / 1e9 + phase + (2 * word.end - 1) // FRAME * 0.02)
        for word in talker.planned
    ]


def roomy() -> str | None:
    """In memory, so that no disk wakes up in the middle of a call."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
