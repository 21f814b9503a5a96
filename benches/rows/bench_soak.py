"""Soak: calls for a long time at half of what the machine carries.

Memory, descriptors and threads must be as they were, latency too. The first fifth (two minutes at
most) is warm-up: ledgers fill for 60 s, caches too; in the quick form the ledgers keep 5 s only, so
that half a minute says something.
"""

from __future__ import annotations

import itertools

import pytest

from benches.kit import climb
from benches.kit.calls import CallsScene, add_words, run_calls
from benches.kit.flat import judge
from benches.kit.row import Bench, Row, counted


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def bench_soak(bench: Bench, minutes: float | None, calls: int | None, tls: bool) -> None:
    """`calls`, or half of those that the capacity row carried in this run; ten without it."""
    scale = bench.scale
    if scale.name == "smoke" and minutes is None:
        pytest.skip("not in the smoke run")
    # The long one is as production is; the other stands beside it.
    seconds = 60 * (minutes or scale.pick(0.1, 0.2, 60.0 if tls else 5.0))
    if calls is None:
        calls = max(1, max(climb.carried, default=20) // 2)
        calls = min(calls, 10) if scale.name == "quick" else calls
    every = 5.0 if seconds >= 300 else 1.0
    scene = CallsScene(
        calls, seconds, every=every, ledger_seconds=60.0 if seconds >= 300 else 5.0, tls=tls
    )
    way = " over TLS" * tls
    row = Row("soak", f"{counted(calls, 'call')} for {seconds / 60:g} min{way}")

    def once() -> None:
        outcome = run_calls(scene)
        warm = min(seconds / 5, 120.0)
        verdict = judge(outcome.readings, warm=warm, until=seconds)
        row.add("memory after warm-up", "MB", verdict.before_bytes / 1e6, noise=0.03)
        row.add("memory at the end", "MB", verdict.after_bytes / 1e6, noise=0.03)
        grown = 100 * verdict.growth_bytes / verdict.before_bytes
        # In less than five minutes first uses still show: figures, but no verdict.
        strict = seconds >= 300
        row.add("memory gained", "%", grown, at_most=3.0 if strict else None, noise=2.0)
        for name, (first, last) in (
            ("descriptors", verdict.descriptors),
            ("threads", verdict.threads),
        ):
            row.add(f"{name} gained", "", last - first, at_most=0 if strict else None)
        row.add("CPU of serve", "cores", outcome.cpu, noise=0.1)
        add_words(row, outcome.counts)
        drift(row, outcome.readings, warm, seconds)
        row.line(
            "memory", "MB", [[each.at, each.rss_bytes / 1e6] for each in outcome.readings], "s"
        )
        row.line("descriptors", "", [[r.at, r.descriptors] for r in outcome.readings], "s")

    bench.measure(row, once, repeats=1)


def drift(row: Row, readings: list, warm: float, until: float) -> None:
    """Does own time grow? Its p99 of everything up to each reading, and CPU between readings."""
    reported = [[each.at, each.own_p99_ms] for each in readings if each.own_p99_ms is not None]
    row.line("own time p99 so far", "ms", reported, "s")
    steady = [each for each in readings if warm <= each.at <= until]
    used = [
        (b.at, (b.cpu_seconds - a.cpu_seconds) / (b.at - a.at))
        for a, b in itertools.pairwise(steady)
        if b.at > a.at
    ]
    row.line("CPU of serve", "cores", [[at, round(cores, 4)] for at, cores in used], "s")
    third = max(1, len(used) // 3)
    first = sum(cores for _, cores in used[:third]) / third
    last = sum(cores for _, cores in used[-third:]) / third
    row.add("CPU at the end ÷ after warm-up", "×", last / max(first, 1e-9), noise=0.2)
