"""Listening in, as a route: what comes, how it ends. That it is allowed is the guard's business."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.fakes.admin import Program
from tests.support.board import Board
from tests.support.console import ConsoleDesk
from translink.admin import AdminServer
from translink.admin.access.guard import Guard
from translink.admin.access.roles import Access
from translink.calls import call as call_module
from translink.calls.tap import Tap


@pytest.fixture
async def listening(program: Program) -> AsyncIterator[AdminServer]:
    """A server that allows it."""
    guard = Guard(Access("127.0.0.1", None, listen_in=True))
    server = AdminServer(program, port=0, guard=guard)
    await server.start()
    yield server
    await server.close()


@pytest.mark.parametrize("lane", ["said", "heard"])
async def test_sound_comes_as_it_is_until_the_listener_leaves(
    listening: AdminServer, program: Program, http: aiohttp.ClientSession, lane: str
) -> None:
    url = f"{listening.url}/api/legs/3333/audio?of={lane}"
    async with http.ws_connect(url) as listener:
        assert await listener.receive_bytes(timeout=2) == b"pcm!"
        (tap,) = program.taps
        assert (tap.lane, tap.closed) == (lane, False)
    async with asyncio.timeout(2):
        while not tap.closed:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def test_it_ends_with_the_leg(
    listening: AdminServer, program: Program, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(listening.url + "/api/legs/3333/audio") as listener:
        await listener.receive_bytes(timeout=2)
        program.taps[0].gone = True
        async with asyncio.timeout(2):
            while (message := await listener.receive()).type is aiohttp.WSMsgType.BINARY:
                pass
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        assert message.extra == "the call is over"
    assert program.taps[0].closed


@pytest.mark.parametrize(("path", "status"), [("9/audio", 404), ("3333/audio?of=thought", 400)])
async def test_what_is_not_there_cannot_be_heard(
    listening: AdminServer, http: aiohttp.ClientSession, path: str, status: int
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError, match=str(status)):
        await http.ws_connect(f"{listening.url}/api/legs/{path}")


async def test_there_is_a_limit_to_listeners(
    listening: AdminServer, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening._audio.sockets, "most", 1)
    url = listening.url + "/api/legs/3333/audio"
    async with http.ws_connect(url) as first:
        await first.receive_bytes(timeout=2)
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            await http.ws_connect(url)


# --- The tap itself ---


async def test_a_call_says_that_it_is_listened_to_for_as_long_as_it_is() -> None:
    desk = ConsoleDesk(idle_timeout=30)
    desk.board.legs["1"].hear(5)
    (call,) = desk.board.switchboard.calls
    said, heard = desk.console.tap("1", "said"), desk.console.tap("1", "heard")
    assert desk.console.row(call).listened
    assert desk.console.leg("1").listened
    assert desk.board.legs["1"].tapped
    said.close()
    said.close()
    assert desk.console.row(call).listened
    heard.close()
    assert not desk.console.row(call).listened
    assert not desk.board.legs["1"].tapped
    listening = [(e["state"], e["lane"], e["call"]) for e in desk.board.events("listening")]
    assert listening == [
        ("started", "said", call),
        ("started", "heard", call),
        ("stopped", "said", call),
        ("stopped", "heard", call),
    ]
    await desk.board.switchboard.close("test over")


async def test_a_listener_hears_what_is_said_from_then_on_each_sample_once() -> None:
    desk = ConsoleDesk(idle_timeout=30)
    leg = desk.board.legs["1"]
    leg.hear(5)
    tap = desk.console.tap("1", "said")
    assert tap.read() == b""
    leg.hear(3)
    assert len(tap.read()) == 3 * 640
    assert tap.read() == b""
    # A reader that is away for long hears the last second.
    leg.hear(200)
    assert len(tap.read()) == 32_000
    await desk.board.switchboard.close("test over")


async def test_the_next_call_on_the_leg_is_not_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was, and so was every one after it: the page had no button for it any more, and no event told of it."""
    monkeypatch.setattr(call_module, "GUARD_SECONDS", 0.0)
    desk = ConsoleDesk(idle_timeout=30)
    desk.board.legs["1"].hear(5)
    (first,) = desk.board.switchboard.calls
    said, heard = desk.console.tap("1", "said"), desk.console.tap("1", "heard")
    desk.board.switchboard.end_call(first, "over")
    await desk.board.no_calls()
    with pytest.raises(LookupError):
        said.read()
    desk.board.legs["1"].hear(5)
    for tap in (said, heard):
        with pytest.raises(LookupError):
            tap.read()
        tap.close()
    assert {event["call"] for event in desk.board.events("listening")} == {first}
    await desk.board.switchboard.close("test over")


async def test_who_listens_before_a_call_begins_hears_that_one() -> None:
    desk = ConsoleDesk(idle_timeout=30)
    tap = desk.console.tap("1", "said")
    assert tap.read() == b""
    desk.board.legs["1"].hear(5)
    (call,) = desk.board.switchboard.calls
    assert len(tap.read()) == 5 * 640
    tap.close()
    told = [(event["state"], event["call"]) for event in desk.board.events("listening")]
    assert told == [("started", None), ("started", call), ("stopped", call)]
    await desk.board.switchboard.close("test over")


def test_a_leg_that_is_gone_can_still_be_let_go_of() -> None:
    board = Board()
    leg = board.switchboard.legs["1"]
    tap = Tap(leg, "heard", lambda _: None, lambda: None)

    def gone(on: bool = True) -> None:
        raise LookupError(on)

    board.legs["1"].tap = gone  # type: ignore[method-assign]
    tap.close()
    assert leg.listeners == 0
