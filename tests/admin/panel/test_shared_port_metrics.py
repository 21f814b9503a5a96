"""What Prometheus reads of the port that legs share."""

from __future__ import annotations

from translink.admin.panel.shared_port_metrics import shared_port


def test_the_shared_port_has_metrics_where_there_is_one() -> None:
    port = {"listen": "0.0.0.0:7000", "stranger": None, "sources": 2, "rcvbuf": 1}
    port |= {"datagrams": 90, "batches": 9, "strangers": 3, "drops_kernel": 1, "errors_receive": 0}
    port |= {"learned": 4, "waiting": 1}
    values = {sample.name: sample.value for each in shared_port(port) for sample in each.samples}
    assert values == {
        "translink_shared_port_datagrams_total": 90,
        "translink_shared_port_batches_total": 9,
        "translink_shared_port_strangers_total": 3,
        "translink_shared_port_drops_kernel_total": 1,
        "translink_shared_port_errors_receive_total": 0,
        "translink_shared_port_learned_total": 4,
        "translink_shared_port_sources": 2,
        "translink_shared_port_waiting": 1,
    }
    assert list(shared_port({})) == []
