"""The Rust core: instructions for 20 ms of a leg, counted by callgrind; its times, by criterion.

Instructions are the same on a quiet machine and on a busy one, so a change of the core can be judged
anywhere; each figure is the difference of two runs of different length, so that start and end are
not in it. Times are of the same acts (`rust/core/benches/acts`) and of the mailbox: least, middle
and most of what criterion holds likely for the median stand where repeats stand elsewhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from benches.kit import counting
from benches.kit.native import ROOT
from benches.kit.row import Bench, Row


def bench_core(bench: Bench) -> None:
    """Every act of `rust/counts`."""
    if bench.scale.name == "smoke":
        pytest.skip("not in the smoke run: clippy compiles them")
    if not counting.have_valgrind():
        pytest.skip("no valgrind on this machine")
    row = Row("core", "instructions for 20 ms of a leg")

    def once() -> None:
        for act, each in counting.instructions().items():
            row.add(act, "instructions", each, noise=0.002)

    bench.measure(row, once, repeats=1)


def bench_core_times(bench: Bench) -> None:
    """Nanoseconds."""
    if bench.scale.name == "smoke":
        pytest.skip("not in the smoke run")
    row = Row("core", "time for 20 ms of a leg")
    warm, long = bench.scale.pick(("0.1", "0.1"), ("0.2", "0.5"), ("0.5", "1.5"))

    def once() -> None:
        with tempfile.TemporaryDirectory() as folder:
            for package, name in (("core", "core"), ("engine", "mailbox")):
                subprocess.run(
                    [*_cargo(), "bench", "-q", "-p", f"translink-{package}", "--bench", name, "--",
                     "--warm-up-time", warm, "--measurement-time", long, "--noplot"],
                    cwd=ROOT, env=os.environ | {"CRITERION_HOME": folder},
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
                )  # fmt: skip
            for estimates in sorted(Path(folder).rglob("new/estimates.json")):
                middle = json.loads(estimates.read_text())["median"]
                likely = middle["confidence_interval"]
                act = json.loads((estimates.parent / "benchmark.json").read_text())["full_id"]
                for nanos in (
                    likely["lower_bound"],
                    middle["point_estimate"],
                    likely["upper_bound"],
                ):
                    row.add(act, "ns", nanos, noise=0.1)

    bench.measure(row, once, repeats=1)


def _cargo() -> list[str]:
    machine = ROOT / "tools" / "machine"
    return [str(machine), "rust", "cargo"] if os.access(machine, os.X_OK) else ["cargo"]
