"""Which node a new call goes to."""

from __future__ import annotations

from translink.placement.protocol import Node, best


def node(
    name: str, running: int, *, capacity: int = 10, busy: float = 0.1, accepts: bool = True
) -> Node:
    return Node(name, "http://127.0.0.1:3020", capacity, running, busy, accepts, 0.0)


def test_the_freest_node_comes_first_whatever_its_size() -> None:
    nodes = [node("small", 2, capacity=4), node("large", 30, capacity=100), node("idle", 0)]
    assert [one.name for one in best({one.name: one for one in nodes})] == [
        "idle",
        "large",
        "small",
    ]


def test_among_equally_free_nodes_the_less_busy_comes_first() -> None:
    nodes = [node("a", 1, busy=0.5), node("b", 1, busy=0.2), node("c", 1, busy=0.5)]
    assert [one.name for one in best({one.name: one for one in nodes})] == ["b", "a", "c"]


def test_a_node_that_is_full_or_takes_no_calls_is_not_asked() -> None:
    nodes = [node("full", 10), node("drains", 0, accepts=False), node("nothing", 0, capacity=0)]
    assert best({one.name: one for one in nodes}) == []


def test_among_equally_free_nodes_the_one_that_is_asked_comes_first() -> None:
    nodes = {one.name: one for one in (node("a", 1, busy=0.2), node("b", 1, busy=0.5))}
    assert [one.name for one in best(nodes, "b")] == ["b", "a"]
    assert [one.name for one in best(nodes, "elsewhere")] == ["a", "b"]
