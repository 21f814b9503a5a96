"""The metrics: named as Prometheus wants it, true to the figures, and all that Grafana asks for."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.admin import Program
from tests.support.paths import ROOT
from translink.admin.panel.metrics import (
    CONTENT_TYPE,
    LABELS_AT_ONCE,
    METRIC_BUCKET_EDGES,
    Measures,
    admin_exposition,
    exposition,
    process_exposition,
)
from translink.observe.stages import Histogram, Stages
from translink.providers.breaker import State

GRAFANA = ROOT / "docs" / "grafana" / "translink.json"
ALERTS = ROOT / "docs" / "grafana" / "alerts.yml"


def families(measures: Measures | None = None) -> dict[str, Any]:
    measures = replace(measures or Program().measures(), process=process_exposition())
    body = b"".join(exposition(measures))
    return {each.name: each for each in text_string_to_metric_families(body.decode())}


def test_many_legs_make_one_family_in_small_pieces() -> None:
    measures = Program().measures()
    one = next(iter(measures.legs))
    legs = [replace(one, leg=str(number)) for number in range(3 * LABELS_AT_ONCE)]
    pieces = list(exposition(replace(measures, legs=iter(legs))))
    # Drops have a line for each reason.
    assert max(piece.count(b"\n") for piece in pieces) <= 2 * LABELS_AT_ONCE
    text = b"".join(pieces).decode()
    assert len(re.findall("^# TYPE translink_leg_datagrams_in_total ", text, re.MULTILINE)) == 1
    (family,) = (
        each
        for each in text_string_to_metric_families(text)
        if each.name == "translink_leg_datagrams_in"
    )
    assert [sample.labels["leg"] for sample in family.samples] == [leg.leg for leg in legs]
    assert CONTENT_TYPE.startswith("text/plain")


def samples(name: str, **labels: str) -> list[float]:
    return [
        sample.value
        for family in families().values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def test_counters_are_those_of_the_leg_since_it_was_opened() -> None:
    assert samples("translink_leg_datagrams_in_total", leg="3333") == [50]
    assert samples("translink_leg_received_bytes_total", leg="3333") == [32_000]
    assert samples("translink_leg_drops_total", leg="3333", kind="ring") == [2]
    assert samples("translink_leg_errors_total", leg="3333", kind="send") == [1]
    assert samples("translink_recognition_connections_total", leg="3333") == [2]
    assert samples("translink_calls_total") == [7]


def test_a_legs_name_is_written_as_the_format_wants_it() -> None:
    measures = Program().measures()
    name = 'a "b" \\ c'
    legs = iter([replace(next(iter(measures.legs)), leg=name)])
    shown = families(replace(measures, legs=legs))
    for family in ("translink_leg_datagrams_in", "translink_leg_drops", "translink_leg_dead"):
        assert {sample.labels["leg"] for sample in shown[family].samples} == {name}


def test_units_are_seconds_and_bytes() -> None:
    assert samples("translink_leg_late_max_seconds", leg="3333") == [pytest.approx(0.003)]
    assert samples("translink_recognition_lost_seconds_total", leg="3333") == [0.25]
    assert samples("translink_leg_playout_queued_bytes", leg="3333") == [640]
    assert samples("translink_pressure_lag_seconds") == [pytest.approx(0.012)]


def test_how_far_an_ear_is_behind_and_what_that_cost_shows() -> None:
    assert samples("translink_leg_behind_seconds", leg="3333") == [2.5]
    assert samples("translink_leg_tempo_ratio", leg="3333") == [1.35]
    assert samples("translink_leg_tempo_saved_seconds_total", leg="3333") == [2.0]
    assert samples("translink_leg_segments_skipped_total", leg="3333") == [2]
    assert samples("translink_leg_segments_skipped_total", leg="created") == [4]
    assert samples("translink_leg_finals_echoed_total", leg="3333") == [1]


def test_legs_that_come_and_go_share_one_label() -> None:
    assert samples("translink_leg_datagrams_in_total", leg="created") == [100]
    assert samples("translink_leg_late_max_seconds", leg="created") == [pytest.approx(0.003)]
    assert {
        sample.labels["leg"]
        for family in families().values()
        for sample in family.samples
        if "leg" in sample.labels
    } == {"3333", "created"}


def test_stages_are_histograms_with_their_owner() -> None:
    wire = {"stage": "ring_to_wire", "owner": "own"}
    buckets = samples("translink_stage_seconds_bucket", **wire)
    assert len(buckets) == len(METRIC_BUCKET_EDGES) + 1
    assert buckets == sorted(buckets)
    assert buckets[-1] == 3
    assert samples("translink_stage_seconds_bucket", le="0.001", **wire) == [1]
    assert samples("translink_stage_seconds_bucket", le="0.01", **wire) == [2]
    assert samples("translink_stage_seconds_count", **wire) == [3]
    assert samples("translink_stage_seconds_sum", **wire) == [pytest.approx(0.0222, rel=0.02)]
    assert samples("translink_stage_seconds_count", stage="translate", owner="provider") == [0]


def test_a_provider_out_of_service_shows() -> None:
    assert samples("translink_provider_state", provider="deepl", state="open") == [1]
    assert samples("translink_provider_state", provider="deepl", state="closed") == [0]
    assert samples("translink_provider_breaks_total", provider="deepl") == [1]


def test_names_follow_the_conventions() -> None:
    for name, family in families().items():
        assert re.fullmatch(r"(translink|process)_[a-z0-9_]+|translink", name), name
        assert family.documentation, name
        assert not re.search(r"_(ms|milliseconds|ns|kb|percent)(_|$)", name), name
        for sample in family.samples:
            if family.type == "counter":
                assert sample.name.endswith(("_total", "_created")), sample.name


def test_a_histogram_tells_its_parts_within_its_precision() -> None:
    histogram = Histogram()
    values = [0.0001 * 1.07**n for n in range(150)]
    for value in values:
        histogram.observe(value)
    for edge, counted in zip(
        METRIC_BUCKET_EDGES, histogram.cumulative(METRIC_BUCKET_EDGES), strict=True
    ):
        low = sum(value <= edge / 1.04 for value in values)
        assert low <= counted <= sum(value <= edge for value in values)
    assert histogram.total() == pytest.approx(sum(values), rel=0.02)
    wanted = (0.0, 0.5, 0.95, 0.99, 1.0)
    assert histogram.quantiles(*wanted) == [histogram.quantile(q) for q in wanted]
    assert Histogram().quantiles(0.5, 0.9) == [0.0, 0.0]
    assert Stages().summary() == {}


# --- The dashboard for Grafana ---


def expressions(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["expr"]] if isinstance(value.get("expr"), str) else []
        return own + [each for inner in value.values() for each in expressions(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in expressions(inner)]
    return []


def test_every_metric_that_grafana_asks_for_is_there() -> None:
    board = json.loads(GRAFANA.read_text(encoding="utf-8"))
    asked = expressions(board)
    assert len(asked) > 20
    there = {sample.name for family in families().values() for sample in family.samples}
    for expression in asked:
        names = re.findall(r"\b(?:translink|process)_\w+", expression)
        assert names, expression
        assert set(names) <= there, set(names) - there


def test_a_tile_shows_one_number_however_many_legs_and_nodes_there_are() -> None:
    board = json.loads(GRAFANA.read_text(encoding="utf-8"))
    tiles = [panel for panel in board["panels"] if panel["type"] == "stat"]
    assert len(tiles) > 5
    for expression in expressions(tiles):
        assert re.match(r"(sum|max|histogram_quantile)\(", expression), expression


def test_an_alert_tells_of_a_node_that_is_gone() -> None:
    assert "expr: translink_node_up == 0\n" in ALERTS.read_text(encoding="utf-8")


def test_grafana_asks_for_labels_that_are_there() -> None:
    labels = {
        sample.name: set(sample.labels)
        for family in families().values()
        for sample in family.samples
    }
    for expression in expressions(json.loads(GRAFANA.read_text(encoding="utf-8"))):
        for name, selector in re.findall(r"\b(translink_\w+)\{([^}]*)\}", expression):
            for label in re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", selector):
                assert label in labels[name] | {"job", "instance"}, expression
            if name == "translink_provider_state":
                states = re.findall(r'state=~?"([^"]*)"', selector)
                assert set("|".join(states).split("|")) <= {each.value for each in State}


def test_every_alert_asks_for_what_is_there() -> None:
    rules = ALERTS.read_text(encoding="utf-8").split("- alert: ")[1:]
    assert len(rules) >= 8
    known = {sample.name for family in families().values() for sample in family.samples}
    known.add("translink_node_up")  # of several nodes (`face.exposition`)
    for rule in rules:
        (asked,) = re.findall(r"^ +expr: (.*)$", rule, re.MULTILINE)
        assert set(re.findall(r"translink_\w+", asked)) <= known, asked
        assert re.search(r"severity: (info|warning|critical)", rule)
        assert "summary:" in rule


def test_an_alert_that_compares_two_figures_does_so_node_by_node() -> None:
    """By the provider alone there are several on either side where there are several nodes, and Prometheus
    evaluates no such rule."""
    (rule,) = re.findall(r"expr: (.*translink_quota.*)", ALERTS.read_text(encoding="utf-8"))
    assert "> ignoring (what) " in rule


def test_quality_is_given_of_legs_in_a_call_alone_the_worst_where_they_share_a_label() -> None:
    assert samples("translink_leg_mos", leg="created") == [3.1]
    assert samples("translink_leg_clipped_ratio", leg="created") == [0.042]
    assert samples("translink_leg_mos", leg="3333") == []


def test_use_cost_and_quota_are_given_by_provider() -> None:
    assert samples("translink_usage_characters_total", provider="deepl") == [90]
    assert samples("translink_cost_total", provider="deepl", currency="EUR") == [0.5]
    assert samples("translink_quota_characters", what="limit") == [500_000]


def test_all_that_the_admin_server_turns_away_is_counted_by_what_it_was() -> None:
    counts = {"failed_tokens": 1, "throttled": 2, "refused": 3, "bad_requests": 4}
    counts |= {"connections_refused": 5, "connections_cut_off": 6}
    text = admin_exposition(counts).decode()
    told = re.findall(r'^translink_admin_refused_total\{what="(\w+)"\} (\d)', text, re.MULTILINE)
    assert {what: int(count) for what, count in told} == counts
