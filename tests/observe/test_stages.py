"""Times of the stages: quantiles that can be trusted."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.paths import ROOT
from translink.observe.stages import STAGES, Histogram, Stages

times = st.floats(1e-5, 140.0)


@given(st.lists(times, min_size=1), st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]))
def test_any_quantile_is_within_four_per_cent(values: list[float], q: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    true = sorted(values)[max(0, math.ceil(q * len(values)) - 1)]
    assert true * (1 - 1e-9) <= histogram.quantile(q) <= true * 1.04 * (1 + 1e-9)


@given(st.lists(st.floats(-1.0, 1e6), min_size=1))
def test_anything_can_be_counted_and_the_maximum_is_exact(values: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    assert histogram.count == len(values)
    assert histogram.max == max(0.0, *values)
    assert 0.0 <= histogram.quantile(0.5) <= histogram.quantile(1.0) <= histogram.max


def test_less_than_ten_microseconds_and_clocks_that_disagree_count_as_next_to_nothing() -> None:
    histogram = Histogram()
    histogram.observe(-0.001)
    assert histogram.quantile(0.5) == 0.0
    histogram.observe(3e-6)
    assert histogram.quantile(1.0) <= 1e-5


def test_nothing_recorded_means_nothing_to_say() -> None:
    assert Histogram().quantile(0.99) == 0.0
    assert Stages().summary() == {}


def test_a_summary_has_the_stages_that_saw_anything_in_milliseconds() -> None:
    stages = Stages()
    for number in range(100):
        stages.observe("own", 0.001 if number < 90 else 0.1)
    stages.observe("translate", 0.25)
    assert list(stages.summary()) == ["translate", "own"]
    own = stages.summary()["own"]
    assert own["count"] == 100
    assert own["p50"] == pytest.approx(1, rel=0.04)
    assert own["p95"] == own["p99"] == own["max"] == 100.0
    assert stages["translate"].count == 1


def test_a_stage_nobody_defined_is_an_error() -> None:
    with pytest.raises(KeyError):
        Stages().observe("owm", 0.1)


def test_each_stage_is_measured_by_somebody() -> None:
    package = ROOT / "python" / "translink"
    sources = [path for path in package.rglob("*.py") if path.name != "stages.py"]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    assert not [name for name in STAGES if f'"{name}"' not in text]


def test_the_table_names_every_stage() -> None:
    import translink.observe.stages

    assert all(f"| `{name}` |" in str(translink.observe.stages.__doc__) for name in STAGES)
