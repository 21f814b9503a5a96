"""Sums over all legs and calls since the start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from translink.calls.measures import MOMENTARY, LegMeasures, add_up
from translink.recognition.rules import ListenStats


class Totals:
    """Of the legs' measures, which are added one by one, so that it can be done in slices."""

    def __init__(self) -> None:
        self._media: dict[str, int] = {}
        self._stt = ListenStats()

    def add(self, measures: LegMeasures) -> None:
        """Those of one more leg."""
        add_counters(self._media, measures.media)
        add_up(self._stt, measures.recognition)

    def summary(self) -> dict[str, object]:
        """Media counters, and `stt`."""
        return {**self._media, "stt": asdict(self._stt)}


def add_counters(total: dict[str, int], counters: Mapping[str, int]) -> None:
    """Add media counters up in `total`; what makes no sum is left out."""
    for key, value in counters.items():
        if key == "late_max":
            total[key] = max(total.get(key, 0), value)
        elif key not in MOMENTARY:
            total[key] = total.get(key, 0) + value
