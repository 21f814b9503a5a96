"""The Rust core: instructions for 20 ms of a leg, counted by callgrind; its times, by criterion.

Instructions are the same on a quiet machine and on a busy one, so a change of the core can be judged
anywhere; each figure is the difference of two runs of different length, so that start and end are
not in it. Times are of the same acts (`rust/core/benches/acts`) and of the mailbox: least, middle
and most of what criterion holds likely for the median stand where repeats stand elsewhere.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from benches.kit.native import ROOT
from benches.kit.row import Bench, Row

FEW, MANY = 200, 1200
_COLLECTED = re.compile(r"Collected : (\d+)")


def bench_core(bench: Bench) -> None:
    """Every act of `rust/core/benches/acts`."""
    if bench.scale.name == "smoke":
        pytest.skip("not in the smoke run: clippy compiles them")
    if shutil.which("valgrind") is None:
        pytest.skip("no valgrind on this machine")
    program = counts()
    acts = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    row = Row("core", "instructions for 20 ms of a leg")

    def once() -> None:
        for act in acts:
            each = (collected(act, MANY) - collected(act, FEW)) / (MANY - FEW)
            row.add(act, "instructions", each, noise=0.002)

    bench.measure(row, once, repeats=1)


def bench_core_times(bench: Bench) -> None:
    """Nanoseconds."""
    if bench.scale.name == "smoke":
        pytest.skip("not in the smoke run")
    row = Row("core", "time for 20 ms of a leg")
    warm, long = bench.scale.pick(("0.1", "0.1"), ("0.2", "0.5"), ("1", "3"))

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


@cache
def counts() -> str:
    """The bench binary, built if need be."""
    done = subprocess.run(
        [*_cargo(), "bench", "-q", "--no-run", "-p", "translink-core", "--bench", "counts",
         "--message-format=json"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("target", {}).get("name") == "counts" and message.get("executable"):
            return str(message["executable"])
    raise RuntimeError("cargo built no bench named counts")


def collected(act: str, times: int) -> int:
    """Instructions of the whole run."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={Path(folder) / 'out'}",
             counts(), act, str(times)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    found = _COLLECTED.search(done.stderr)
    if found is None:
        raise RuntimeError(done.stderr[-1000:])
    return int(found[1])


def _cargo() -> list[str]:
    machine = ROOT / "tools" / "machine"
    return [str(machine), "rust", "cargo"] if os.access(machine, os.X_OK) else ["cargo"]
