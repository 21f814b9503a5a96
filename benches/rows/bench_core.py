"""The Rust core: instructions for 20 ms of a leg, counted by callgrind.

The same on a quiet machine and on a busy one, so a change of the core can be judged anywhere; each
figure is the difference of two runs of different length, so that start and end are not in it.
Criterion's times of the same acts: `cargo bench -p translink-core --bench core`.
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
    if shutil.which("valgrind") is None:
        pytest.skip("no valgrind on this machine")
    program = counts()
    acts = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    if bench.scale.name == "smoke":
        acts = acts[:2]
    row = Row("core", "instructions for 20 ms of a leg")

    def once() -> None:
        for act in acts:
            each = (collected(act, MANY) - collected(act, FEW)) / (MANY - FEW)
            row.add(act, "instructions", each, noise=0.002)

    bench.measure(row, once, repeats=1)


@cache
def counts() -> str:
    """The bench binary, built if need be."""
    told = subprocess.run(
        [*_cargo(), "bench", "-q", "--no-run", "-p", "translink-core", "--bench", "counts",
         "--message-format=json"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    for line in told.stdout.splitlines():
        message = json.loads(line)
        if message.get("target", {}).get("name") == "counts" and message.get("executable"):
            return str(message["executable"])
    raise RuntimeError("cargo built no bench named counts")


def collected(act: str, times: int) -> int:
    """Instructions of the whole run."""
    with tempfile.TemporaryDirectory() as folder:
        told = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={Path(folder) / 'out'}",
             counts(), act, str(times)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    found = _COLLECTED.search(told.stderr)
    if found is None:
        raise RuntimeError(told.stderr[-1000:])
    return int(found[1])


def _cargo() -> list[str]:
    machine = ROOT / "tools" / "machine"
    return [str(machine), "rust", "cargo"] if os.access(machine, os.X_OK) else ["cargo"]
