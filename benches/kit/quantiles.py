"""Quantiles of what was measured. Plain lists in, plain numbers out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

SHARES = (0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
_CURVE = (
    *(n / 50 for n in range(46)),
    0.925, 0.95, 0.97, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997, 0.998, 0.999, 0.9995, 0.9999, 1.0,
)  # fmt: skip


def quantile(ordered: Sequence[float], share: float) -> float:
    """Nearest rank, of values in ascending order."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def named(values: Iterable[float], scale: float = 1.0, digits: int = 4) -> dict[str, float]:
    """`p50`, `p90`, `p95`, `p99`, `p99.9` and `max`, each multiplied by `scale`."""
    ordered = sorted(values)
    if not ordered:
        return {}
    names = ["max" if share == 1 else f"p{100 * share:g}" for share in SHARES]
    return {
        name: round(quantile(ordered, share) * scale, digits)
        for name, share in zip(names, SHARES, strict=True)
    }


def curve(values: Iterable[float], scale: float = 1.0) -> list[list[float]]:
    """[share, value] pairs, dense where the tail is: enough to draw the distribution."""
    ordered = sorted(values)
    if not ordered:
        return []
    shares = [share for share in _CURVE if share == 1 or (1 - share) * len(ordered) >= 1]
    return [[share, round(quantile(ordered, share) * scale, 5)] for share in shares]
