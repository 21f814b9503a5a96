"""Calls made on request: ports, names, bounds, and that everything is given back. Virtual time."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support.console import ConsoleDesk
from tests.support.virtual import run_virtually
from translink.calls.exchange import Exchange, LegWish, Refused
from translink.process.pressure import Level
from translink.settings.types import Address

if TYPE_CHECKING:
    from translink.media import MediaLeg
    from translink.settings.legs import LegSettings

EN_FR = (LegWish("en"), LegWish("fr"))


def at_a_desk(scenario: Callable[[ConsoleDesk], Awaitable[None]], **settings: Any) -> None:
    async def run() -> None:
        desk = ConsoleDesk(**settings)
        await scenario(desk)
        await desk.board.switchboard.close("test over")
        assert desk.taken == desk.board.switchboard.calls.keys() == set()

    run_virtually(run())


def test_a_call_that_is_made_can_be_spoken_in_at_once() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        made = desk.console.create_call(
            (LegWish("en", name="anna"), LegWish("fr", name="bob", voice="v"))
        )
        assert [leg.send_to for leg in made.legs] == ["127.0.0.1:24000", "127.0.0.1:24001"]
        assert [leg.audio_from for leg in made.legs] == [leg.send_to for leg in made.legs]
        assert desk.console.row(made.call).state == "running"
        for _ in range(50):
            desk.opened["anna"].hear()
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        assert bytes(desk.opened["bob"].played).count(b"(word)") == 2
        assert desk.console.leg("bob").hears == "en"
        assert (await desk.console.call(made.call))["transcript"][0].translation == "(word)"

    at_a_desk(scenario, idle_timeout=30)


def test_a_call_in_which_one_party_could_never_be_spoken_to_is_refused() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        choice = desk.board.switchboard.vendors
        services = replace(choice.usual.services, speaks=lambda language, _: language != "pl")
        choice.usual = replace(choice.usual, services=services)
        for wish in (LegWish("pl"), LegWish("auto", ("fr", "pl"))):
            with pytest.raises(ValueError, match="no voice for pl; name a voice"):
                desk.console.create_call((EN_FR[0], wish))
        assert desk.taken == set()
        desk.console.create_call((EN_FR[0], LegWish("pl", original="captions")))

    at_a_desk(scenario, idle_timeout=30)


def test_a_leg_is_not_switched_to_a_language_in_which_it_could_never_be_spoken_to() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        choice = desk.board.switchboard.vendors
        services = replace(choice.usual.services, speaks=lambda language, _: language != "pl")
        choice.usual = replace(choice.usual, services=services)
        desk.console.create_call((LegWish("en", name="anna"), LegWish("fr", name="bob")))
        for leg in ("bob", "2"):
            with pytest.raises(ValueError, match="no voice for pl; name a voice"):
                desk.console.change_leg(leg, language="pl", volume=0.5)
            assert desk.console.leg(leg).language == "fr"
            assert desk.console.leg(leg).volume == 1, "nothing is changed"
            assert desk.console.change_leg(leg, language="de").language == "de"
        changed = desk.console.change_leg("2", language="pl", original="captions")
        assert changed.language == "pl"
        assert desk.console.change_leg("2", language="pl").language == "pl", "it is so already"
        assert desk.console.change_leg("2", original="through").original == "through"
        for language in (None, "pl"):
            with pytest.raises(ValueError, match="no voice for pl; name a voice"):
                desk.console.change_leg("2", language=language, original="replace", volume=0.5)
        assert desk.console.leg("2").original == "through"
        assert desk.console.leg("2").volume == 1, "nothing is changed"
        changed = desk.console.change_leg("2", language="de", original="replace")
        assert (changed.language, changed.original) == ("de", "replace")

    at_a_desk(scenario, idle_timeout=30)


def test_a_call_in_which_nobody_is_ever_heard_ends_idle_and_gives_all_back() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        watching = asyncio.create_task(desk.board.switchboard.watch())
        made = desk.console.create_call(EN_FR)
        await asyncio.sleep(4.0)
        assert made.call in desk.board.switchboard.calls
        await asyncio.sleep(3.0)
        assert desk.board.switchboard.calls == {}
        assert desk.taken == set()
        assert list(desk.console.legs()) == ["1", "2", "3", "4"]
        assert desk.console.row(made.call).reason == "idle"
        assert desk.board.providers.open == 0
        # Its figures stay in the totals.
        assert desk.console.measures().stats["totals"]["calls_total"] == 1
        assert desk.board.totals()["stt"]["connections_total"] == 2
        watching.cancel()

    at_a_desk(scenario, idle_timeout=5.0)


def test_what_a_created_leg_s_datagrams_are_can_be_asked_for() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        rtp = LegWish("en", name="anna", transport="rtp", format="alaw", reply="ulaw")
        made = desk.console.create_call((rtp, LegWish("fr", name="bob", rate=8_000)))
        anna, bob = (desk.board.switchboard.legs[leg].settings for leg in ("anna", "bob"))
        assert (anna.transport, anna.format, anna.reply) == ("rtp", "alaw", "ulaw")
        assert (bob.transport, bob.rate) == ("raw", 8_000)
        assert made.legs[0].audio_from == made.legs[0].send_to, "RTP goes back from there"

    at_a_desk(scenario, idle_timeout=30)


def test_a_call_that_does_not_fit_the_memory_is_refused_for_now() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        desk.out_of_memory = True
        with pytest.raises(Refused, match="no memory") as refused:
            desk.console.create_call(EN_FR)
        assert refused.value.busy, "503"
        desk.out_of_memory = False
        assert desk.console.create_call(EN_FR).call in desk.board.switchboard.calls

    at_a_desk(scenario, idle_timeout=30)


def test_calls_refused_for_want_of_memory_are_counted_and_said_once_a_minute() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        desk.out_of_memory = True
        with capture_logs() as lines:
            for _ in range(20):
                with pytest.raises(Refused, match="no memory"):
                    desk.console.create_call(EN_FR)
            await asyncio.sleep(61)
            over_tcp = (LegWish("en"), LegWish("fr", audiosocket=True))
            desk.exchange.expect = lambda leg: pytest.fail(f"{leg.name} was opened")
            with pytest.raises(Refused, match="no memory"):
                desk.console.create_call(over_tcp)
        said = [line for line in lines if line["event"] == "call refused"]
        assert [line.get("unlogged", 0) for line in said] == [0, 19]
        assert all("no memory" in line["reason"] and "LimitAS" in line["mend"] for line in said)
        assert desk.board.switchboard.pressure.given_up["calls"] == 21

    at_a_desk(scenario, idle_timeout=30)


def test_who_sends_after_the_end_of_a_made_call_begins_no_other() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        made = desk.console.create_call(EN_FR)
        leg = desk.opened[made.legs[0].name]
        desk.console.end_call(made.call)
        await desk.board.no_calls()
        leg.hear()
        assert desk.board.switchboard.calls == {}

    at_a_desk(scenario, idle_timeout=30)


def test_a_port_that_somebody_else_has_is_passed_over() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        desk.taken |= {24000, 24002}
        made = desk.console.create_call(EN_FR)
        assert [leg.send_to[-5:] for leg in made.legs] == ["24001", "24003"]
        desk.taken -= {24000, 24002}

    at_a_desk(scenario, idle_timeout=30)


def test_a_port_that_was_given_back_is_not_the_next_one_given() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        seen = []
        for _ in range(5):
            made = desk.console.create_call(EN_FR)
            seen += [int(leg.send_to[-5:]) for leg in made.legs]
            desk.console.end_call(made.call)
            await desk.board.no_calls()
        assert seen == list(range(24000, 24010))

    at_a_desk(scenario, idle_timeout=30)


def test_a_used_up_range_is_refused_and_leaves_nothing_open() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        desk.taken |= set(range(24001, 24010))
        with pytest.raises(
            Refused, match=r"no port of calls\.ports = 24000-24009 is free"
        ) as caught:
            desk.console.create_call(EN_FR)
        assert caught.value.busy
        assert desk.taken == set(range(24001, 24010))
        assert list(desk.console.legs()) == ["1", "2", "3", "4"]
        desk.taken.clear()

    at_a_desk(scenario, idle_timeout=30)


@pytest.mark.parametrize(
    "wishes",
    [
        (LegWish("en", name="1"), LegWish("fr")),
        (LegWish("en"), LegWish("fr", name="4")),
        (LegWish("en", name="twice"), LegWish("fr", name="twice")),
    ],
)
def test_no_two_legs_have_one_name(wishes: tuple[LegWish, LegWish]) -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        with pytest.raises(Refused, match="a leg is called") as caught:
            desk.console.create_call(wishes)
        assert not caught.value.busy
        assert desk.taken == set()

    at_a_desk(scenario, idle_timeout=30)


def test_no_call_is_made_beyond_the_limit_under_load_or_at_the_end() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        for _ in range(4):
            desk.console.create_call(EN_FR)
        with pytest.raises(Refused, match=r"calls\.max_created"):
            desk.console.create_call(EN_FR)
        desk.console.end_call("c1")
        await asyncio.sleep(2.0)
        pressure = desk.board.switchboard.pressure
        pressure.level = Level.REFUSE
        with pytest.raises(Refused, match="overloaded"):
            desk.console.create_call(EN_FR)
        assert pressure.given_up["calls"] == 1
        pressure.level = Level.CALM
        desk.console.create_call(EN_FR)
        await desk.board.switchboard.close("shutdown")
        with pytest.raises(Refused, match="is stopping"):
            desk.console.create_call(EN_FR)

    at_a_desk(scenario, idle_timeout=30)


def test_where_to_send_is_given_as_it_is_seen_from_outside() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        made = desk.console.create_call(
            (
                LegWish("en"),
                LegWish("fr", play_to=Address("192.0.2.9", 4000), send_from_listen=False),
            )
        )
        assert [leg.send_to for leg in made.legs] == ["192.0.2.7:24000", "192.0.2.7:24001"]
        assert [leg.audio_from for leg in made.legs] == ["192.0.2.7:24000", None]

    calls = {"host": "0.0.0.0", "advertise": "192.0.2.7"}
    at_a_desk(scenario, idle_timeout=30, calls=calls)


def test_a_leg_that_asks_for_the_shared_port_is_there_or_is_refused() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        def made(*sources: str | None) -> list[tuple[str, bool, bool]]:
            one, two = (LegWish("en", source=source, shared=True) for source in sources)
            legs = desk.console.create_call((one, two)).legs
            pinned = [desk.board.switchboard.legs[leg.name].settings.pinned for leg in legs]
            tokens = [leg.token for leg in legs if leg.token is not None]
            assert len({token[:8] for token in tokens}) == len(tokens)
            assert all(len(token) == 32 for token in tokens)
            return [
                (leg.send_to, leg.token is not None, first)
                for leg, first in zip(legs, pinned, strict=True)
            ]

        port = "192.0.2.7:7000"
        assert made(None, None) == [(port, True, False), (port, True, False)]
        assert made("192.0.2.1", "192.0.2.2:9") == [(port, False, True), (port, False, False)]
        with pytest.raises(Refused, match=r"has, or waits for, 192\.0\.2\.1") as refused:
            made(None, "192.0.2.1")
        assert refused.value.busy

    at_a_desk(
        scenario, idle_timeout=30, shared_port={"listen": "0.0.0.0:7000", "advertise": "192.0.2.7"}
    )


def test_while_another_process_still_has_the_shared_port_a_refusal_says_so() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        def of_another_process(_: LegSettings) -> MediaLeg:
            raise OSError(errno.EADDRINUSE, "Address already in use")

        board = desk.board.switchboard
        exchange = Exchange(board._settings.calls, board, open_leg=of_another_process, shares=True)
        with pytest.raises(
            Refused, match=r"another process still has shared_port\.listen"
        ) as refused:
            exchange.create((LegWish("en", shared=True), LegWish("fr", shared=True)))
        assert refused.value.busy

    at_a_desk(scenario, idle_timeout=30, shared_port={"listen": "0.0.0.0:7000"})


def test_without_a_shared_port_nobody_can_ask_for_it() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        with pytest.raises(Refused, match="no leg can be there") as refused:
            desk.console.create_call((LegWish("en", shared=True), LegWish("fr")))
        assert not refused.value.busy

    at_a_desk(scenario, idle_timeout=30)


def test_legs_whose_sender_is_known_are_on_the_shared_port_and_others_are_not() -> None:
    async def scenario(desk: ConsoleDesk) -> None:
        def sent_to(one: str | None, two: str | None) -> list[str]:
            made = desk.console.create_call((LegWish("en", source=one), LegWish("fr", source=two)))
            assert [leg.audio_from for leg in made.legs] == [leg.send_to for leg in made.legs]
            return [leg.send_to for leg in made.legs]

        shared = "192.0.2.7:7000"
        assert sent_to("192.0.2.1:4000", "[2001:db8::7]:4000") == [shared, shared]
        # A host has many senders; and a sender is one leg's.
        assert sent_to("192.0.2.1", "192.0.2.1:4000") == ["127.0.0.1:24000", "127.0.0.1:24001"]
        assert sent_to(None, "192.0.2.1:4002") == ["127.0.0.1:24002", shared]

    at_a_desk(
        scenario, idle_timeout=30, shared_port={"listen": "0.0.0.0:7000", "advertise": "192.0.2.7"}
    )
