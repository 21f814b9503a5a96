"""More callers than the machine can serve: what is given up, and that no running call loses a word.

    python -m benches.overload [--others 4] [--calls N] [--hold 15] [--control] [--out FILE]

`translink serve` shares one core with `--others` programs that take all they can get, as on a
machine where something else runs wild: its loop gets one part in `others` + 1 (its media thread,
which is a real-time one where that is allowed, what it needs). So a machine of two cores can bring
it to its limit: the callers and the fake providers have the other core to themselves and are not
what gives way. They count words: beacons over real UDP sockets, through real WebSockets.

1. A few calls run, until it is known what one costs; so many as fill the loop's part are the
   *capacity* (or `--calls` says how many).
2. Every 0.4 s somebody else calls, until half as many again have called; then one every two
   seconds, for `--hold` seconds. Who is refused hangs up. All others talk all the time.
3. They finish their sentences, and the words are counted: all that was said in calls that ran.

Exit code: 0; 1 when a running call lost or doubled a word; 2 when the machine could not be brought
to refuse. `--control` does the same with the regulator switched off.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from benches.kit.calls import thread_seconds
from benches.kit.provenance import head, provenance
from benches.kit.quantiles import named
from translink.sim.beacons import Talker
from translink.sim.lines import Line, Lines
from translink.sim.report import Counts, Direction, count
from translink.sim.server import LegPorts, Programs, free_port

PROBES = 6
"""Calls that tell what a call costs."""
EVERY, LATER = 0.4, 2.0
"""Seconds from one new call to the next: while the load grows, and while it is held."""
OFFERED = 1.5
"""Calls offered, as a share of the capacity."""
SETTLE = 40.0
"""Seconds in which the last words may still come: a server at its limit is late."""
OFF = "\n[pressure]\nshed = 2\ncoalesce = 2\nrefuse = 2\n"
_SYMPTOMS = (
    "speech lost",
    "Connection lost",
    "untranslated",
    "recognition failed",
    "a provider failed",
)
_BEGUN = re.compile(r"call begins .*legs=\['(\d+)', '(\d+)'\]")
_REFUSED = re.compile(r"call refused .*legs=\['(\d+)', '(\d+)'\]")


class Guest(Line):
    """A telephone that calls when it is told to."""

    def __init__(self, name: str, place: int) -> None:
        super().__init__(name, Talker(place, 1))
        self.calling = False

    def tick(self) -> None:
        if self.calling:
            super().tick()


@dataclass(slots=True)
class Moment:
    """What the server said of itself."""

    at: float
    """Seconds since the first call."""
    offered: int
    running: int
    refused: int
    level: str
    frames_per_message: int
    busy: float
    lag_ms: float
    ready: bool
    given_up: dict[str, int]


@dataclass(slots=True)
class Overload:
    """One run."""

    capacity: int
    others: int
    percent_per_call: float
    moments: list[Moment] = field(default_factory=list)
    begun: set[int] = field(default_factory=set)
    """Calls by number."""
    refused: set[int] = field(default_factory=set)
    first_refusal: float = 0.0
    """Monotonic seconds; 0 = none."""
    words: dict[str, int] = field(default_factory=dict)
    mouth_to_ear_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    """Before the first refusal, and from then on."""
    own_ms: dict[str, float] = field(default_factory=dict)
    callers_late_ms: float = 0.0
    lost: list[int] = field(default_factory=list)
    told: dict[str, int] = field(default_factory=dict)
    """Lines of the server's log, by what they tell."""


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument("--others", type=int, default=4, help="programs on the server's core")
    parser.add_argument("--calls", type=int, default=0, help="the capacity, instead of measuring")
    parser.add_argument("--most", type=int, default=90, help="calls that may be offered at all")
    parser.add_argument("--hold", type=float, default=15.0, help="seconds at the limit")
    parser.add_argument("--control", action="store_true", help="without the regulator")
    parser.add_argument("--out", type=Path, help="file for the report, JSON")
    asked = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        parser.error("two cores are needed: one for the server, one for those who call it")
    told = provenance()
    print(head(told), flush=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        run = runner.run(overload(asked, cores[0], set(cores[1:])))
    print(summary(run))
    if asked.out is not None:
        report = {"provenance": told, **asdict(run)}
        asked.out.write_text(json.dumps(report, indent=1, default=sorted) + "\n")
    wrong = run.words["lost"] + run.words["doubled"] + run.words["out_of_order"]
    if wrong:
        return 1
    return 0 if run.refused or asked.control else 2


async def overload(asked: argparse.Namespace, core: int, rest: set[int]) -> Overload:
    """Bring a server to its limit, and past it."""
    guests = [Guest(str(1000 + place), place) for place in range(2 * asked.most)]
    ports = [
        LegPorts(
            guest.name, "fr" if place % 2 else "en", free_port(socket.SOCK_DGRAM), guest.ear_port
        )
        for place, guest in enumerate(guests)
    ]
    for guest, port in zip(guests, ports, strict=True):
        guest.dial(port.listen)
    lines = Lines(list(guests))
    os.sched_setaffinity(0, rest)
    extra = OFF if asked.control else ""
    try:
        async with Programs(ports, seed=1, extra=extra) as programs:
            await programs.order(begin=True)
            _pin(programs.pids[0], core)
            lines.start()
            with _others(asked.others, core):
                run = await _capacity(asked, programs, guests)
                await _press(asked, programs, guests, run)
                run.words, run.lost = {}, []
                lines.hush()
                await _settle(run, guests)
                stats: Any = await programs.stats()
                run.told = _told(programs.log())
                if asked.out is not None:
                    asked.out.with_suffix(".log").write_text(programs.log())
    finally:
        lines.close()
    run.own_ms = {k: v for k, v in (stats["stages_ms"].get("own") or {}).items() if k != "count"}
    run.callers_late_ms = round(1000 * lines.worst_lateness, 1)
    _count(run, guests)
    return run


async def _capacity(asked: argparse.Namespace, programs: Programs, guests: list[Guest]) -> Overload:
    """How many calls fill the loop's part of its core."""
    server = programs.pids[0]
    for number in range(PROBES):
        _call(guests, number)
    await asyncio.sleep(4.0)
    before, began = thread_seconds(server)["loop"], time.monotonic()
    await asyncio.sleep(6.0)
    spent = thread_seconds(server)["loop"] - before
    each = spent / (time.monotonic() - began) / PROBES
    capacity = asked.calls or max(PROBES, int(1 / (asked.others + 1) / each))
    print(
        f"a call costs the loop {100 * each:.2f} % of a core; its part is "
        f"{100 / (asked.others + 1):.0f} %: capacity {capacity} calls",
        flush=True,
    )
    return Overload(capacity, asked.others, round(100 * each, 3))


async def _press(
    asked: argparse.Namespace, programs: Programs, guests: list[Guest], run: Overload
) -> None:
    """Somebody calls, and somebody else, and somebody else."""
    watching = asyncio.create_task(_watch(programs, guests, run))
    began, offered, held = time.monotonic(), PROBES, 0.0
    try:
        while offered < len(guests) // 2:
            # The capacity is what was computed, or what turned out to be carried if that is more.
            carried = max(run.capacity, len(run.begun) if run.refused else 0)
            goal = offered >= OFFERED * carried and (run.refused or asked.control)
            if goal and not held:
                held = time.monotonic()
            if held and time.monotonic() - held > asked.hold:
                break
            _call(guests, offered)
            offered += 1
            await asyncio.sleep(LATER if held else EVERY)
        else:
            await asyncio.sleep(asked.hold)
        await asyncio.sleep(1.0)
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    print(f"{offered} calls offered in {time.monotonic() - began:.0f} s", flush=True)


async def _watch(programs: Programs, guests: list[Guest], run: Overload) -> None:
    """Read the server's log for who was refused, and its statistics every two seconds: they cost
    its time, too. The callers are a thread of this process, so nothing here may take long."""
    began = due = time.monotonic()
    log = programs.log_file.open(encoding="utf-8", errors="replace")
    print(f"{'s':>5} {'offered':>8} {'running':>8} {'refused':>8}  level", flush=True)
    while True:
        while line := log.readline():
            _read_log(line, guests, run)
        if time.monotonic() >= due:
            due += 2.0
            stats: Any = await programs.stats()
            async with programs.http.get(f"{programs.serve_url}/ready") as answer:
                ready = answer.status == 200
            pressure = stats["pressure"]
            moment = Moment(
                at=round(time.monotonic() - began, 1),
                offered=sum(guest.calling for guest in guests) // 2 + len(run.refused),
                running=stats["totals"]["calls_active"],
                refused=pressure["given_up"]["calls"],
                ready=ready,
                **pressure,
            )
            run.moments.append(moment)
            print(_line(moment), flush=True)
        await asyncio.sleep(0.1)


def _read_log(line: str, guests: list[Guest], run: Overload) -> None:
    if "] call " not in line:
        return
    if match := _BEGUN.search(line):
        run.begun.add((int(match[1]) - 1000) // 2)
    elif match := _REFUSED.search(line):
        number = (int(match[1]) - 1000) // 2
        if number not in run.refused:
            run.refused.add(number)
            run.first_refusal = run.first_refusal or time.monotonic()
            for guest in guests[2 * number : 2 * number + 2]:
                guest.calling = False


def _told(log: str) -> dict[str, int]:
    """What might explain a lost word."""
    return {what: log.count(what) for what in _SYMPTOMS}


def _call(guests: list[Guest], number: int) -> None:
    for guest in guests[2 * number : 2 * number + 2]:
        guest.calling = True


def _running(run: Overload, guests: list[Guest]) -> Iterator[Direction]:
    for number in sorted(run.begun - run.refused):
        for place in (2 * number, 2 * number + 1):
            yield Direction(place, guests[place].said, guests[place ^ 1].listener.heard)


async def _settle(run: Overload, guests: list[Guest]) -> None:
    """Until all is heard, or nothing comes any more."""
    end = time.monotonic() + SETTLE
    while time.monotonic() < end:
        await asyncio.sleep(1.0)
        counts = count(_running(run, guests))
        talking = [guest for guest in guests if guest.calling]
        if not counts.words_lost and all(
            len(guest.said) == len(guest.talker.planned) for guest in talking
        ):
            await asyncio.sleep(2.0)  # what is doubled comes after
            return


def _count(run: Overload, guests: list[Guest]) -> None:
    counts: Counts = count(_running(run, guests))
    run.words = {
        key: getattr(counts, f"words_{key}")
        for key in ("said", "heard", "lost", "doubled", "out_of_order")
    }
    run.lost = counts.lost
    since = run.first_refusal or float("inf")
    early = [ms for said, ms in counts.delays_ms if said < since]
    late = [ms for said, ms in counts.delays_ms if said >= since]
    run.mouth_to_ear_ms = {
        "before the first refusal": named(early, digits=0),
        "from then on": named(late, digits=0),
    }


def summary(run: Overload) -> str:
    """For people."""
    last = run.moments[-1]
    told = "\n".join(
        f"mouth to ear, {name}: p50 {each['p50']:.0f}, p99 {each['p99']:.0f}, max {each['max']:.0f} ms"
        for name, each in run.mouth_to_ear_ms.items()
        if each
    )
    own = ", ".join(f"{name} {value}" for name, value in run.own_ms.items())
    words = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in run.words.items())
    return (
        f"calls: {len(run.begun - run.refused)} ran, {len(run.refused)} were refused"
        f" ({len(run.refused & run.begun)} of them let in later, not counted)\n"
        f"the server's log: {run.told}\n"
        f"given up: {last.given_up}\nwords of the calls that ran: {words}\n"
        f"{told}\nown time, all of the run: {own} ms\n"
        f"the callers themselves were at most {run.callers_late_ms} ms late"
    )


def _line(moment: Moment) -> str:
    ready = "" if moment.ready else ", not ready"
    return (
        f"{moment.at:5.0f} {moment.offered:8} {moment.running:8} {moment.refused:8}  "
        f"{moment.level}, {moment.frames_per_message} frames a message, busy {moment.busy:.2f}, "
        f"{moment.lag_ms:.0f} ms late{ready}"
    )


def _pin(pid: int, core: int) -> None:
    """All threads of a process; those it starts later follow."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


@contextlib.contextmanager
def _others(number: int, core: int) -> Iterator[None]:
    """Programs that take all they can get of a core."""
    made = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        for each in made:
            _pin(each.pid, core)
        yield
    finally:
        for each in made:
            each.kill()
            each.wait()


class _Plain(argparse.RawDescriptionHelpFormatter):
    """The module's own words, as they stand."""


if __name__ == "__main__":
    sys.exit(main())
