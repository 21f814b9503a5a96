"""The embedded form of placement."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from translink.placement.memory import MemoryPlacement
from translink.placement.protocol import EXPIRY, Node, Placement, Slot, best


class Hand:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def node(name: str, capacity: int = 50, **other: float) -> Node:
    return Node(
        name,
        f"http://{name}.example:3020",
        capacity=capacity,
        running=int(other.get("running", 0)),
        busy=other.get("busy", 0.0),
        accepts=True,
        began=other.get("began", 1.0),
    )


def of_memory() -> tuple[MemoryPlacement, Hand]:
    hand = Hand()
    return MemoryPlacement(hand), hand


async def test_of_many_creators_that_want_a_slot_at_once_each_gets_another() -> None:
    here, _ = of_memory()
    creators: list[Placement] = [here, here.beside(), here.beside()]
    for name in ("a", "b"):
        await here.announce(node(name, 40))
    claims = [creators[at % 3].claim("ab"[at % 2], f"call-{at}") for at in range(100)]
    got = Counter(await asyncio.gather(*claims))
    assert got.pop(None) == 20  # 80 slots for 100
    assert set(got.values()) == {1}
    assert len(got) == 80


async def test_a_node_that_is_not_heard_any_more_is_reported_once_with_its_calls() -> None:
    here, clock = of_memory()
    there, gone = here.beside(), list[tuple[str, Sequence[str]]]()
    there.on_gone = lambda node, calls: gone.append((node.name, calls))
    await here.announce(node("a"))
    await here.announce(node("b"))
    slot = await there.claim("a", "claimed by b")
    assert slot is not None
    await here.rename(slot, "a-c1")
    clock.now += EXPIRY - 0.1
    await here.announce(node("b"))
    assert set(there.nodes()) == {"a", "b"}
    clock.now += 0.1
    assert set(there.nodes()) == {"b"}
    assert set(here.nodes()) == {"b"}
    assert gone == [("a", ("a-c1",))]
    assert await here.claim("a", "another") is None
    await here.announce(node("a", began=2.0))
    assert here.slots("a") == {}


async def test_a_node_that_starts_again_under_its_name_has_lost_its_calls() -> None:
    here, _ = of_memory()
    gone: list[float] = []
    here.on_gone = lambda node, calls: gone.append(node.began)
    await here.announce(node("a", began=1.0))
    await here.claim("a", "a-c1")
    await here.announce(node("a", began=2.0))
    assert gone == [1.0]
    assert here.slots("a") == {}


async def test_a_node_that_takes_its_leave_is_gone_at_once_and_nothing_is_lost() -> None:
    here, _ = of_memory()
    here.on_gone = lambda node, calls: gone.append(node.name)
    gone: list[str] = []
    await here.announce(node("a"))
    await here.leave("a")
    assert (dict(here.nodes()), gone) == ({}, [])


async def test_a_slot_that_was_given_back_can_be_had_again() -> None:
    here, _ = of_memory()
    await here.announce(node("a", 1))
    slot = await here.claim("a", "one")
    assert slot == Slot("a", 0)
    assert await here.claim("a", "two") is None
    await here.release(slot)
    await here.release(slot)
    await here.rename(slot, "too late")
    assert here.slots("a") == {}
    assert await here.claim("a", "two") == slot


async def test_claims_count_before_their_node_says_so() -> None:
    """So that a burst of calls does not all go to the node that was the freest a second ago."""
    here, _ = of_memory()
    for name in "abc":
        await here.announce(node(name, 40))
    for at in range(60):
        (freest, *_) = best(here.nodes())
        await here.claim(freest.name, f"call-{at}")
    assert [each.running for each in here.nodes().values()] == [20, 20, 20]


async def test_a_setting_that_one_shares_reaches_the_others() -> None:
    here, _ = of_memory()
    there = here.beside()
    heard: list[tuple[str, str, str]] = []
    here.on_change = lambda name, value: heard.append(("here", name, value))
    there.on_change = lambda name, value: heard.append(("there", name, value))
    await here.share("mode", "streaming")
    assert heard == [("there", "mode", "streaming")]
    await there.close()
    await there.close()
    await here.share("mode", "prerecorded")
    assert len(heard) == 1
