"""`/metrics`: the statistics in Prometheus' text format, made when asked, from one snapshot.

Nothing is counted twice: each figure is read out of the same dictionary that `/api/stats` returns.
`legs.<name>.datagrams_in` becomes `translink_leg_datagrams_in_total{leg="…"}`,
`legs.<name>.stt.errors` becomes `translink_leg_stt_errors_total{leg="…"}`; `totals` are left out,
since Prometheus can add.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from translink import __version__

GAUGES = frozenset(
    {
        "connections_active",
        "playout_queued",
        "rcvbuf",
        "last_datagram",
        "jitter_ns",
        "late_max",
        "dead",
    }
)
"""Figures that fall as well as rise; all others are counters."""


def exposition(stats: Mapping[str, Any]) -> tuple[bytes, str]:
    """The body and its content type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StatsCollector(stats))
    encode, content_type = choose_encoder("")
    return encode(registry), content_type


class StatsCollector(Collector):
    """One snapshot as metrics."""

    def __init__(self, stats: Mapping[str, Any]) -> None:
        self._stats = stats

    def collect(self) -> Iterable[Metric]:
        """What the registry calls."""
        yield InfoMetricFamily("translink", "The running version", {"version": __version__})
        families: dict[str, Metric] = {}
        for leg, figures in _table(self._stats.get("legs")).items():
            for path, value in _numbers(_table(figures)):
                _family(families, path).add_metric([str(leg)], value)  # type: ignore[attr-defined]
        yield from families.values()
        yield from self._stages()
        yield from self._pressure()

    def _pressure(self) -> Iterator[Metric]:
        pressure = _table(self._stats.get("pressure"))
        for name, unit, means in (
            ("busy", "ratio", "Share of its time that the loop ran or waited for a processor"),
            ("lag_ms", "milliseconds", "How late the loop last was"),
            ("frames_per_message", "", "20 ms frames in one message to the recogniser"),
        ):
            if isinstance(value := pressure.get(name), (int, float)):
                stem = "translink_pressure_" + name.removesuffix("_ms")
                yield GaugeMetricFamily(f"{stem}_{unit}".rstrip("_"), means, value)
        given_up = CounterMetricFamily(
            "translink_given_up", "Left out because the machine had no time", labels=["what"]
        )
        for what, count in _table(pressure.get("given_up")).items():
            given_up.add_metric([str(what)], count)
        if given_up.samples:
            yield given_up

    def _stages(self) -> Iterator[Metric]:
        delay = GaugeMetricFamily(
            "translink_stage_milliseconds",
            "Delay of a stage over its recent history",
            labels=["stage", "quantile"],
        )
        for stage, figures in _table(self._stats.get("stages_ms")).items():
            for name, value in _numbers(_table(figures)):
                if match := re.fullmatch(r"p(\d+)", "_".join(name)):
                    delay.add_metric([str(stage), f"0.{match[1]}"], value)
        if delay.samples:
            yield delay


def _family(families: dict[str, Metric], path: tuple[str, ...]) -> Metric:
    name = "translink_leg_" + re.sub(r"\W", "_", "_".join(path))
    if name not in families:
        make = GaugeMetricFamily if path[-1] in GAUGES else CounterMetricFamily
        families[name] = make(name, " ".join(path).replace("_", " "), labels=["leg"])
    return families[name]


Leaf = tuple[tuple[str, ...], float]


def _numbers(table: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[Leaf]:
    for key, value in table.items():
        path = (*above, str(key))
        if isinstance(value, Mapping):
            yield from _numbers(value, path)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield path, float(value)


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
