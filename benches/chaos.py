"""Faults against words: the table of docs/reliability.md, by one command (`make chaos`).

Each row is a fault at random times in mid-speech, run with several seeds; each run is a `translink
sim` of its own: real sockets, real time, a server process, every word counted. A row fails when a
word was lost, doubled, out of order, invented or misrouted in any of its runs, or when a bound of
the row is broken; then the exit code is 1. The whole table takes `rows × seeds × about 40 s /
jobs`.

    python -m benches.chaos                   # all rows, 10 seeds
    python -m benches.chaos --short           # 1 seed of the most telling rows, about a minute
    python -m benches.chaos --only zombie     # rows whose name holds this
    python -m benches.chaos --write docs/reliability.md   # replaces the table between its two marks
    python -m benches.chaos --program tests.naive --expect-losses --seeds 1 \\
        --write docs/reliability.md --mark naive          # the same against another program
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benches.kit.provenance import head, provenance
from benches.kit.quantiles import named
from benches.reporting.targets import write_between

CALLERS_LATE_MS = 100.0
"""More, and the run says nothing about faults."""
ATTEMPTS = 3
"""How often a run is tried when this machine was too busy for it."""
WRONG = ("lost", "doubled", "out_of_order", "invented", "misrouted")


@dataclass(frozen=True)
class ChaosRow:
    """One line of the table."""

    name: str
    faults: tuple[str, ...]
    calls: int = 2
    seconds: float = 16.0
    recovery_p95_ms: float | None = None
    handshakes: int | None = None
    """At most so many from the fault on, all legs together."""
    short: bool = False
    """Also in the short form, then with 8 s of talk."""
    weight: int = 1
    """How many jobs it counts for."""


ROWS = (
    ChaosRow("none", ()),
    ChaosRow("TCP reset, back at once", ("listen:reset*2",), recovery_p95_ms=1000, short=True),
    ChaosRow("outage of the stream, 3 s", ("listen:outage(3)",), short=True),
    ChaosRow("outage of the stream, 8 s", ("listen:outage(8)",)),
    ChaosRow("outage of the stream, 30 s", ("listen:outage(30)",), seconds=44),
    *(
        ChaosRow(f"handshake {status}, 6 s", (f"listen:refuse({status},6)",), short=status == 401)
        for status in (401, 402, 403, 429, 500)
    ),
    ChaosRow("handshake times out, 6 s", ("listen:hang(6)",)),
    ChaosRow("zombie sockets", ("listen:zombie",), short=True),
    ChaosRow("mute sockets", ("listen:mute",)),
    ChaosRow("interims only, 20 s", ("listen:guess(20)",), seconds=34),
    ChaosRow("closed with 1011 net0000", ("listen:close(1011,net0000)*2",)),
    ChaosRow("closed with 1008", ("listen:close(1008,data)",)),
    ChaosRow(
        "stream and prerecorded down, 10 s",
        ("listen+prerecorded:outage(10)",),
        seconds=24,
    ),
    ChaosRow(
        "50 legs fall back, prerecorded limited to 5 at once",
        ("listen:outage(8)@8", "prerecorded:limit(5)"),
        calls=25,
        handshakes=150,
        weight=4,
    ),
    ChaosRow("DeepL 429, 6 s", ("translate:refuse(429,6)",), short=True),
    ChaosRow("DeepL 456, 6 s", ("translate:refuse(456,6)",)),
    ChaosRow("DeepL 503, 6 s", ("translate:refuse(503,6)",)),
    ChaosRow("DeepL hangs, 6 s", ("translate:hang(6)",)),
    ChaosRow(
        "Deepgram and DeepL down for good, their other accounts too: a second vendor",
        ("listen+prerecorded+translate+speak:vendor_down",),
        short=True,
    ),
    ChaosRow(
        "Deepgram and DeepL down, 8 s, a second vendor",
        ("listen+prerecorded+translate+speak:vendor_down(8)",),
    ),
    ChaosRow("synthesis truncated", ("speak:truncate(3)",), short=True),
    ChaosRow("synthesis 500, 6 s", ("speak:refuse(500,6)",)),
    ChaosRow("synthesis hangs, 6 s", ("speak:hang(6)",)),
    ChaosRow("mode flipped 20 times", ("mode:flip(20)",), short=True),
    ChaosRow("garbage, unknown and stale messages", ("listen:garbage(20)*5",), short=True),
    ChaosRow(
        "word times move by 60 ms; resets, mode flipped 8 times",
        ("listen+prerecorded:jitter(60)", "listen:reset*2", "mode:flip(8)"),
    ),
    ChaosRow("finals said again, shifted or longer", ("listen:restate(3)", "listen:jitter(60)")),
    ChaosRow("clock starts again, and a reset", ("listen:skew*2", "listen:reset")),
    ChaosRow("finals left out", ("listen:hole(4)", "listen+prerecorded:jitter(60)")),
    ChaosRow("finals emptied", ("listen:empty(4)", "listen+prerecorded:jitter(60)")),
    ChaosRow("finals beyond the audio sent, and a reset", ("listen:beyond(6)", "listen:reset")),
    ChaosRow(
        "50 legs: streams accepted and reset at once, 8 s",
        ("listen:flap(8)@8",),
        calls=25,
        handshakes=150,
        weight=4,
    ),
    ChaosRow(
        "reset and outage under 20,000 datagrams/s",
        ("media:flood(20000)", "listen:reset", "listen:outage(3)"),
        calls=5,
        weight=4,
    ),
)


def main() -> int:
    """Run the rows, print the table, judge."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--short", action="store_true", help="one seed, few rows, short talks")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--only", action="append", default=[], help="rows whose name holds this")
    parser.add_argument("--write", type=Path, help="file whose table is replaced")
    parser.add_argument("--mark", default="chaos", help="its marks: <!-- MARK:begin -->, …:end")
    parser.add_argument(
        "--keep", type=Path, help="folder for reports, and logs where words are missing"
    )
    parser.add_argument("--resume", action="store_true", help="use the reports that --keep has")
    parser.add_argument("--program", help="module to run instead of `translink serve`")
    parser.add_argument("--expect-losses", action="store_true", help="fail if nothing was lost")
    arguments = parser.parse_args()
    rows = [row for row in ROWS if not arguments.short or row.short]
    rows = [row for row in rows if not arguments.only or any(o in row.name for o in arguments.only)]
    begun = time.time()
    with tempfile.TemporaryDirectory(prefix="translink-chaos-") as folder:
        arguments.keep = arguments.keep or Path(folder)
        arguments.keep.mkdir(parents=True, exist_ok=True)
        reports = asyncio.run(run_rows(rows, arguments))
    table = markdown(rows, reports)
    took = time.time() - begun
    repeated = sum(r.get("attempts", 1) - 1 for of_row in reports.values() for r in of_row)
    table += f"\n\n{about(arguments, took, repeated)}"
    print(table)
    if arguments.write:
        write_between(arguments.write, arguments.mark, table)
    timed = not arguments.short
    failures = [why for row in rows for why in failures_of(row, reports[row.name], timed=timed)]
    for why in failures:
        print(f"FAILED {why}", file=sys.stderr)
    if arguments.expect_losses:
        lost = sum(report["words_lost"] for row in rows for report in reports[row.name])
        return 0 if lost else 1
    return 1 if failures else 0


async def run_rows(
    rows: Sequence[ChaosRow], arguments: argparse.Namespace
) -> dict[str, list[dict]]:
    """Reports by row; as many runs at once as there are jobs. The heaviest rows begin."""
    room = Slots(arguments.jobs)
    seeds = 1 if arguments.short else arguments.seeds
    tasks = {
        (row.name, seed): asyncio.create_task(
            run_one(row, arguments.first_seed + seed, room, arguments)
        )
        for row in sorted(rows, key=lambda row: -row.weight * row.seconds)
        for seed in range(seeds)
    }
    await asyncio.gather(*tasks.values())
    return {row.name: [tasks[row.name, seed].result() for seed in range(seeds)] for row in rows}


class Slots:
    """How much may run at once."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._left = jobs
        self._changed = asyncio.Condition()

    async def take(self, weight: int) -> int:
        """Wait for `weight` jobs' worth of room (or all there is)."""
        weight = min(weight, self._jobs)
        async with self._changed:
            await self._changed.wait_for(lambda: self._left >= weight)
            self._left -= weight
        return weight

    async def give(self, weight: int) -> None:
        """Give it back."""
        async with self._changed:
            self._left += weight
            self._changed.notify_all()


async def run_one(row: ChaosRow, seed: int, room: Slots, arguments: argparse.Namespace) -> dict:
    """One simulation in a process of its own."""
    seconds = min(row.seconds, 8.0) if arguments.short else row.seconds
    command = [sys.executable, "-m", "translink", "sim", "--seed", str(seed)]
    command += ["--calls", str(row.calls), "--seconds", str(seconds)]
    command += [part for fault in row.faults for part in ("--fault", fault)]
    environment = dict(os.environ)
    if arguments.program:
        environment["TRANSLINK_SIM_PROGRAM"] = arguments.program
    name = "".join(c if c.isalnum() else "-" for c in row.name)
    path = arguments.keep / f"{name}-{seed}.json"
    if arguments.resume and path.exists():
        report = json.loads(path.read_text())
        if report["perfect"] or not late(report):
            return report
    weight = await room.take(row.weight)
    try:
        for attempt in range(ATTEMPTS):
            text, reported = await run(command, environment, path)
            report = json.loads(text) if text else {}
            if report and (report["perfect"] or not late(report)):
                break
            why = f"callers late by {late(report):.0f} ms" if report else f"did not run: {reported}"
            print(f"{row.name}, seed {seed}, attempt {attempt + 1}: {why}", file=sys.stderr)
    finally:
        await room.give(weight)
    if not report:
        raise SystemExit(f"{row.name}, seed {seed}: {reported}")
    report["attempts"] = attempt + 1
    path.write_text(json.dumps(report))
    wrong = {kind: report[f"words_{kind}"] for kind in WRONG if report[f"words_{kind}"]}
    verdict = "ok" if report["perfect"] else f"NOT PERFECT {wrong}"
    print(f"{row.name}, seed {seed}: {verdict}", file=sys.stderr)
    return report


def late(report: dict) -> float:
    """By how many ms the callers themselves stopped sending, if that is more than a call allows.

    A talker who pauses for 200 ms in mid-word (this simulation, on an overloaded machine) is given
    silence by translink: such a run says nothing about faults, and is repeated unless perfect.
    """
    lateness: float = report["callers"]["worst_lateness_ms"]
    return lateness if lateness > CALLERS_LATE_MS else 0.0


async def run(command: list[str], environment: dict[str, str], path: Path) -> tuple[str, str]:
    """The report (empty when there is none) and the end of what it complained about."""
    process = await asyncio.create_subprocess_exec(
        *command, "--report", str(path), env=environment,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, reported = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    text = path.read_text() if path.exists() else ""  # noqa: ASYNC240 - a small local file
    return text, reported.decode()[-3000:]


def failures_of(row: ChaosRow, reports: Sequence[dict], *, timed: bool = True) -> list[str]:
    """What is wrong with a row, run by run. `timed`: also how long it took, which only a quiet machine
    can say; the short form has eight runs at once."""
    found = []
    for report in reports:
        seed = report["scene"]["seed"]
        wrong = {kind: report[f"words_{kind}"] for kind in WRONG if report[f"words_{kind}"]}
        if wrong or not report["words_heard"]:
            found.append(f"{row.name}, seed {seed}: {wrong or 'nothing heard'}")
        dialled = report["handshakes_after_fault"]
        if row.handshakes is not None and dialled > row.handshakes:
            found.append(f"{row.name}, seed {seed}: {dialled} handshakes to recover")
    p95 = recovered(reports).get("p95", 0.0)
    if timed and row.recovery_p95_ms is not None and p95 > row.recovery_p95_ms:
        found.append(f"{row.name}: recovery p95 {p95:.0f} ms")
    return found


def markdown(rows: Sequence[ChaosRow], reports: dict[str, list[dict]]) -> str:
    """The table."""
    head = (
        "| fault | runs × calls | words said | lost | doubled | out of order | as text only "
        "| recovery p50 / p95 ms | latest word ms | sockets | handshakes (after the fault) |"
    )
    lines = [head, "|" + "---|" * (head.count("|") - 1)]
    for row in rows:
        of_row = reports[row.name]

        def total(key: str, of_row: list[dict] = of_row) -> int:
            return sum(report[key] for report in of_row)

        def most(key: str, of_row: list[dict] = of_row) -> int:
            return max(report[key] for report in of_row)

        recovery = recovered(of_row)
        quantiles = (f"{recovery[name]:.0f}" if recovery else "–" for name in ("p50", "p95"))
        latest = max(report["mouth_to_ear_ms"]["max"] or 0 for report in of_row)
        cells = [
            row.name,
            f"{len(of_row)} × {row.calls}",
            total("words_said"),
            total("words_lost"),
            total("words_doubled"),
            total("words_out_of_order"),
            total("words_untranslated") + total("words_unspoken"),
            " / ".join(quantiles),
            f"{latest:.0f}",
            most("sockets_opened"),
            f"{most('handshakes')} ({most('handshakes_after_fault')})",
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def about(arguments: argparse.Namespace, took: float, repeated: int) -> str:
    """Where and when, and what the columns mean."""
    seeds = 1 if arguments.short else arguments.seeds
    rest = " for what was left" if arguments.resume else ""
    return (
        f"{head(provenance())}; {seeds} seeds from {arguments.first_seed}, {arguments.jobs} runs "
        f"at once, {took:.0f} s{rest}. Sockets and handshakes: the most in one run. Recovery: from "
        "the fault to the next answered stream, or prerecorded answer, for that caller. Latest word: "
        "the largest mouth-to-ear delay of all. Runs repeated because the simulated callers themselves "
        f"were more than {CALLERS_LATE_MS:.0f} ms late on a busy machine: {repeated}."
    )


def recovered(reports: Iterable[dict]) -> dict[str, float]:
    """Quantiles of the milliseconds until callers were answered again; empty when nothing broke."""
    reported = (each["ms"] for report in reports for each in report["recoveries"])
    return named((ms for ms in reported if ms is not None), digits=0)


if __name__ == "__main__":
    sys.exit(main())
