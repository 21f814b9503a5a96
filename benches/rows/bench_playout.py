"""Playout: how punctual the ears' datagrams are, and whether the clock drifts.

A datagram's deviation is its distance behind its ear's grid of 20 ms, moved so that the earliest
datagram is on time; times are the receiving kernel's. The rival paces in the loop as well as that
can be done: `call_at` at absolute deadlines, so that it does not drift either.
"""

from __future__ import annotations

import array
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from benches.kit.calls import roomy
from benches.kit.ears import TICK, behind_grid_ms
from benches.kit.native import program
from benches.kit.processes import Talking, us_each
from benches.kit.quantiles import curve, named
from benches.kit.row import Bench, Row, counted

CASES = [(1, "idle"), (100, "idle"), (100, "busy"), (400, "idle")]
RIVALS = {"uvloop": "uvloop pacing", "asyncio": "asyncio pacing"}


@pytest.mark.parametrize(("ears", "mood"), CASES)
def bench_playout(bench: Bench, ears: int, mood: str) -> None:
    """The media thread beside pacing in a loop."""
    scale = bench.scale
    busy = mood == "busy"
    if (scale.name != "full" and busy) or (scale.name == "smoke" and ears != 100):
        pytest.skip(f"not in the {scale.name} form")
    x = None if busy else ears
    row = Row(
        "playout", counted(ears, "ear") + ", loop busy 3 ms of every 5" * busy, x=x, axis="ears"
    )
    seconds = scale.pick(1, 3, 10)

    def once() -> None:
        target = (ears, mood) == (100, "idle")
        tell(row, "translink", *play("engine", ears, seconds, mood), own=True, target=target)
        if x is not None:
            title = "translink, shared port"
            tell(row, title, *play("shared", ears, seconds, mood), own=True)
        for name, title in RIVALS.items():
            if scale.name == "full" or (name == "uvloop" and f"{title} p50" not in row.figures):
                tell(row, title, *play(name, ears, seconds, mood), own=False)

    bench.measure(row, once, repeats=scale.pick(1, 2 if ears == 100 else 1, 2))


def bench_playout_drift(bench: Bench) -> None:
    """The same clock for minutes: does it run away from the kernel's?"""
    if bench.scale.name == "smoke":
        pytest.skip("not in the smoke run")
    seconds = bench.scale.pick(2, 8, 300)
    row = Row("playout", f"100 ears for {seconds} s")

    def once() -> None:
        times, reported = play("engine", 100, seconds, "idle")
        tell(row, "translink", times, reported, own=True)
        # Whole ticks do not show in an average of deviations, but in the count of datagrams.
        row.add("datagrams too many or too few", "datagrams",
                sum(abs(len(each) - 50 * seconds) for each in times), at_most=0.0)  # fmt: skip
        drifts = sorted(drift_ppm(each) for each in times)
        row.add("drift", "ppm", abs(drifts[len(drifts) // 2]), at_most=1.0, noise=1.0)

    bench.measure(row, once, repeats=1)


def tell(
    row: Row,
    title: str,
    times: list[list[int]],
    reported: dict[str, Any],
    *,
    own: bool,
    target: bool = False,
) -> None:
    """The deviations of one run, and its cost."""
    late = [value for each in times for value in behind_grid_ms(each)]
    limits = {"p99": 0.5, "p99.9": 2.0} if target else {}
    row.quantiles(
        title, "ms", named(late), "p50", "p99", "p99.9", "max",
        own=own, at_most=limits, noise=0.2,
    )  # fmt: skip
    each = us_each(reported["cpu_seconds"], len(late))
    row.add(f"{title} CPU", "µs/datagram", each, own=own, noise=0.05)
    row.curve(title, "ms", curve(late), own)
    for name in ("late_wakes", "underruns"):
        if name in reported:
            row.add(name.replace("_", " "), "", reported[name])


def play(name: str, ears: int, seconds: int, mood: str) -> tuple[list[list[int]], dict[str, Any]]:
    """Arrival times of every datagram at every ear (ns, CLOCK_MONOTONIC), and what was counted."""
    with tempfile.TemporaryDirectory(prefix="translink-bench-", dir=roomy()) as folder:
        audio, heard = Path(folder) / "audio", Path(folder) / "heard"
        audio.touch()
        player = [sys.executable, "-m", "benches.kit.players", name, str(seconds), mood]
        with (
            Talking([program("callers"), audio, heard, "times"]) as listener,
            Talking(player) as it,
        ):
            it.ask(listener.ask(*["0 0 0"] * ears, "").strip())
            listener.ask("begin")
            reported = it.reported("begin")
            time.sleep(0.1)
            slew = listener.reported("end")["clock_slew_ms"]
        return arrivals(heard, ears, slew), reported


def arrivals(path: Path, ears: int, slew_ms: float) -> list[list[int]]:
    """By ear. `slew_ms`: how far the wall clock, which stamps, ran away from the monotonic one."""
    times: list[array.array[int]] = [array.array("q") for _ in range(ears)]
    for ear, _, at in struct.iter_unpack("=IIQ", path.read_bytes()):
        times[ear].append(at)
    first = min((each[0] for each in times if each), default=0)
    last = max((each[-1] for each in times if each), default=1)
    rate = slew_ms * 1e6 / max(1, last - first)
    return [[round(at - (at - first) * rate) for at in each] for each in times]


def drift_ppm(times: list[int]) -> float:
    """How much slower than real time an ear's clock runs: of the most punctual datagrams of the
    first and of the last tenth, so that late ones do not count.
    """
    off = [at - n * TICK for n, at in enumerate(times)]
    tenth = max(1, len(off) // 10)
    span = (len(off) - tenth) * TICK
    return 1e6 * (min(off[-tenth:]) - min(off[:tenth])) / span
