"""More callers than the machine can serve: what is given up, and that no running call loses a word.

    python -m benches.overload [--others 5] [--calls N] [--hold 15] [--control] [--out FILE]

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
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import uvloop

from benches.kit.calls import thread_seconds
from benches.kit.ears import read_ears
from benches.kit.native import program
from benches.kit.provenance import head, provenance
from benches.kit.quantiles import named
from translink.callers.server_process import free_port
from translink.results import RATE
from translink.sim.beacons import FRAME_BYTES, Talker
from translink.sim.lines import Said
from translink.sim.programs import LegPorts, Programs
from translink.sim.report import Counts, Direction, count

PROBES = 6
"""Calls that tell what a call costs."""
EVERY, LATER = 0.4, 2.0
"""Seconds from one new call to the next: while the load grows, and while it is held."""
OFFERED = 1.5
"""Calls offered, as a share of the capacity."""
SETTLE, QUIET = 40.0, 6.0
"""Seconds in which the last words may still come (a server at its limit is late), and of silence at
all ears that say that they have."""
TALK = 120.0
"""Seconds of audio that each caller has to say at most."""
ROOMY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""In memory, so that no disk wakes up in the middle of a call."""
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


class Callers:
    """All telephones: `native/callers.c`, whose lines call when they are told to. Two lines, of
    places 2n and 2n + 1, are call n."""

    def __init__(self, most: int, folder: Path) -> None:
        self.talkers = [Talker(place, 1) for place in range(2 * most)]
        self.calling: set[int] = set()
        """Calls by number."""
        self.late_ms = 0.0
        self._folder = folder
        self._began: dict[int, float] = {}
        """First deadline of each place, monotonic seconds."""
        self._until: dict[int, int] = {}
        """First sample that is not said any more."""

    @contextlib.asynccontextmanager
    async def ready(self, listen: list[int]) -> AsyncIterator[list[int]]:
        """Their ears' ports."""
        size = self._write_audio()
        self._process = await asyncio.create_subprocess_exec(
            program("callers"), self._folder / "audio", self._folder / "heard",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
        )  # fmt: skip
        try:
            for place, port in enumerate(listen):
                self._tell(f"{port} {place * size} {size} later")
            self._tell("")
            yield [int(port) for port in (await self._answer()).split()]
        finally:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def begin(self) -> None:
        """From now on they may call."""
        self._tell("begin")
        await self._answer()

    async def call(self, number: int) -> None:
        """Both parties of a call begin to talk."""
        self.calling.add(number)
        for place in (2 * number, 2 * number + 1):
            self._tell(f"call {place}")
            self._began[place] = int(await self._answer()) / 1e9

    def hang_up(self, number: int) -> None:
        """Both parties put the receiver down."""
        self.calling.discard(number)
        for place in (2 * number, 2 * number + 1):
            self._tell(f"hang {place}")

    def hush(self) -> None:
        """Everybody finishes his burst and stays on the line."""
        for number in self.calling:
            for place in (2 * number, 2 * number + 1):
                ends = [word.end for word in self.talkers[place].planned]
                now = int((time.monotonic() + 1.0 - self._began[place]) * RATE)
                pauses = (a for a, b in pairwise(ends) if a >= now and b - a > RATE // 2)
                self._until[place] = next(pauses, ends[-1])
                frames = -(-2 * self._until[place] // FRAME_BYTES)
                self._tell(f"until {place} {frames * FRAME_BYTES}")

    async def quiet(self) -> float:
        """Seconds since anybody said or heard anything."""
        self._tell("how")
        return float(await self._answer())

    async def end(self) -> None:
        """They all hang up."""
        self._tell("end")
        self.late_ms = json.loads(await self._answer())["late_ms"]

    def words(self, numbers: Iterable[int]) -> Counts:
        """What was said and heard in some of the calls."""
        heard, _ = read_ears(self._folder / "heard", len(self.talkers))
        places = [place for number in sorted(numbers) for place in (2 * number, 2 * number + 1)]
        return count(Direction(place, self._said(place), heard[place ^ 1]) for place in places)

    def _said(self, place: int) -> list[Said]:
        return [
            Said(word.number, self._began[place] + (2 * word.end - 1) // FRAME_BYTES * 0.02)
            for word in self.talkers[place].planned
            if word.end <= self._until[place]
        ]

    def _write_audio(self) -> int:
        """More than anybody will have time to say; bytes of each."""
        frames = round(TALK / 0.02)
        with (self._folder / "audio").open("wb") as file:
            for talker in self.talkers:
                file.writelines(talker.frame()[0] for _ in range(frames))
        return frames * FRAME_BYTES

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    async def _answer(self) -> str:
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode()


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
    """Late callers sound like callers who pause in mid-word."""
    lost: list[int] = field(default_factory=list)
    told: dict[str, int] = field(default_factory=dict)
    """Lines of the server's log, by what they tell."""


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument("--others", type=int, default=5, help="programs on the server's core")
    parser.add_argument("--calls", type=int, default=0, help="the capacity, instead of measuring")
    parser.add_argument("--most", type=int, default=120, help="calls that may be offered at all")
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
    os.sched_setaffinity(0, rest)
    with tempfile.TemporaryDirectory(prefix="translink-overload-", dir=ROOMY) as folder:
        callers = Callers(asked.most, Path(folder))
        listen = [free_port(socket.SOCK_DGRAM) for _ in callers.talkers]
        async with callers.ready(listen) as ears:
            ports = [
                LegPorts(str(1000 + place), "fr" if place % 2 else "en", listen[place], ear)
                for place, ear in enumerate(ears)
            ]
            extra = OFF if asked.control else ""
            async with Programs(ports, seed=1, extra=extra) as programs:
                await programs.order(begin=True)
                _pin(programs.pids[0], core)
                await callers.begin()
                with _others(asked.others, core):
                    run = await _capacity(asked, programs, callers)
                    await _press(asked, programs, callers, run)
                    callers.hush()
                    await _settle(callers)
                    stats: Any = await programs.stats()
                    await callers.end()
                log = programs.log()
        _count(run, callers)
    own = stats["stages_ms"].get("own") or {}
    run.own_ms = {name: value for name, value in own.items() if name != "count"}
    run.told = {what: log.count(what) for what in _SYMPTOMS}
    run.callers_late_ms = callers.late_ms
    if asked.out is not None and run.lost:
        asked.out.with_suffix(".log").write_text(log)
    return run


async def _capacity(asked: argparse.Namespace, programs: Programs, callers: Callers) -> Overload:
    """How many calls fill the loop's part of its core."""
    server = programs.pids[0]
    for number in range(PROBES):
        await callers.call(number)
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
    asked: argparse.Namespace, programs: Programs, callers: Callers, run: Overload
) -> None:
    """Somebody calls, and somebody else, and somebody else."""
    watching = asyncio.create_task(_watch(programs, callers, run))
    began, offered, held = time.monotonic(), PROBES, 0.0
    try:
        while offered < asked.most:
            # The capacity is what was computed, or what turned out to be carried if that is more.
            carried = max(run.capacity, len(run.begun) if run.refused else 0)
            if not held and offered >= OFFERED * carried and (run.refused or asked.control):
                held = time.monotonic()
            if held and time.monotonic() - held > asked.hold:
                break
            await callers.call(offered)
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


async def _watch(programs: Programs, callers: Callers, run: Overload) -> None:
    """Read the server's log for who was refused, and its statistics every two seconds: they cost
    its time, too."""
    began = due = time.monotonic()
    log = programs.log_file.open(encoding="utf-8", errors="replace")
    print(f"{'s':>5} {'offered':>8} {'running':>8} {'refused':>8}  level", flush=True)
    while True:
        while line := log.readline():
            _read_log(line, callers, run)
        if time.monotonic() >= due:
            due += 2.0
            stats: Any = await programs.stats()
            async with programs.http.get(f"{programs.serve_url}/ready") as answer:
                ready = answer.status == 200
            pressure = stats["pressure"]
            moment = Moment(
                at=round(time.monotonic() - began, 1),
                offered=len(callers.calling | run.refused),
                running=stats["totals"]["calls_active"],
                refused=pressure["given_up"]["calls"],
                ready=ready,
                **pressure,
            )
            run.moments.append(moment)
            print(_line(moment), flush=True)
        await asyncio.sleep(0.1)


def _read_log(line: str, callers: Callers, run: Overload) -> None:
    if "] call " not in line:
        return
    if match := _BEGUN.search(line):
        run.begun.add((int(match[1]) - 1000) // 2)
    elif match := _REFUSED.search(line):
        number = (int(match[1]) - 1000) // 2
        if number not in run.refused:
            run.refused.add(number)
            run.first_refusal = run.first_refusal or time.monotonic()
            callers.hang_up(number)


async def _settle(callers: Callers) -> None:
    """Until nothing has been heard for a while."""
    end = time.monotonic() + SETTLE
    while time.monotonic() < end and await callers.quiet() < QUIET:  # noqa: ASYNC110
        await asyncio.sleep(0.5)


def _count(run: Overload, callers: Callers) -> None:
    counts = callers.words(run.begun - run.refused)
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
