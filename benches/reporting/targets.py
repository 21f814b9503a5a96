"""The targets that were set before anything was measured, and what was measured.

One function writes them as a table; `docs/performance.md` keeps it between two marks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches.kit.provenance import head
from benches.reporting.results import rows_of, value


@dataclass(frozen=True, slots=True)
class Goal:
    """What was asked for: the figure of a case is at most (or, negative sign, at least) so much."""

    text: str
    row: str
    case: str
    figure: str
    limit: float
    unit: str = ""
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class GoalVerdict:
    """A target and what was measured; None = not measured."""

    target: Goal
    measured: float | None
    all_tried: bool = False
    """More was not tried: nobody knows whether the target would be met."""

    @property
    def met(self) -> bool | None:
        """None = nobody knows."""
        if self.measured is None:
            return None
        limit = self.target.limit
        met = self.measured >= limit if self.target.at_least else self.measured <= limit
        return met or (None if self.all_tried else False)

    @property
    def word(self) -> str:
        """What is to be said."""
        if self.measured is not None and self.met is None:
            return "no more was tried"
        return {True: "met", False: "missed", None: "not measured"}[self.met]


TARGETS = (
    Goal("ingest at 400 legs × 100/s: CPU per datagram ÷ recvmmsg floor",
           "ingest", "400 legs", "translink ÷ floor", 1.15, "×"),
    Goal("ingest on a shared port, 400 legs × 100/s: CPU per datagram ÷ recvmmsg floor of a socket a leg",
           "ingest", "400 legs", "shared port ÷ floor", 0.6, "×"),
    Goal("ingest at 100 legs: uvloop's bare DatagramProtocol ÷ translink",
           "ingest", "100 legs", "uvloop DatagramProtocol ÷ translink", 1, "×", at_least=True),
    Goal("interpreter's lock per datagram (the loop's thread for one more)",
           "ingest", "interpreter's lock, 400 legs × 50 frames/s",
           "loop's thread for one more datagram", 0.1, "µs"),
    Goal("interpreter's lock per 20 ms frame (the loop's whole CPU)",
           "ingest", "interpreter's lock, 400 legs × 50 frames/s", "GIL at most, per frame", 5, "µs"),
    Goal("ingest losses at 40,000 datagrams/s", "ingest", "400 legs", "translink lost", 0),
    Goal("ingest losses at 100,000 datagrams/s", "ingest", "1000 legs", "translink lost", 0),
    Goal("hand-off p99, loop idle", "hand-off", "loop idle", "ready → callback p99", 0.2, "ms"),
    Goal("hand-off p99, loop busy 3 ms of every 5 (its own stall + 0.5 ms)",
           "hand-off", "loop busy 3 ms of every 5", "ready → callback p99", 3.5, "ms"),
    Goal("frames lost while the lock is held for 50 ms",
           "hand-off", "lock held 50 ms of every 60", "translink lost", 0),
    Goal("wire p99 at 50 calls", "wire", "50 calls", "translink p99", 2, "ms"),
    Goal("wire p99 at 50 calls, TLS", "wire", "50 calls over TLS", "translink p99", 2, "ms"),
    Goal("playout p99 at 100 ears", "playout", "100 ears", "translink p99", 0.5, "ms"),
    Goal("playout p99.9 at 100 ears", "playout", "100 ears", "translink p99.9", 2, "ms"),
    Goal("playout drift", "playout", "100 ears for", "drift", 1, "ppm"),
    Goal("interpreter's own time p50", "interpreter", "", "own time p50", 2, "ms"),
    Goal("interpreter's own time p99", "interpreter", "", "own time p99", 10, "ms"),
    Goal("CPU per two-way call, the best step carried",
           "capacity", "*", "CPU per call", 0.5, "% of a core"),
    Goal("calls per core, extrapolated from that CPU",
           "capacity", "*", "calls per core, extrapolated", 200, "calls", at_least=True),
    Goal("calls carried with every condition kept",
           "capacity", "*", "carried", 200, "calls", at_least=True),
    Goal("own time p99 at 100 calls", "capacity", "100 calls", "own time p99", 20, "ms"),
    Goal("CPU per two-way call, TLS, the best step carried",
           "production", "*", "both talk, TLS: CPU per call", 0.6, "% of a core"),
    Goal("CPU per conversation, TLS, the best step carried",
           "production", "*", "conversation, TLS: CPU per call", 0.35, "% of a core"),
    Goal("CPU per two-way call in messages of 100 ms, TLS, the best step carried",
           "production", "*", "100 ms messages, TLS: CPU per call", 0.3, "% of a core"),
    Goal("calls that two workers carry ÷ one, each with a third of a core",
           "workers", "2 workers", "carried ÷ one worker's", 1.7, "×", at_least=True),
    Goal("memory per call beyond the ledgers, the largest step",
           "capacity", "-1", "memory per call beyond the ledgers", 1, "MB"),
    Goal("`translink serve` to ready",
           "start", "translink serve to ready", "translink serve to ready", 0.5, "s"),
    Goal("`import translink`", "start", "import translink", "import translink", 0.1, "s"),
    Goal("the dashboard's page, 100 calls",
           "dashboard", "100 made-up calls", "frames", 30, "frames/s", at_least=True),
    Goal("an event until it is shown there, p95",
           "dashboard", "100 made-up calls", "event → shown p95", 100, "ms"),
    Goal("the server's CPU for that page",
           "dashboard", "100 made-up calls", "more for the page", 5, "% of a core"),
)  # fmt: skip
"""A case is named by its beginning; `*` is the best of all cases, `-1` the last.
`*` and `-1` are of steps that kept `CONDITIONS`."""
CONDITIONS = ("words lost", "words doubled or misplaced", "playout p99", "own time p99")


def verdicts(results: dict[str, Any]) -> list[GoalVerdict]:
    """Every target beside what was measured."""
    rows = rows_of(results)
    return [_verdict(target, rows.get(target.row, [])) for target in TARGETS]


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    lines = ["| figure | target | measured | |", "|---|---|---|---|"]
    for verdict in verdicts(results):
        target = verdict.target
        sign = "≥" if target.at_least else "≤" if target.limit else ""
        word = f"**{verdict.word}**" if verdict.met is False else verdict.word
        measured = "–" if verdict.measured is None else f"{short(verdict.measured)} {target.unit}"
        limit = f"{sign} {target.limit:g} {target.unit}".strip()
        lines.append(f"| {target.text} | {limit} | {measured.strip()} | {word} |")
    return "\n".join(lines)


def heads(results: dict[str, Any]) -> str:
    """Where the figures come from, a line for each run; a run of some rows leaves the others' line."""
    runs: dict[str, dict[str, None]] = {}
    for row, cases in rows_of(results).items():
        for case in cases:
            runs.setdefault(head(case["when"]), {})[row] = None
    return "\n\n".join(f"{reported} ({', '.join(rows)})" for reported, rows in runs.items())


def notes(results: dict[str, Any]) -> list[str]:
    """What the rows have to say beside their figures, once where cases of a row say the same."""
    said = [
        f"{row}: {note}." for row, cases in rows_of(results).items() for case in cases
        for note in case["notes"]
    ]  # fmt: skip
    return list(dict.fromkeys(said))


def write_between(path: Path, mark: str, text: str) -> None:
    """Put `text` between `<!-- mark:begin -->` and `<!-- mark:end -->`. Raises `ValueError` when
    the file has no such marks.
    """
    begin, end = f"<!-- {mark}:begin -->", f"<!-- {mark}:end -->"
    before, found, rest = path.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path.name} has no {begin} … {end}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def short(number: float) -> str:
    """Three digits, without an exponent."""
    if number == 0:
        return "0"
    size = abs(number)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{number:,.{digits}f}"


def _verdict(target: Goal, cases: list[dict[str, Any]]) -> GoalVerdict:
    measured = _measured(target, cases)
    most = max((case["x"] or 0 for case in cases), default=0)
    return GoalVerdict(target, measured, target.figure == "carried" and measured == most)


def _measured(target: Goal, cases: list[dict[str, Any]]) -> float | None:
    if target.case in ("*", "-1"):
        kept = [case for case in cases if target.figure == "carried" or _carried(case, target)]
        reported = [found for case in kept if (found := value(case, target.figure)) is not None]
        if not reported:
            return None
        if target.case == "-1":
            return reported[-1]
        return max(reported) if target.at_least else min(reported)
    for case in cases:
        named = case["case"] == target.case
        if named or (case["case"].startswith(target.case) and not _exact(target, cases)):
            return value(case, target.figure)
    return None


def _carried(case: dict[str, Any], target: Goal) -> bool:
    """Whether this step kept its conditions. Where calls are refused the others are cheap: what a call costs is
    said by a step that was carried."""
    scene = "".join(target.figure.rpartition(": ")[:2])
    figures = ((name, case["figures"].get(f"{scene}{name}")) for name in CONDITIONS)
    return value(case, "carried") != 0 and all(
        figure is None or (value(case, f"{scene}{name}") or 0) <= figure["at_most"]
        for name, figure in figures
    )


def _exact(target: Goal, cases: list[dict[str, Any]]) -> bool:
    return any(case["case"] == target.case for case in cases)
