"""How far a listener is behind a talk: `translink sim --talk` over talks that people gave.

The talks are read from `../shared/talks`, where they are; one written for this project always runs.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import uvloop

from benches.kit.native import ROOT
from benches.kit.row import Bench, Row
from translink.sim.talk.run import TalkOutcome, play_talks
from translink.sim.talk.server import TalkScene

SHARED = ROOT.parent / "shared" / "talks"
OWN = ROOT / "benches" / "talks" / "bridge.json"
CASES = (("mono", 1.25), ("dialog", 1.1), ("fast", 1.0), ("fast", 1.25), ("hesitant", 1.25))


def bench_interpreting(bench: Bench) -> None:
    """Each talk, by itself."""
    found = [(SHARED / f"{name}.json", longer) for name, longer in CASES]
    talks = [(OWN, 1.25)]
    talks += bench.scale.pick([], [], [(path, longer) for path, longer in found if path.exists()])
    row = Row("interpreting", "talks of 150 s, each by itself")
    for path, longer in found:
        if not path.exists():
            row.note(f"{path.stem} × {longer} was not measured: no ../shared/talks here")

    def once() -> None:
        for path, longer in talks:
            add(row, f"{path.stem} × {longer:g}", play(path, longer, bench.scale.pick(7, 150, 150)))

    bench.measure(row, once, repeats=1)


def play(path: Path, longer: float, seconds: float) -> TalkOutcome:
    """One talk, to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(play_talks(TalkScene((str(path),), seconds, 1, longer, seed=1)))


def add(row: Row, name: str, outcome: TalkOutcome) -> None:
    """Its figures."""
    figures = outcome.figures
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
