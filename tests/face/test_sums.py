"""Answers of several nodes as one: what is counted is added up, of delays the worst is shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink.face import sums


def test_each_kind_of_value_has_its_rule() -> None:
    one = {
        "version": "1", "uptime": 10.0, "calls": 2, "lost_ms": 0.1, "draining": True,
        "pressure": "calm", "stream": "deepgram", "offline": None, "hand_over": False,
        "own": {"count": 10, "p50": 1.0, "max": 9.0}, "services": {"speech": ["deepgram"]},
        "providers": {"deepgram": {"state": "closed", "failures": 1, "since": None}},
    }  # fmt: skip
    two = {
        "version": "1", "uptime": 4.0, "calls": 3, "lost_ms": 0.2, "draining": False,
        "pressure": "shed", "stream": "deepgram", "offline": "http://x", "hand_over": True,
        "own": {"count": 30, "p50": 2.0, "max": 4.0}, "services": {"speech": ["deepgram", "offline"]},
        "providers": {"deepgram": {"state": "open", "failures": 4, "since": 7.0}, "deepl": {"state": "closed"}},
    }  # fmt: skip
    assert sums.combined([one, two]) == {
        "version": "1", "uptime": 10.0, "calls": 5, "lost_ms": 0.3, "draining": False,
        "pressure": "shed", "stream": "deepgram", "offline": "http://x", "hand_over": True,
        "own": {"count": 40, "p50": 2.0, "max": 9.0}, "services": {"speech": ["deepgram", "offline"]},
        "providers": {"deepgram": {"state": "open", "failures": 5, "since": 7.0}, "deepl": {"state": "closed"}},
    }  # fmt: skip


@pytest.mark.parametrize("state", ["held", "half-open", "open"])
def test_a_node_whose_provider_is_ill_is_not_hidden_by_one_whose_is_well(state: str) -> None:
    well = {"state": "closed", "reason": "", "since": None}
    ill = {"state": state, "reason": "refused the key", "since": 7.0}
    assert sums.combined([well, ill]) == sums.combined([ill, well]) == ill


def test_what_is_said_of_a_provider_is_what_the_node_says_whose_state_is_shown() -> None:
    well = {"state": "closed", "reason": "it works again", "kind": None, "status": None}
    held = {"state": "held", "reason": "429 slow down", "kind": "busy", "status": 429}
    down = {"state": "open", "reason": "no answer", "kind": "transient", "status": None}
    assert sums.combined([well, held, down]) == sums.combined([down, held, well]) == down
    assert sums.combined([well, held]) == held
    assert sums.combined([well, well]) == well


def test_what_a_provider_answered_to_two_nodes_is_not_added_up() -> None:
    down = {"state": "open", "reason": "456 Quota Exceeded", "kind": "denied", "status": 456}
    assert sums.combined([down, down]) == down


def test_a_quota_is_the_account_s_however_many_nodes_look_at_it() -> None:
    def of(used: int) -> dict[str, Any]:
        return {"usage": {"quotas": {"deepl": {"used": used, "limit": 500_000}}}}

    assert sums.combined([of(100), of(140)]) == of(140)


def test_what_little_was_paid_adds_up() -> None:
    one, two = ({"usage": {"cost": cost}} for cost in (0.0004, 0.0003))
    assert sums.combined([one, two]) == {"usage": {"cost": 0.0007}}


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers()), max_size=5))
def test_counters_add_up_whoever_has_them(answers: list[dict[str, Any]]) -> None:
    whole = sums.combined(answers)
    for name in "abc":
        counted = [answer[name] for answer in answers if name in answer]
        assert whole.get(name) == (sum(counted) if counted else None)


def test_rows_say_whose_they_are_and_who_is_missing() -> None:
    answers: dict[str, Any] = {
        "w1": {"calls": [{"call": "w1-c1"}]},
        "w2": None,
        "w3": {"calls": []},
    }
    assert sums.rows(answers, "calls") == {
        "calls": [{"call": "w1-c1", "node": "w1"}],
        "silent": ["w2"],
    }


def test_ended_calls_come_first() -> None:
    rows = [
        {"call": call, "state": state, "began": began}
        for call, state, began in (("b", "running", 1.0), ("c", "ended", 3.0), ("a", "ended", 2.0))
    ]
    assert [row["call"] for row in sums.in_order(rows)] == ["a", "c", "b"]


def test_statistics_have_the_whole_and_each_node() -> None:
    def of(leg: str, received: int) -> dict[str, Any]:
        return {
            "legs": {leg: {"received": received}},
            "totals": {"received": received},
            "mode": "auto",
        }

    found = sums.stats({"w1": of("3333", 4), "w2": of("5555", 6), "w3": None})
    assert found["totals"] == {"received": 10}
    assert found["legs"]["5555"] == {"received": 6, "node": "w2"}
    assert found["nodes"]["w1"] == {"totals": {"received": 4}, "mode": "auto"}
    assert (found["mode"], found["silent"]) == ("auto", ["w3"])


@pytest.mark.parametrize(("one_disk", "size"), [(True, 4_000), (False, 7_000)])
def test_a_folder_of_recordings_that_workers_share_counts_once(one_disk: bool, size: int) -> None:
    def of(size: int) -> dict[str, Any]:
        return {"legs": {}, "recording": {"bytes": size, "running": 1}}

    answers: dict[str, dict[str, Any] | None] = {
        "w1": of(3_000),
        "w2": of(4_000),
        "w3": {"legs": {}},
        "w4": None,
    }
    found = sums.stats(answers, one_disk=one_disk)
    assert found["recording"] == {"bytes": size, "running": 2}


def test_one_good_node_makes_it_good() -> None:
    assert sums.verdict({"w1": {"ok": False}, "w2": None})[0] is False
    good, details = sums.verdict({"w1": {"ok": True}, "w2": None})
    assert (good, details["silent"]) == (True, ["w2"])


def test_a_drain_is_over_when_that_of_every_node_is() -> None:
    def of(calls: list[object], left: float, cut: int) -> dict[str, Any]:
        return {
            "draining": True, "pid": 1, "began": 5.0, "left_s": left, "limit_s": 9.0, "hand_over": False,
            "admin": "private", "cut_calls": cut, "legs_held": [], "calls": calls,
        }  # fmt: skip

    whole = sums.drain(
        {"w1": of([{"call": "a"}], 3.0, 1), "w2": of([{"call": "b"}], 4.0, 2)}, 77, "http://face"
    )
    assert whole["calls"] == [{"call": "a"}, {"call": "b"}]
    assert (whole["left_s"], whole["cut_calls"], whole["draining"]) == (4.0, 3, True)
    assert (whole["pid"], whole["admin"]) == (77, "http://face")
    over = sums.drain({}, 77, "http://face")
    assert (over["draining"], over["calls"], over["left_s"]) == (True, [], 0.0)
