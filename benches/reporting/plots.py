"""The plots of the report, one SVG a row, drawn by matplotlib: figures over the row's axis, distributions,
and what was read over time. Translink's lines are blue; rivals' are grey and dashed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

OVER_AXIS: dict[str, list[list[str]]] = {
    "ingest": [
        ["translink CPU", "translink, shared port CPU", "recvmmsg floor CPU",
         "uvloop DatagramProtocol CPU",
         "asyncio DatagramProtocol CPU", "Node CPU"],
        ["translink ÷ floor"],
    ],
    "wire": [[f"{name} {share}" for name in ("translink", "uvloop + websockets")]
             for share in ("p50", "p99")],
    "playout": [["translink p99", "uvloop pacing p99", "asyncio pacing p99"]],
    "capacity": [
        ["CPU per call"],
        ["CPU of serve", "CPU of the fake providers", "CPU of the callers"],
        ["memory per call beyond the ledgers"],
        ["own time p50", "own time p99"],
    ],
}  # fmt: skip
"""Figures that share a plot, by row."""
COLUMNS = 3
TAIL = {0.5: "50 %", 0.1: "90 %", 0.01: "99 %", 0.001: "99.9 %", 0.0001: "99.99 %"}
"""Share of values above, and its name on the axis of a distribution."""


def plot(cases: list[dict[str, Any]], path: Path) -> bool:
    """Draw what the cases of a row show into `path`. False when there is nothing to draw."""
    panels: list[Callable[[Axes], None]] = []
    if sum(case["x"] is not None for case in cases) > 1:
        panels += [
            partial(_over_axis, cases, names) for names in OVER_AXIS.get(cases[0]["row"], ())
        ]
    for case in cases:
        panels += [partial(_distribution, case)] if case["curves"] else []
        panels += [
            partial(_over_time, *line) for line in case["lines"].items() if line[1]["points"]
        ]
    if not panels:
        return False
    down = -(-len(panels) // COLUMNS)
    with mpl.rc_context(
        {"svg.fonttype": "none", "font.size": 8, "axes.grid": True, "grid.color": "0.9"}
    ):
        figure = Figure(figsize=(5 * COLUMNS, 3.2 * down), layout="constrained")
        for place, draw in enumerate(panels, 1):
            axes = figure.add_subplot(down, COLUMNS, place)
            draw(axes)
            axes.yaxis.set_major_formatter("{x:g}")
            if axes.lines:
                axes.legend()
        figure.savefig(path, metadata={"Date": None})
    return True


def _over_axis(cases: list[dict[str, Any]], names: list[str], axes: Axes) -> None:
    """Medians of figures over legs, calls or ears, with the spread of the repeats."""
    stepped = [case for case in cases if case["x"] is not None]
    limits = set()
    for number, name in enumerate(names):
        found = [case for case in stepped if name in case["figures"]]
        if not found:
            continue
        figures = [case["figures"][name] for case in found]
        x = [case["x"] for case in found]
        look = _look(figures[0]["own"], number)
        axes.plot(x, [median(each["values"]) for each in figures], label=name, marker="o", **look)
        least, most = ([edge(each["values"]) for each in figures] for edge in (min, max))
        axes.fill_between(x, least, most, color=look["color"], alpha=0.15)
        axes.set_ylabel(figures[0]["unit"])
        limits |= {figure["at_most"] for figure in figures}
    for limit in limits - {None}:
        axes.axhline(limit, color="tab:red", linewidth=1, label=f"target {limit:g}")
    if len(names) > 1:
        axes.set_yscale("log")
    axes.set(xscale="log", xlabel=stepped[0]["axis"])
    axes.set_xticks(
        [case["x"] for case in stepped], [f"{case['x']:g}" for case in stepped], minor=False
    )
    axes.minorticks_off()


def _distribution(case: dict[str, Any], axes: Axes) -> None:
    """Value by share of all values, the slow end stretched."""
    for number, (name, curve) in enumerate(case["curves"].items()):
        points = [(1 - share, value) for share, value in curve["points"] if 0.2 <= share < 1]
        if len(points) > 1:
            axes.plot(*zip(*points, strict=True), label=name, **_look(curve["own"], number))
        axes.set_ylabel(curve["unit"])
    axes.set(title=case["case"], xlabel="share of all", xscale="log", yscale="log")
    axes.set_xticks(list(TAIL), list(TAIL.values()))
    axes.minorticks_off()
    axes.invert_xaxis()


def _over_time(name: str, line: dict[str, Any], axes: Axes) -> None:
    axes.plot(*zip(*line["points"], strict=True), label=name)
    axes.set(xlabel=line["x_unit"], ylabel=line["unit"])


def _look(own: bool, number: int) -> dict[str, Any]:
    shade = number % 4
    if own:
        return {"color": ("tab:blue", "navy", "deepskyblue", "slateblue")[shade]}
    return {"color": str(0.3 + 0.15 * shade), "linestyle": "--"}
