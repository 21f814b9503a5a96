"""Capacity: what a two-way call costs `translink serve`, and how many a core carries.

Callers and fake providers run on the same machine and are counted apart; on few cores they are what
ends the climb. So there are two figures: the calls that were *carried* with every condition kept
(0 words lost, 0 doubled, playout p99 ≤ 2 ms, own time p99 ≤ 20 ms), and CPU per call *at* each
step, whose inverse is labelled an extrapolation.
"""

from __future__ import annotations

import pytest

from benches.kit import climb
from benches.kit.calls import CallsScene, Outcome, add_words, run_calls
from benches.kit.quantiles import curve, named
from benches.kit.row import Bench, Row, counted
from translink.sim.beacons import Manner

CALLS = (1, 25, 50, 100, 150, 200, 300, 400)
PLAYOUT_P99_MS = 2.0
OWN_P99_MS = 20.0
_broken: list[int] = []
"""Steps at which a condition was broken: nothing above the first is tried."""


@pytest.mark.parametrize("calls", CALLS)
def bench_capacity(bench: Bench, calls: int) -> None:
    """One step of the climb."""
    scale = bench.scale
    if calls not in scale.pick((1,), (1, 25, 100), CALLS):
        pytest.skip(f"not in the {scale.name} form")
    if _broken:
        pytest.skip(f"a condition was broken at {_broken[0]} calls already")
    manner = scale.pick(Manner(words=(1, 3), pause=(0.4, 0.8)), Manner(), Manner())
    scene = CallsScene(calls, scale.pick(4.0, 12.0, 30.0), manner=manner)
    row = Row("capacity", counted(calls, "call"), x=calls, axis="two-way calls")
    misses: list[str] = []

    def once() -> None:
        tell(row, run_calls(scene))
        misses.append(broken(row))

    bench.measure(row, once, repeats=scale.pick(1, 1, 2))
    if any(misses) and scale.name != "smoke":
        # This machine may have stood still: a second chance, and the report says so.
        row.note(f"{calls} calls: in one run {next(filter(None, misses))}; run once more")
        misses = []
        once()
    (_broken if any(misses) else climb.carried).append(calls)
    if any(misses):
        row.note(f"{calls} calls: not carried: {next(filter(None, misses))}")
    row.add("carried", "calls", 0 if any(misses) else calls, better="more")
    bench.keep(row)


def broken(row: Row) -> str:
    """The conditions that the newest run did not keep."""
    limits = {
        "words lost": 0,
        "words doubled or misplaced": 0,
        "playout p99": PLAYOUT_P99_MS,
        "own time p99": OWN_P99_MS,
    }
    return ", ".join(
        f"{name} {row.figures[name].values[-1]:g} {row.figures[name].unit}"
        for name, limit in limits.items()
        if name in row.figures and row.figures[name].values[-1] > limit
    )


def tell(row: Row, outcome: Outcome) -> None:
    """The figures of one run."""
    calls = outcome.scene.calls
    counts = outcome.counts
    _, last = outcome.steady()
    percent = 100 * outcome.cpu / calls
    # What there is once for all calls outweighs them at the first steps.
    many = calls >= 25
    limit = 0.5 if many else None
    row.add("CPU per call", "% of a core", percent, at_most=limit, noise=0.05)
    row.add(
        "calls per core, extrapolated", "calls", 100 / max(percent, 1e-9), better="more", noise=0.05
    )
    for name, cores in outcome.threads.items():
        if cores > 0.002:
            row.add(f"thread {name}", "% of a core per call", 100 * cores / calls, noise=0.1)
    row.add("CPU of serve", "cores", outcome.cpu, noise=0.05)
    row.add("CPU of the fake providers", "cores", outcome.provider_cpu, own=False)
    spent = outcome.callers["cpu_seconds"] / max(1.0, outcome.readings[-1].at)
    row.add("CPU of the callers", "cores", spent, own=False)
    row.add("memory", "MB", last.rss_bytes / 1e6, noise=0.03)
    grown = (last.rss_bytes - outcome.idle_rss_bytes - outcome.ledger_bytes) / calls / 1e6
    limit = 1.0 if many else None
    row.add("memory per call beyond the ledgers", "MB", grown, at_most=limit, noise=0.1)
    add_words(row, outcome.counts)
    row.quantiles(
        "playout", "ms", named(outcome.deviations_ms), "p50", "p99", "p99.9", "max",
        at_most={"p99": PLAYOUT_P99_MS},
    )  # fmt: skip
    row.curve("playout, late", "ms", curve(outcome.deviations_ms))
    row.quantiles(
        "own time", "ms", outcome.stages_ms.get("own", {}), "p50", "p95", "p99", "max",
        at_most={"p99": OWN_P99_MS},
    )  # fmt: skip
    delays = [delay for _, delay in counts.delays_ms]
    row.quantiles("mouth to ear", "ms", named(delays, 1, 1), "p50", "p99")
    row.add("callers' worst lateness", "ms", outcome.callers["late_ms"], own=False)
