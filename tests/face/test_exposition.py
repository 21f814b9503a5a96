"""The metrics of several nodes are one valid text: read back by Prometheus' own parser."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from translink.face.exposition import merged

ONE = b"""# HELP calls_active Calls that run
# TYPE calls_active gauge
calls_active 2.0
# HELP delay_seconds From mouth to ear
# TYPE delay_seconds histogram
delay_seconds_bucket{le="1.0",stage="own"} 3.0
delay_seconds_bucket{le="+Inf",stage="own"} 4.0
delay_seconds_count{stage="own"} 4.0
delay_seconds_sum{stage="own"} 2.5
# HELP leg_words_total Words said, with a } and a "
# TYPE leg_words_total counter
leg_words_total{leg="a} b\\"c"} 7.0
"""
TWO = (
    ONE.replace(b"2.0\n", b"5.0\n")
    + b"# HELP only_here_total Once\n# TYPE only_here_total counter\nonly_here_total{} 1.0\n"
)


def test_each_family_stands_once_with_the_samples_of_all() -> None:
    text = b"".join(merged({"w1": ONE, "w2": TWO, "w3": None})).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert text.count("# TYPE calls_active ") == text.count("# HELP calls_active ") == 1
    calls = {sample.labels["node"]: sample.value for sample in families["calls_active"].samples}
    assert calls == {"w1": 2.0, "w2": 5.0}
    delay = families["delay_seconds"]
    assert delay.type == "histogram"
    assert len(delay.samples) == 8
    assert {frozenset(sample.labels) for sample in delay.samples} == {
        frozenset({"node", "le", "stage"}),
        frozenset({"node", "stage"}),
    }
    assert families["leg_words"].samples[0].labels == {"node": "w1", "leg": 'a} b"c'}
    assert [sample.labels for sample in families["only_here"].samples] == [{"node": "w2"}]
    up = {sample.labels["node"]: sample.value for sample in families["translink_node_up"].samples}
    assert up == {"w1": 1.0, "w2": 1.0, "w3": 0.0}


def test_a_large_text_is_made_in_pieces() -> None:
    large = b"# TYPE many gauge\n" + b"".join(b'many{leg="%d"} 1.0\n' % leg for leg in range(5_000))
    assert len(list(merged({"w1": large}))) > 20
