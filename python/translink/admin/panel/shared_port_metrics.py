"""`/metrics`, of the port that legs share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

_COUNTED = (
    ("datagrams", "Datagrams that came to the shared port, strangers' included"),
    ("batches", "System calls that brought them"),
    ("strangers", "Datagrams of senders that no leg names: dropped"),
    ("drops_kernel", "Datagrams that did not fit the shared port's buffer"),
    ("learned", "Times that a leg which waited for its sender has found it"),
    ("errors_receive", "Failed receives, and strangers' empty datagrams"),
)

_NOW = (
    ("sources", "Senders that its legs name, or have found"),
    ("waiting", "Legs that wait for their sender"),
)


def shared_port(port: Mapping[str, Any]) -> Iterator[Metric]:
    """Its families, from `SharedPort.stats`; none where there is no such port."""
    if not port:
        return
    for name, meaning in _COUNTED:
        family = CounterMetricFamily(f"translink_shared_port_{name}", meaning)
        family.add_metric([], port[name])
        yield family
    for name, meaning in _NOW:
        now = GaugeMetricFamily(f"translink_shared_port_{name}", meaning)
        now.add_metric([], port[name])
        yield now
