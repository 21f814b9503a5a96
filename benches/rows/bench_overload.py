"""Overload: more callers than the machine can serve. What is given up, and does a running call lose a word?

`translink serve` shares one core with programs that take all they can get, as on a machine where
something else runs wild: its loop gets one part in `others` + 1 (its media thread, which is a
real-time one where that is allowed, what it needs). The callers and the fake providers have the other
cores to themselves, so they are not what gives way.

1. A few calls run, until it is known what one costs; as many as fill the loop's part are the
   *capacity*.
2. Every 0.4 s somebody else calls, until half as many again have called; then one every two
   seconds for a while. Those who are refused hang up. All others talk all the time.
3. They finish their sentences, and the words are counted: all that was said in calls that ran.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvloop

from benches.kit.callers import CallerPairs
from benches.kit.calls import CallsScene, add_words, on_stage
from benches.kit.processes import thread_seconds
from benches.kit.quantiles import named
from benches.kit.row import Bench, Row, say
from translink.sim.programs import Programs
from translink.sim.report import Counts

CASES = {
    "5 others on its core": (5, ""),
    "3 others on its core": (3, ""),
    "5 others, without the regulator": (5, "\n[pressure]\nshed = 2\ncoalesce = 2\nrefuse = 2\n"),
}
PROBE_CALLS = 6
"""Calls that tell what a call costs."""
OFFERED_SHARE = 1.5
"""Calls offered, as a share of the capacity."""
OFFERED_AT_MOST = 120
CALL_EVERY, CALL_EVERY_LATER = 0.4, 2.0
"""Seconds from one new call to the next: while the load grows, and while it is held."""
HOLD_SECONDS = 15.0
SETTLE_SECONDS, QUIET_SECONDS = 40.0, 6.0
"""In which the last words may still come (a server at its limit is late), and of silence at all ears
that say that they have."""
TALK_SECONDS = 120.0
"""Of audio for each caller."""
SYMPTOMS = (
    "speech lost",
    "Connection lost",
    "untranslated",
    "recognition failed",
    "a provider failed",
)
"""In the server's log."""
_BEGUN = re.compile(r"\] call begins .*legs=\['(\d+)', '(\d+)'\]")
_REFUSED = re.compile(r"\] call refused .*legs=\['(\d+)', '(\d+)'\]")


@dataclass(slots=True)
class Run:
    """What became of the calls."""

    capacity: int
    percent_per_call: float
    begun: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    first_refusal: float = float("inf")
    """Monotonic seconds."""
    lines: dict[str, list[list[float]]] = field(default_factory=dict)
    """What the server said of itself over time."""
    given_up: dict[str, int] = field(default_factory=dict)

    def read_log(self, line: str, callers: CallerPairs) -> None:
        """A line of the server's log. A caller who was refused hangs up."""
        if match := _BEGUN.search(line):
            self.begun.add((int(match[1]) - 1000) // 2)
        elif match := _REFUSED.search(line):
            number = (int(match[1]) - 1000) // 2
            if number not in self.refused:
                self.refused.add(number)
                self.first_refusal = min(self.first_refusal, time.monotonic())
                callers.hang_up(number)


@pytest.mark.parametrize("case", CASES)
def bench_overload(bench: Bench, case: str) -> None:
    """One server at its limit and past it."""
    if bench.scale.name != "full":
        pytest.skip("in the full form only: two minutes each")
    cores = os.sched_getaffinity(0)
    if len(cores) < 2:
        pytest.skip("two cores are needed: one for the server, one for those who call it")
    others, extra = CASES[case]
    row = Row("overload", case)

    def once() -> None:
        os.sched_setaffinity(0, cores - {min(cores)})
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(overload(row, min(cores), others, extra))
        finally:
            os.sched_setaffinity(0, cores)

    bench.measure(row, once, repeats=1)


async def overload(row: Row, core: int, others: int, extra: str) -> None:
    """Bring a server on `core` to its limit, and past it."""
    scene = CallsScene(OFFERED_AT_MOST, TALK_SECONDS, extra=extra)
    async with on_stage(scene, waiting=True) as (callers, programs):
        _pin(programs.pids[0], core)
        await callers.begin()
        with _busy(others, core):
            run = await _capacity(programs, callers, others)
            await _press(programs, callers, run, wait_for_refusal=not extra)
            callers.hush()
            end = time.monotonic() + SETTLE_SECONDS
            while time.monotonic() < end and await callers.quiet() < QUIET_SECONDS:  # noqa: ASYNC110
                await asyncio.sleep(0.5)
            stats: Any = await programs.stats()
            await callers.end()
        log = programs.log()
        counts, _ = callers.words(run.begun - run.refused)
    _tell(row, run, counts, stats["stages_ms"].get("own") or {})
    row.add("callers' worst lateness", "ms", callers.reported["late_ms"], own=False)
    row.note("log: " + ", ".join(f"{what} {log.count(what)} times" for what in SYMPTOMS))


async def _capacity(programs: Programs, callers: CallerPairs, others: int) -> Run:
    """How many calls fill the loop's part of its core."""
    server = programs.pids[0]
    for number in range(PROBE_CALLS):
        await callers.call(number)
    await asyncio.sleep(4.0)
    before, began = thread_seconds(server)["loop"], time.monotonic()
    await asyncio.sleep(6.0)
    spent = thread_seconds(server)["loop"] - before
    each = spent / (time.monotonic() - began) / PROBE_CALLS
    return Run(max(PROBE_CALLS, int(1 / (others + 1) / each)), 100 * each)


async def _press(
    programs: Programs, callers: CallerPairs, run: Run, *, wait_for_refusal: bool
) -> None:
    """Somebody calls, and somebody else, and somebody else."""
    watching = asyncio.create_task(_watch(programs, callers, run))
    offered, held = PROBE_CALLS, 0.0
    try:
        while offered < OFFERED_AT_MOST:
            # The capacity is what was computed, or what turned out to be carried if that is more.
            carried = max(run.capacity, len(run.begun) if run.refused else 0)
            enough = offered >= OFFERED_SHARE * carried
            if not held and enough and (run.refused or not wait_for_refusal):
                held = time.monotonic()
            if held and time.monotonic() - held > HOLD_SECONDS:
                break
            await callers.call(offered)
            offered += 1
            await asyncio.sleep(CALL_EVERY_LATER if held else CALL_EVERY)
        else:
            await asyncio.sleep(HOLD_SECONDS)
        await asyncio.sleep(1.0)
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _watch(programs: Programs, callers: CallerPairs, run: Run) -> None:
    """Read the server's log for those who were refused, and its statistics every two seconds: they
    cost its time, too.
    """
    began = due = time.monotonic()
    with programs.log_file.open(encoding="utf-8", errors="replace") as log:
        while True:
            while line := log.readline():
                run.read_log(line, callers)
            if time.monotonic() >= due:
                due += 2.0
                stats: Any = await programs.stats()
                pressure = stats["pressure"]
                run.given_up = pressure["given_up"]
                reported = {
                    "calls running": stats["totals"]["calls_active"],
                    "calls offered": len(callers.calling | run.refused),
                    "loop busy": pressure["busy"],
                    "loop late": pressure["lag_ms"],
                    "frames a message": pressure["frames_per_message"],
                }
                at = round(time.monotonic() - began, 1)
                for name, value in reported.items():
                    run.lines.setdefault(name, []).append([at, value])
                say(f"{at:5.0f} s  {pressure['level']}: {reported}")
            await asyncio.sleep(0.1)


def _tell(row: Row, run: Run, counts: Counts, own: dict[str, float]) -> None:
    row.add("a call's cost to the loop", "% of a core", run.percent_per_call, noise=0.1)
    row.add("capacity", "calls", run.capacity, better="same")
    row.add("calls that ran", "calls", len(run.begun - run.refused), better="more", noise=0.2)
    row.add("calls refused", "calls", len(run.refused), better="same")
    row.add(
        "of these let in later, not counted", "calls", len(run.refused & run.begun), better="same"
    )
    add_words(row, counts)
    for when, late in (("before the first refusal", False), ("from then on", True)):
        delays = [ms for said, ms in counts.delays_ms if (said >= run.first_refusal) == late]
        row.quantiles(
            f"mouth to ear, {when}", "ms", named(delays, digits=0), "p50", "p99", "max", noise=0.2
        )
    row.quantiles("own time", "ms", own, "p50", "p99", noise=0.2)
    for name, number in run.given_up.items():
        row.add(f"given up: {name}", "", number, better="same")
    for name, points in run.lines.items():
        row.line(name, "ms" if name == "loop late" else "", points, "s")
    if not run.refused:
        row.note("the machine could not be brought to refuse")


def _pin(pid: int, core: int) -> None:
    """All threads of a process; those it starts later follow."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


@contextlib.contextmanager
def _busy(number: int, core: int) -> Iterator[None]:
    """Programs that take all they can get of a core."""
    made = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        for each in made:
            _pin(each.pid, core)
        yield
    finally:
        for each in made:
            each.kill()
            each.wait()
