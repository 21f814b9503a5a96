"""Results of a run as the report reads them, and how two runs are merged and compared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROWS = (
    "ingest", "hand-off", "wire", "playout", "interpreter", "mouth-to-ear", "capacity", "production",
    "soak", "handshake", "overload", "stray flood", "dashboard", "memory", "start", "core", "replay",
)  # fmt: skip
"""The order of the report."""
SINGLE = 3.0
"""What was measured once may be off by so many times its figure's own noise …"""
UNKNOWN = 0.3
"""… or by this share, where nothing is known of that."""


@dataclass(frozen=True, slots=True)
class Change:
    """A figure of translink's in two runs."""

    row: str
    case: str
    name: str
    unit: str
    before: float
    after: float
    noise: float
    """What both runs' repeats may differ by, in the figure's unit."""
    worse: bool

    @property
    def share(self) -> float:
        """Of the value before; 0 when that was 0."""
        return self.after / self.before - 1 if self.before else 0.0


def read(path: Path) -> dict[str, Any] | None:
    """Results of pytest-benchmark; None when there are none."""
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def merged(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """`new`, with what only `old` has: a run of some rows leaves the others as they were."""
    if old is None:
        return new
    names = {benchmark["name"] for benchmark in new["benchmarks"]}
    kept = [benchmark for benchmark in old["benchmarks"] if benchmark["name"] not in names]
    together = sorted([*new["benchmarks"], *kept], key=_place)
    return new | {"benchmarks": together}


def rows_of(results: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The cases of each row, in the report's order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for benchmark in sorted(results["benchmarks"], key=_place):
        case = benchmark["extra_info"]
        if "row" in case:
            found.setdefault(case["row"], []).append(case)
    return found


def value(case: dict[str, Any], name: str) -> float | None:
    """The median of a figure's repeats."""
    figure = case["figures"].get(name)
    return median(figure["values"]) if figure and figure["values"] else None


def comparable(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Why two cases cannot be compared; empty when they can."""
    before, after = old["when"], new["when"]
    if (before["cpu"], before["cores"]) != (after["cpu"], after["cores"]):
        return f"measured on {before['cores']} × {before['cpu']}"
    if before["scale"] != after["scale"]:
        return f"measured in the {before['scale']} form"
    return ""


def changes(old: dict[str, Any] | None, new: dict[str, Any]) -> list[Change]:
    """Every figure of ours that moved beyond noise, the worst first.

    Noise is half the spread of the repeats of each run, both together, and the figure's own noise
    (what its repeats may agree on by chance, `Figure.noise`) on top.
    """
    found = []
    before = {
        (c["row"], c["case"]): c for cases in rows_of(old or _NOTHING).values() for c in cases
    }
    for cases in rows_of(new).values():
        for case in cases:
            earlier = before.get((case["row"], case["case"]))
            if earlier is None or earlier["when"] == case["when"] or comparable(earlier, case):
                continue
            found += _moved(earlier, case)
    return sorted(found, key=lambda change: (not change.worse, -abs(change.share)))


def _moved(earlier: dict[str, Any], case: dict[str, Any]) -> list[Change]:
    found = []
    for name, figure in case["figures"].items():
        past = earlier["figures"].get(name)
        if past is None or not figure["own"] or figure["better"] == "same":
            continue
        was, now = median(past["values"]), median(figure["values"])
        noise = _spread(past) + _spread(figure)
        if abs(now - was) <= noise or was == now:
            continue
        worse = (now > was) == (figure["better"] == "less")
        found.append(
            Change(case["row"], case["case"], name, figure["unit"], was, now, noise, worse)
        )
    return found


def _spread(figure: dict[str, Any]) -> float:
    values: list[float] = figure["values"]
    own: float = figure["noise"]
    middle = abs(median(values))
    if len(values) > 1:
        return (max(values) - min(values)) / 2 + own * middle / 2
    return middle * (SINGLE * own if own else UNKNOWN) / 2


def _place(benchmark: dict[str, Any]) -> tuple[int, float, str]:
    case = benchmark["extra_info"]
    row = case.get("row", "")
    return (
        ROWS.index(row) if row in ROWS else len(ROWS),
        case.get("x") or 0.0,
        case.get("case", ""),
    )


_NOTHING: dict[str, Any] = {"benchmarks": []}
