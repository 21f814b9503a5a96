"""When a party that came over a WebSocket is taken to be there. Virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

from tests.support.virtual import run_virtually
from translink.observe.journal import Journal
from translink.pbx.guest import Guest
from translink.pbx.opening import WebSocketDialect


class GuestSeat:
    """Notes who comes and goes; its media hears what a test says."""

    def __init__(self) -> None:
        self.leg = SimpleNamespace(name="3333")
        self.heard = 7
        """By those before, too."""
        self.media = SimpleNamespace(
            name="3333",
            attach=lambda descriptor, dialect: None,
            counters=lambda: {"datagrams_in": self.heard},
        )
        self.told: list[str] = []

    def arrive(self) -> None:
        self.told.append("there")

    def leave(self, reason: str) -> None:
        self.told.append(reason)


def with_a_guest(
    dialect: WebSocketDialect, scenario: Callable[[Guest, GuestSeat], Awaitable[None]]
) -> None:
    async def run() -> None:
        seat, guest = GuestSeat(), Guest("3333", dialect, Journal())
        guest.sit(cast("Any", seat))
        guest.begin(0)
        await scenario(guest, seat)

    run_virtually(run())


def test_twilio_is_there_once_it_can_be_sent_sound() -> None:
    async def scenario(guest: Guest, seat: GuestSeat) -> None:
        await asyncio.sleep(0.3)
        assert seat.told == []
        seat.heard += 1
        await asyncio.sleep(0.05)
        assert seat.told == ["there"]
        guest.end("hung up")
        assert seat.told == ["there", "hung up"]

    with_a_guest("twilio", scenario)


def test_a_caller_of_twilio_of_whom_nothing_is_heard_is_there_after_a_while() -> None:
    async def scenario(_: Guest, seat: GuestSeat) -> None:
        await asyncio.sleep(0.9)
        assert seat.told == []
        await asyncio.sleep(0.2)
        assert seat.told == ["there"]

    with_a_guest("twilio", scenario)


def test_a_caller_of_twilio_that_hangs_up_at_once_never_comes() -> None:
    async def scenario(guest: Guest, seat: GuestSeat) -> None:
        await asyncio.sleep(0.1)
        guest.end("hung up")
        await asyncio.sleep(2.0)
        assert seat.told == ["hung up"]

    with_a_guest("twilio", scenario)


def test_others_are_there_at_once() -> None:
    async def scenario(_: Guest, seat: GuestSeat) -> None:
        assert seat.told == ["there"]

    with_a_guest("asterisk", scenario)
