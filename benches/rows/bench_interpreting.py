"""How far a listener is behind a talk: `translink sim --talk` over talks that people gave.

The talks are read from `../shared/talks`, where they are; one written for this project always runs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

from benches.kit.native import ROOT
from benches.kit.row import Bench, Row
from translink.sim.talk.run import BROKEN

SHARED = ROOT.parent / "shared" / "talks"
OWN = ROOT / "benches" / "talks" / "bridge.json"
CASES = (("mono", 1.25), ("dialog", 1.1), ("fast", 1.0), ("fast", 1.25), ("hesitant", 1.25))


def bench_interpreting(bench: Bench) -> None:
    """Each talk by itself, in programs of its own; side by side, since one call keeps no machine busy."""
    found = [(SHARED / f"{name}.json", longer) for name, longer in CASES]
    talks = [(OWN, 1.25)]
    talks += bench.scale.pick([], [], [(path, longer) for path, longer in found if path.exists()])
    row = Row("interpreting", "talks of 150 s, each by itself")
    for path, longer in found:
        if not path.exists():
            row.note(f"{path.stem} × {longer} was not measured: no ../shared/talks here")

    def once() -> None:
        seconds = bench.scale.pick(7, 150, 150)
        with ThreadPoolExecutor(len(talks)) as pool:
            playing = [pool.submit(play, path, longer, seconds) for path, longer in talks]
            for (path, longer), played in zip(talks, playing, strict=True):
                add(row, f"{path.stem} × {longer:g}", played.result())

    bench.measure(row, once, repeats=1)


def play(path: Path, longer: float, seconds: float) -> SimpleNamespace:
    """One talk, to its end: what the command says of it."""
    command = [sys.executable, "-m", "translink", "sim", "--talk", str(path), "--json"]
    command += [f"--longer={longer}", f"--seconds={seconds}", "--talks=1", "--seed=1"]
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    if ran.returncode not in (0, BROKEN):
        raise subprocess.CalledProcessError(ran.returncode, command)
    return SimpleNamespace(**json.loads(ran.stdout))


def add(row: Row, name: str, figures: SimpleNamespace) -> None:
    """Its figures."""
    for title, values in (("EVS", figures.evs), ("word to request", figures.word_to_request)):
        for key in ("p50", "p95"):
            if (value := values[key]) is not None:
                row.add(f"{name}: {title} {key}", "s", value, noise=0.1)
    if figures.growth is not None:
        row.add(f"{name}: lag growth", "s/min", figures.growth, noise=0.2)
    row.add(f"{name}: words said", "words", figures.words_said, own=False)
    wrong = (
        figures.words_lost
        + figures.words_doubled
        + figures.words_revised
        + figures.words_out_of_order
    )
    row.add(f"{name}: words lost, doubled, revised or misplaced", "words", wrong, at_most=0)
