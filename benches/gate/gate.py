"""The performance gate: has translink become slower? `make bench ARGS=--gate`, as `.ci/run` does at its end.

    python -m benches --gate             # exit code 1 when a figure is beyond its limit, and its name
    python -m benches --gate --record    # takes this compiler's instruction counts into limits.toml

Instructions and allocations are the same in every run, so one decides. What depends on the machine
is measured up to three times, and the best of each figure counts: neighbours only ever make it
worse, a regression is there every time. What is red while other programs had more than a quarter of
the processors in all three is not judged, and the gate says so.
"""

from __future__ import annotations

import os
import platform
import time
import traceback
from collections.abc import Callable

import pytest

from benches.gate.limits import FILE, GateLimits, GateVerdict, recorded
from benches.gate.neighbours import Neighbours
from benches.gate.running import RUNS
from benches.kit import counting
from benches.kit.row import say

ATTEMPTS = 3
CROWDED = 0.25
"""Share of our processors that others may use before a red time is theirs as likely as ours."""
ARCHITECTURE = "x86_64"
"""What the counts of `limits.toml` are for."""


def gate() -> int:
    """Measure and judge. Returns the exit code."""
    began = time.monotonic()
    limits = GateLimits.read()
    verdicts, broken = counted(limits), []
    for run in RUNS:
        say(f"gate: {run.__name__.replace('_', ' ')}")
        try:
            verdicts += best(limits, run)
        except pytest.skip.Exception as reason:
            lacks(f"{run.__name__.replace('_', ' ')}: {reason}")
        except Exception:  # it could not be run: the others still have something to say
            traceback.print_exc()
            broken.append(f"{run.__name__.replace('_', ' ')} could not be run")
    print("\n".join(map(str, verdicts)))
    red = [verdict.limit.figure for verdict in verdicts if verdict.red] + broken
    took = f"{time.monotonic() - began:.0f} s"
    if red:
        print(f"\nthe gate is RED after {took}: {'; '.join(red)}")
        print(
            "worse on purpose? say so in benches/gate/limits.toml; --gate --record writes the counts"
        )
        return 1
    print(f"\nthe gate is green after {took}: {len(verdicts)} figures within their limits")
    return 0


def record() -> int:
    """Write the instruction counts of this machine's compiler. Returns the exit code."""
    if not counting.have_valgrind():
        lacks("instructions: no valgrind (apt-get install valgrind)")
        return 1
    text = FILE.read_text(encoding="utf-8")
    FILE.write_text(recorded(text, counting.instructions(), counting.compiler()), encoding="utf-8")
    print(f"{FILE.name} has the counts of Rust {counting.compiler()}")
    return 0


def counted(limits: GateLimits) -> list[GateVerdict]:
    """What is the same in every run."""
    say("gate: allocations")
    found = {name: number for name, number in counting.allocations().items() if number}
    for name, number in found.items():
        print(f"{name}: {number} allocations in {counting.ALLOCATING} rounds")
    verdicts = limits.of({"allocations in steady state": sum(found.values())})
    if not counting.have_valgrind():
        lacks("instructions: no valgrind (apt-get install valgrind)")
    elif platform.machine() != ARCHITECTURE:
        lacks(f"instructions: the counts are for {ARCHITECTURE}, this is {platform.machine()}")
    else:
        say("gate: instructions")
        compiler = counting.compiler()
        if not limits.knows(compiler):
            share, more = (f"{100 * each:.0f} %" for each in (limits.share, limits.foreign_share))
            lacks(
                f"instructions to {share}: no counts of Rust {compiler}, so {more} of the nearest"
            )
        verdicts += limits.of_instructions(counting.instructions(), compiler)
    return verdicts


def best(limits: GateLimits, run: Callable[[], dict[str, float]]) -> list[GateVerdict]:
    """The least of each figure, of as many runs as it takes until none is red, three at most. Where
    others had the processors each time, nobody knows whose a red figure is: it is left out, loudly.
    """
    least: dict[str, float] = {}
    foreign = float("inf")
    for _ in range(ATTEMPTS):
        neighbours = Neighbours()
        for name, value in run().items():
            least[name] = min(value, least.get(name, value))
        foreign = min(foreign, neighbours.cores())
        verdicts = limits.of(least)
        red = [verdict for verdict in verdicts if verdict.red]
        if not red:
            break
        say("gate: once more, " + "; ".join(map(str, red)))
    if red and foreign > CROWDED * len(os.sched_getaffinity(0)):
        for verdict in red:
            lacks(f"{verdict} (others kept {foreign:.1f} of our processors busy)")
        return [verdict for verdict in verdicts if not verdict.red]
    return verdicts


def lacks(what: str) -> None:
    """So that nobody overlooks it."""
    rule = "#" * 100
    print(f"\n{rule}\n# NOT CHECKED by the gate: {what}\n{rule}\n", flush=True)
