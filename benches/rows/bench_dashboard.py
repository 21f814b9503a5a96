"""Dashboard: what an open one costs the calls it shows, and whether its page stays smooth.

A hundred made-up calls on the real admin server say what it costs by what is watched, in CPU time of
the serving thread, and how smooth the page is. Real calls, whose callers, providers, server and
browser share the machine, say whether calls feel it: by turns nobody looks, and a Chromium does.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import multiprocessing
import time
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
import uvloop
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from benches.kit.calls import CallsScene, on_stage
from benches.kit.dashboards import (
    MadeUpCalls,
    chromium,
    chromium_program,
    looking,
    smoothness,
    watch,
)
from benches.kit.processes import thread_seconds
from benches.kit.row import Bench, Row
from translink.admin import AdminServer
from translink.sim.programs import Programs

STAGES = {"own": "own time", "ring_to_wire": "frame → recogniser"}
CONNECTING_SECONDS = 6.0
"""Until everybody is connected."""
SETTLE_SECONDS = 2.0
"""After a change, not measured."""
ON_SCREEN = 8
SHOWN_WITHIN_MS, CPU_PERCENT = 100.0, 5.0
"""Targets of the page, and of what it costs the server."""
Buckets = Counter[float]
"""Upper edge in ms → utterances or frames up to it."""


def bench_dashboard_cost(bench: Bench) -> None:
    """A hundred made-up calls: the serving thread by what is watched, and the page in a browser."""
    scale = bench.scale
    calls, seconds = scale.pick(20, 100, 100), scale.pick(0.5, 8.0, 10.0)
    settle = scale.pick(0.2, SETTLE_SECONDS, SETTLE_SECONDS)
    row = Row("dashboard", f"{calls} made-up calls")
    program = chromium_program()

    def once() -> None:
        with capture_logs(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_cost(row, calls, seconds, settle, program))

    bench.measure(row, once, repeats=scale.pick(1, 1, 3))


async def _cost(row: Row, calls: int, seconds: float, settle: float, program: str) -> None:
    made_up = MadeUpCalls(calls)
    server = AdminServer(made_up.desk.console, port=0)
    await server.start()
    talking = asyncio.create_task(made_up.talk())
    shown = made_up.calls[:ON_SCREEN]
    names, legs = [call.name for call in shown], [leg for call in shown for leg in call.legs]
    watched: dict[str, dict[str, Any]] = {
        "the list": {},
        "one call": {"calls": names[:1], "levels": legs[:2]},
        f"{ON_SCREEN} calls and all events": {"calls": names, "levels": legs, "events": "all"},
    }
    loop, url = asyncio.get_running_loop(), server.url + "/api/live"
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        await loop.run_in_executor(pool, watch, url, {}, 0.1)  # it loads
        alone = _Thread()
        await asyncio.sleep(seconds)
        row.add("server, nobody looks", "% of a core", base := alone.percent(), noise=0.1)
        for name, watching in watched.items():
            thread = _Thread()
            rates = await loop.run_in_executor(pool, watch, url, watching, seconds)
            row.add(f"more for {name}", "% of a core", thread.percent() - base, noise=0.3)
            row.add(f"{name}, messages", "1/s", rates[0], own=False)
            row.add(f"{name}, size", "KiB/s", rates[1], own=False)
    async with chromium(program) as browser, looking(browser, server.url) as page:
        await asyncio.sleep(settle)
        thread = _Thread()
        frames, late = await smoothness(page, seconds)
        row.add(
            "more for the page",
            "% of a core",
            thread.percent() - base,
            at_most=CPU_PERCENT,
            noise=0.3,
        )
        _add_smoothness(row, frames, late)
    talking.cancel()
    await server.close()
    await made_up.desk.board.switchboard.close("measured")


@pytest.mark.parametrize("calls", [20, 100])
def bench_dashboard_calls(bench: Bench, calls: int) -> None:
    """Real calls, looked at and not, by turns."""
    if calls not in bench.scale.pick((), (20,), (20, 100)):
        pytest.skip(f"not in the {bench.scale.name} form")
    seconds, rounds = bench.scale.pick(1.0, 8.0, 8.0), bench.scale.pick(1, 1, 3)
    row = Row("dashboard", f"{calls} calls")
    program = chromium_program()

    def once() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_by_turns(row, calls, seconds, rounds, program))

    bench.measure(row, once, repeats=1)


async def _by_turns(row: Row, calls: int, seconds: float, rounds: int, program: str) -> None:
    scene = CallsScene(calls, CONNECTING_SECONDS + 2 * rounds * (seconds + 4 * SETTLE_SECONDS))
    spent: dict[str, dict[str, Buckets]] = {}
    async with on_stage(scene) as (callers, programs), chromium(program) as browser:
        await callers.begin()
        await asyncio.sleep(CONNECTING_SECONDS)
        for _ in range(rounds):
            async with _measured(row, programs, "alone", spent):
                await asyncio.sleep(seconds)
            async with looking(browser, programs.serve_url) as page:
                async with _measured(row, programs, "looked at", spent):
                    frames, late = await smoothness(page, seconds)
                _add_smoothness(row, frames, late)
    for turn, stages in spent.items():
        for stage, name in STAGES.items():
            counts = stages[stage]
            row.add(f"{name}, {turn}, p99 at most", "ms", _edge(counts, 0.99), noise=0.5)
    row.add(
        "more for the page",
        "% of a core",
        row.middle("server looked at") - row.middle("server alone"),
        noise=1.0,
    )


@contextlib.asynccontextmanager
async def _measured(
    row: Row, programs: Programs, turn: str, spent: dict[str, dict[str, Buckets]]
) -> AsyncIterator[None]:
    """The server's CPU, and its stages, while something goes on."""
    await asyncio.sleep(SETTLE_SECONDS)
    before, cpu = await _stages(programs), sum(thread_seconds(programs.pids[0]).values())
    began = time.monotonic()
    yield
    used = sum(thread_seconds(programs.pids[0]).values()) - cpu
    row.add(f"server {turn}", "% of a core", 100 * used / (time.monotonic() - began), noise=0.1)
    for stage, after in (await _stages(programs)).items():
        after.subtract(before[stage])
        spent.setdefault(turn, {}).setdefault(stage, Counter()).update(after)


async def _stages(programs: Programs) -> dict[str, Buckets]:
    """From `/metrics`, since the start."""
    async with programs.http.get(f"{programs.serve_url}/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
    found: dict[str, Buckets] = {stage: Counter() for stage in STAGES}
    for sample in (sample for family in families for sample in family.samples):
        stage = sample.labels.get("stage")
        if sample.name == "translink_stage_seconds_bucket" and stage in found:
            found[stage][float(sample.labels["le"]) * 1000] = int(sample.value)
    return found


def _edge(counts: Buckets, share: float) -> float:
    """The edge of the bucket in which a quantile lies; the largest finite one beyond that."""
    edges = sorted(edge for edge in counts if edge < math.inf)
    enough = share * counts[math.inf]
    return next((edge for edge in edges if counts[edge] >= enough), edges[-1])


def _add_smoothness(row: Row, frames: float, late: float | None) -> None:
    row.add("frames", "1/s", frames, better="more", noise=0.05)
    if late is not None:
        row.add("event → shown p95", "ms", late, at_most=SHOWN_WITHIN_MS, noise=0.2)


class _Thread:
    """CPU time of this thread, which serves."""

    def __init__(self) -> None:
        self._cpu, self._at = time.thread_time(), time.monotonic()

    def percent(self) -> float:
        """Of a core, so far."""
        return 100 * (time.thread_time() - self._cpu) / (time.monotonic() - self._at)
