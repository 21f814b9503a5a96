"""One dashboard of several nodes: it begins once, and what comes, goes and comes back is news."""

from __future__ import annotations

from typing import Any

from translink.face.screen import LOST_WITH_NODE, Screen


def row(call: str, state: str = "running") -> dict[str, Any]:
    return {"call": call, "state": state, "reason": ""}


def hello(*rows: dict[str, Any], calls: int = 1) -> dict[str, Any]:
    return {
        "v": 1,
        "at": 5.0,
        "n": 0,
        "hello": {"role": "control"},
        "calls": list(rows),
        "system": {"calls": calls},
    }


def begun() -> Screen:
    screen = Screen()
    assert screen.take("w1", hello(row("w1-c1"), row("w1-c0", "ended")), 0.0) is None
    assert screen.take("w2", hello(row("w2-c1"), calls=2), 0.0) is None
    first = screen.begin({"role": "read"})
    assert [(call["call"], call["node"]) for call in first["calls"]] == [
        ("w1-c1", "w1"),
        ("w1-c0", "w1"),
        ("w2-c1", "w2"),
    ]
    assert first["hello"] == {"role": "read"}
    assert first["system"]["calls"] == 3
    assert first["system"]["nodes"]["w2"]["calls"] == 2
    return screen


def test_what_changes_is_handed_on_with_its_node() -> None:
    screen = begun()
    news = {
        "n": 4,
        "calls": [row("w2-c2")],
        "legs": {"x": {}},
        "events": [{"type": "final"}],
        "levels": {},
    }
    assert screen.take("w2", news, 1.0) == {
        "calls": [{**row("w2-c2"), "node": "w2"}],
        "legs": {"x": {}},
        "events": [{"type": "final", "node": "w2"}],
        "levels": {},
    }
    assert [call["call"] for call in screen.running("w2")] == ["w2-c1", "w2-c2"]


def test_the_whole_is_shown_twice_a_second_however_many_nodes_there_are() -> None:
    screen = begun()
    assert screen.take("w1", {"system": {"calls": 4}}, 1.0) == {
        "system": {**screen.system()},
    }
    assert screen.take("w2", {"system": {"calls": 5}}, 1.1) is None
    assert screen.system()["calls"] == 9


def test_a_node_that_was_asked_to_drain_is_shown_as_one_that_drains() -> None:
    screen = begun()
    screen.take("w1", {"system": {"calls": 1, "draining": False, "drain": {"left_s": 9.0}}}, 1.0)
    screen.take("w2", {"system": {"calls": 2, "draining": False, "drain": None}}, 1.0)
    whole = screen.system()
    assert [whole["nodes"][name]["draining"] for name in ("w1", "w2")] == [True, False]
    assert whole["drain"] is None, "the server goes on"
    screen.take("w2", {"system": {"calls": 2, "draining": True, "drain": {"left_s": 4.0}}}, 2.0)
    assert screen.system()["drain"] == {"left_s": 9.0}


def test_calls_of_a_node_that_dies_have_ended() -> None:
    screen = begun()
    news = screen.lose("w1")
    assert news is not None
    assert [(call["call"], call["state"], call["reason"]) for call in news["calls"]] == [
        ("w1-c1", "ended", LOST_WITH_NODE)
    ]
    assert news["gone"] == ["w1-c0"]
    assert list(news["system"]["nodes"]) == ["w2"]
    assert screen.lose("w1") is None


def test_a_node_that_was_only_out_of_reach_is_shown_as_it_is_now() -> None:
    screen = begun()
    assert screen.take("w1", hello(row("w1-c1", "ended"), row("w1-c7")), 9.0) == {
        "calls": [{**row("w1-c1", "ended"), "node": "w1"}, {**row("w1-c7"), "node": "w1"}],
        "gone": ["w1-c0"],
        "system": screen.system(),
    }
