"""What a benchmark hands to the report: figures, distributions, words; by way of pytest-benchmark.

A *row* is a line of the table of benchmarks (`ingest`, `hand-off`, …); a *case* is one setting of
it (`400 legs`). A **figure** is a number with its unit, one value for each repeat: the median is
what is shown, the spread between the repeats is the noise that a comparison with another run must
exceed. `own` says that it is translink's and not a rival's, so that only ours are judged.

pytest-benchmark times each repeat as a whole; what is worth knowing lies in `extra_info`, where
`Row` puts it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, Literal, TypeVar

Better = Literal["less", "more", "same"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured: `smoke` shows that it works, `quick` fits a coffee, `full` is for the
    record.
    """

    name: str

    def pick(self, smoke: T, quick: T, full: T) -> T:
        """One of three."""
        return {"smoke": smoke, "quick": quick, "full": full}[self.name]


@dataclass(slots=True)
class Figure:
    """A number that was measured."""

    unit: str
    values: list[float]
    """One a repeat, in their order."""
    better: Better = "less"
    own: bool = True
    at_most: float | None = None
    """The target, where there is one."""
    noise: float = 0.0
    """Share of the value that says nothing even if all repeats agree."""


@dataclass(slots=True)
class Row:
    """Collects what one case of a row found."""

    row: str
    case: str
    x: float | None = None
    """Where this case stands on the row's axis (legs, calls, ears)."""
    axis: str = ""
    figures: dict[str, Figure] = field(default_factory=dict)
    curves: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, unit: str, value: float, **about: Any) -> None:
        """One repeat's value of a figure; `about` as in `Figure`, given with the first."""
        figure = self.figures.setdefault(name, Figure(unit, [], **about))
        figure.values.append(round(value, 6))

    def quantiles(
        self, name: str, unit: str, values: Mapping[str, float], *keys: str, **about: Any
    ) -> None:
        """Some quantiles (`p50`, `p99`, …) as figures of their own."""
        limits = about.pop("at_most", {})
        for key in keys or tuple(values):
            if key in values:
                self.add(f"{name} {key}", unit, values[key], at_most=limits.get(key), **about)

    def curve(self, name: str, unit: str, points: list[list[float]], own: bool = True) -> None:
        """A distribution: [share, value] pairs. The newest repeat's is kept."""
        if points:
            self.curves[name] = {"unit": unit, "points": points, "own": own}

    def line(self, name: str, unit: str, points: list[list[float]], x_unit: str) -> None:
        """Something over time: [x, value] pairs."""
        self.lines[name] = {"unit": unit, "points": points, "x_unit": x_unit}

    def note(self, text: str) -> None:
        """A sentence for below the table, once."""
        if text not in self.notes:
            self.notes.append(text)

    def middle(self, name: str) -> float:
        """The median of a figure's repeats."""
        return median(self.figures[name].values)

    def as_dict(self) -> dict[str, Any]:
        """For `extra_info`."""
        return asdict(self) | {"load": [round(each, 2) for each in os.getloadavg()]}


class Bench:
    """The fixture: runs a measurement some times under pytest-benchmark and keeps its row."""

    def __init__(self, benchmark: Any, scale: Scale, when: dict[str, Any]) -> None:
        """`when`: the provenance that stands beside each case."""
        self.scale = scale
        self._when = when
        self._benchmark = benchmark

    def measure(self, row: Row, act: Callable[[], None], *, repeats: int) -> Row:
        """Run `act`, which adds to `row`, `repeats` times."""
        self._benchmark.group = row.row
        self._benchmark.name = f"{row.row}: {row.case}"
        done = 0

        def once() -> None:
            nonlocal done
            done += 1
            say(f"{row.row}: {row.case}, {done} of {repeats}")
            act()

        self._benchmark.pedantic(once, rounds=repeats, iterations=1)
        self.keep(row)
        return row

    def keep(self, row: Row) -> None:
        """Hand the row on as it is now."""
        self._benchmark.extra_info |= row.as_dict() | {"when": self._when}


def counted(number: int, thing: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{number} {thing}" + "s" * (number != 1)


def say(text: str) -> None:
    """Progress, on the screen as it happens."""
    print(f"  {text}", file=sys.stderr, flush=True)
