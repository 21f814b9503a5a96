"""An ended call is freed by the last reference to it: nothing of it waits for the garbage collector,
which would stop everything for it. Virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.support.console import ConsoleDesk
from tests.support.garbage import cycles
from tests.support.virtual import run_virtually
from translink.calls.exchange import LegWish
from translink.errors import Kind, ProviderError

Ending = Callable[[ConsoleDesk, str], Awaitable[None]]


async def _talk(desk: ConsoleDesk, leg: str, seconds: float = 1.2) -> None:
    for _ in range(round(seconds * 50)):
        desk.opened[leg].hear()
        await asyncio.sleep(0.02)


async def both_talk(desk: ConsoleDesk, _: str) -> None:
    await asyncio.gather(_talk(desk, "anna"), _talk(desk, "bob"))


async def nobody_talks(_: ConsoleDesk, __: str) -> None:
    await asyncio.sleep(1.0)


async def streams_fail(desk: ConsoleDesk, _: str) -> None:
    desk.board.providers.bugs["listen en"] = ProviderError(
        "no", provider="fake", kind=Kind.TRANSIENT
    )
    await _talk(desk, "anna", 3.0)


async def a_stream_breaks(desk: ConsoleDesk, _: str) -> None:
    await _talk(desk, "anna")
    desk.board.providers.newest["en"].abort()
    await _talk(desk, "anna")


async def nothing_is_translated(desk: ConsoleDesk, _: str) -> None:
    desk.board.providers.bugs["translate en"] = ProviderError(
        "no", provider="fake", kind=Kind.REFUSED
    )
    await _talk(desk, "anna")


async def the_mode_is_changed(desk: ConsoleDesk, _: str) -> None:
    await _talk(desk, "anna")
    desk.console.set_mode("prerecorded")
    await _talk(desk, "anna", 2.0)


async def somebody_looks(desk: ConsoleDesk, call: str) -> None:
    await _talk(desk, "anna")
    await desk.console.call(call)
    [*desk.console.calls("all")]
    [*desk.console.legs()]
    desk.console.leg("anna")


@pytest.mark.parametrize(
    "meanwhile",
    [
        both_talk,
        nobody_talks,
        streams_fail,
        a_stream_breaks,
        nothing_is_translated,
        the_mode_is_changed,
        somebody_looks,
    ],
    ids=lambda each: each.__name__,
)
def test_an_ended_call_leaves_nothing_to_the_garbage_collector(meanwhile: Ending) -> None:
    async def run() -> None:
        desk = ConsoleDesk(calls={}, transcripts={})
        await both(desk, nobody_talks)  # what is made once
        with cycles("translink.") as left:
            await both(desk, meanwhile)
        assert not left, f"in cycles: {left}"
        await desk.board.switchboard.close("test over")

    run_virtually(run())


def test_nor_does_one_whose_languages_had_to_be_found() -> None:
    async def run() -> None:
        desk = ConsoleDesk(calls={}, transcripts={})
        languages = (("auto", ("en", "fr")), ("auto", ("de", "es")))
        await both(desk, nobody_talks, *languages)
        with cycles("translink.") as left:
            await both(desk, both_talk, *languages)
        assert not left, f"in cycles: {left}"
        await desk.board.switchboard.close("test over")

    run_virtually(run())


async def both(
    desk: ConsoleDesk,
    meanwhile: Ending,
    anna: tuple[str, tuple[str, ...]] = ("en", ()),
    bob: tuple[str, tuple[str, ...]] = ("fr", ()),
) -> None:
    """A call from its first to its last moment, of parties with these languages and candidates."""
    made = desk.console.create_call((LegWish(*anna, name="anna"), LegWish(*bob, name="bob")))
    await meanwhile(desk, made.call)
    desk.board.switchboard.end_call(made.call, "hung up")
    await desk.board.no_calls()
    desk.opened.clear()
    await asyncio.sleep(10.0)  # timers of things that are over
