"""The language of faults."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink.sim.fault_language import Fault, parse, schedule


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("listen:reset@12.5", Fault(("listen",), "reset", at=12.5)),
        ("listen:outage(8)@random", Fault(("listen",), "outage", (8.0,))),
        ("prerecorded:limit(5)", Fault(("prerecorded",), "limit", (5.0,), at=0.0)),
        ("listen+prerecorded:outage(10)", Fault(("listen", "prerecorded"), "outage", (10.0,))),
        ("translate:refuse(429)*2", Fault(("translate",), "refuse", (429.0, 8.0), times=2)),
        ("listen:close(1012, restart)", Fault(("listen",), "close", (1012.0,), "restart")),
        ("listen:close(net0000)@3", Fault(("listen",), "close", (1011.0,), "net0000", 3.0)),
        ("listen:guess@4", Fault(("listen",), "guess", (75.0,), at=4.0)),
        (
            "listen+prerecorded:jitter(60)",
            Fault(("listen", "prerecorded"), "jitter", (60.0, float("inf")), at=0.0),
        ),
        ("listen:restate", Fault(("listen",), "restate", (4.0, float("inf")), at=0.0)),
        ("listen:skew@3", Fault(("listen",), "skew", at=3.0)),
        ("listen:flap(8)", Fault(("listen",), "flap", (8.0,))),
        (
            "translate+speak:vendor_down@3",
            Fault(("translate", "speak"), "vendor_down", (float("inf"),), at=3.0),
        ),
        ("mode:flip@0", Fault(("mode",), "flip", (20.0,), at=0.0)),
    ],
)
def test_a_fault_is_read(text: str, fault: Fault) -> None:
    assert parse(text) == fault


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("reset", "should look like"),
        ("listen:reset@soon", "should look like"),
        ("listen:explode", "none of reset, refuse"),
        ("speak:zombie", "zombie is for listen"),
        ("printer:reset", "reset is for listen, prerecorded"),
        ("listen:outage", r"needs a number, as in outage\(8\)"),
        ("listen:outage(1,2)", "at most 1 numbers"),
    ],
)
def test_a_wrong_fault_is_refused_with_what_would_be_right(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        parse(text)


@pytest.mark.parametrize(
    "text", ["listen:reset@12.5", "listen:outage(8)@random*3", "listen:close(1011,net0000)@1"]
)
def test_a_fault_is_written_as_it_is_read(text: str) -> None:
    assert str(parse(text)) == text
    assert parse(str(parse(text))) == parse(text)


@given(st.integers(), st.floats(1, 600), st.integers(1, 20))
def test_random_times_follow_from_the_seed_and_lie_within_the_run(
    seed: int, seconds: float, times: int
) -> None:
    faults = [parse(f"listen:reset@random*{times}"), parse("speak:truncate@1")]
    planned = schedule(faults, seconds=seconds, seed=seed)
    assert planned == schedule(faults, seconds=seconds, seed=seed)
    assert len(planned) == times + 1
    random = [f.at for f in planned if f.kind == "reset"]
    assert all(at is not None and 0.149 * seconds <= at <= 0.751 * seconds for at in random)
    assert [f.at for f in planned] == sorted(f.at or 0.0 for f in planned)


@given(st.text(max_size=40))
def test_only_the_documented_error_escapes(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse(text)
