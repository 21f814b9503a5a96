"""Plots as inline SVG: lines over an axis, and distributions by quantile. Colours are the page's.

Ours is drawn in the accent colour, rivals in greys with dashes of their own; every line has its name
at its end, so that no legend is needed. What does not fit a scale is not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from benches.reporting.targets import short

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 168, 14, 44
NAMED_SHARES = (
    (0.5, "50 %"),
    (0.9, "90 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
    (0.9999, "99.99 %"),
)


@dataclass(frozen=True, slots=True)
class Series:
    """A line: points in ascending x."""

    name: str
    points: Sequence[tuple[float, float]]
    own: bool
    band: Sequence[tuple[float, float, float]] = ()
    """x, least and most of the repeats."""


@dataclass(slots=True)
class Scale:
    """Values to pixels."""

    least: float
    most: float
    first: float
    last: float
    log: bool = False
    ticks: list[tuple[float, str]] = field(default_factory=list)

    def __call__(self, value: float) -> float:
        if self.log:
            value = max(value, self.least)
            part = math.log(value / self.least) / math.log(self.most / self.least)
        else:
            part = (value - self.least) / (self.most - self.least)
        return round(self.first + part * (self.last - self.first), 1)


def lines(
    series: Sequence[Series], *, x: str, y: str, log_x: bool = False, log_y: bool = False,
    limit: float | None = None, limit_name: str = "target", title: str,
) -> str:  # fmt: skip
    """y over x; `limit` is drawn across."""
    shown = [each for each in series if each.points]
    if not shown:
        return ""
    xs = [point[0] for each in shown for point in each.points]
    ys = [point[1] for each in shown for point in each.points]
    ys += [edge for each in shown for _, least, most in each.band for edge in (least, most)]
    ys += [limit] if limit else []
    across = _scale(xs, LEFT, WIDTH - RIGHT, log_x, values=sorted(set(xs)))
    up = _scale(ys, HEIGHT - BOTTOM, TOP, log_y)
    return _plot(shown, across, up, x, y, limit, limit_name, title)


def quantiles(
    series: Sequence[Series], *, unit: str, limit: float | None = None, title: str
) -> str:
    """Distributions: x is the share of all values, dense at the slow end; y is logarithmic."""
    shown = [
        Series(
            each.name,
            [(-math.log10(1 - share), value) for share, value in each.points if 0.2 <= share < 1],
            each.own,
        )
        for each in series
        if each.points
    ]
    shown = [each for each in shown if len(each.points) > 1]
    if not shown:
        return ""
    ys = [max(point[1], 1e-3) for each in shown for point in each.points]
    ys += [limit] if limit else []
    most = max(point[0] for each in shown for point in each.points)
    across = Scale(0.1, most, LEFT, WIDTH - RIGHT)
    across.ticks = [
        (-math.log10(1 - share), name)
        for share, name in NAMED_SHARES
        if -math.log10(1 - share) <= most + 0.01
    ]
    up = _scale(ys, HEIGHT - BOTTOM, TOP, log=True)
    return _plot(shown, across, up, "share of all", unit, limit, "target p99", title)


def _plot(
    series: Sequence[Series], across: Scale, up: Scale, x: str, y: str,
    limit: float | None, limit_name: str, title: str,
) -> str:  # fmt: skip
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>'
    ]
    for value, name in up.ticks:
        at = up(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{at}" y2="{at}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 8}" y="{at + 4}" text-anchor="end">{name}</text>'
        )
    last = -100.0
    for value, name in across.ticks:
        at = across(value)
        if at - last < 8 * len(name) + 6:
            continue
        last = at
        parts.append(f'<line class="mark" x1="{at}" x2="{at}" y1="{bottom}" y2="{bottom + 4}"/>')
        parts.append(
            f'<text class="tick" x="{at}" y="{bottom + 17}" text-anchor="middle">{name}</text>'
        )
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    parts.append(
        f'<text class="unit" x="{right}" y="{HEIGHT - 8}" text-anchor="end">{escape(x)}</text>'
    )
    labels = []
    if limit is not None and up.least <= limit <= up.most:
        at = up(limit)
        parts.append(f'<line class="limit" x1="{LEFT}" x2="{right}" y1="{at}" y2="{at}"/>')
        labels.append((at, f"{limit_name} {short(limit)}", "limit"))
    rivals = 0
    for each in sorted(series, key=lambda one: one.own):
        kind = "own" if each.own else f"rival r{rivals % 4}"
        rivals += not each.own
        if each.band:
            edge = [f"{across(at)},{up(most)}" for at, _, most in each.band]
            edge += [f"{across(at)},{up(least)}" for at, least, _ in reversed(each.band)]
            parts.append(f'<polygon class="band {kind}" points="{" ".join(edge)}"/>')
        path = " ".join(f"{across(at)},{up(value)}" for at, value in each.points)
        if len(each.points) > 1:
            parts.append(f'<polyline class="line {kind}" points="{path}"/>')
        if len(each.points) <= 12:
            parts += [
                f'<circle class="dot {kind}" cx="{across(at)}" cy="{up(value)}" r="3">'
                f"<title>{escape(each.name)}: {short(value)} {escape(y)}</title></circle>"
                for at, value in each.points
            ]
        labels.append((up(each.points[-1][1]), each.name, kind))
    for at, name, kind in _apart(labels):
        parts.append(
            f'<text class="name {kind}" x="{right + 8}" y="{at + 4}">{escape(name)}</text>'
        )
    return "".join([*parts, "</svg>"])


def _apart(labels: list[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    """Labels that do not cover each other: pushed down in order, then the whole stack back up."""
    placed: list[tuple[float, str, str]] = []
    for at, name, kind in sorted(labels):
        lowest = placed[-1][0] + 15 if placed else at
        placed.append((max(at, lowest), name, kind))
    over = max(0.0, placed[-1][0] - (HEIGHT - BOTTOM)) if placed else 0.0
    return [(round(at - over, 1), name, kind) for at, name, kind in placed]


def _scale(
    numbers: Sequence[float], first: float, last: float, log: bool, values: Sequence[float] = ()
) -> Scale:
    positive = [number for number in numbers if number > 0]
    if log and positive:
        least = 10 ** math.floor(math.log10(min(positive)) + 1e-9)
        most = 10 ** math.ceil(math.log10(max(positive)) - 1e-9)
        if values:
            least, most = min(positive), max(positive)
        if least == most:
            least, most = least / 2, most * 2
        ticks = list(values) or _decades(least, most)
        scale = Scale(least, most, first, last, log=True)
    else:
        low, high = min([0.0, *numbers]), max(numbers)
        step = _step((high - low) or 1.0)
        least, most = math.floor(low / step) * step, math.ceil(high / step) * step or step
        if values and len(values) <= 8:
            least, most = 0.0, max(values)
        count = round((most - least) / step)
        ticks = list(values) if values and len(values) <= 8 else [
            least + n * step for n in range(count + 1)
        ]  # fmt: skip
        scale = Scale(least, most or 1.0, first, last)
    scale.ticks = [(tick, _tick(tick)) for tick in ticks]
    return scale


def _decades(least: float, most: float) -> list[float]:
    count = round(math.log10(most / least))
    return [least * 10**n for n in range(count + 1)]


def _step(span: float) -> float:
    """A round step that makes about five of them."""
    rough = span / 5
    power = 10 ** math.floor(math.log10(rough))
    return float(next(m for m in (1, 2, 2.5, 5, 10) if m * power >= rough) * power)


def _tick(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.10g}"
