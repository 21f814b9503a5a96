"""Seats for parties that a telephone system brings, without a telephone system."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest
from structlog.testing import capture_logs

from tests.support.board import Board, FakeLeg
from tests.support.virtual import run_virtually
from translink.calls.leg import EARLY_FRAMES
from translink.pbx.desk import Desk
from translink.pbx.line import Unavailable
from translink.results import FRAME
from translink.settings.legs import LegSettings

if TYPE_CHECKING:
    from translink.media import MediaLeg


def _no_memory(leg: LegSettings) -> MediaLeg:
    raise MemoryError


def test_parties_refused_for_want_of_memory_are_counted_and_said_once_a_minute() -> None:
    async def scenario() -> None:
        board = Board()
        desk = Desk(board.switchboard, _no_memory, most=10, host="127.0.0.1", plan={})
        nobody = (lambda: None, lambda: None)
        with capture_logs() as lines:
            for line in range(20):
                with pytest.raises(Unavailable, match="no memory") as refused:
                    desk.seize_pair(f"line{line}", ("en", "fr"), nobody)
                assert refused.value.busy
        (said,) = (line for line in lines if line["event"] == "call refused")
        assert said["legs"] == ["line0.1", "line0.2"]
        assert board.switchboard.pressure.given_up["calls"] == 20
        await board.switchboard.close("test over")

    run_virtually(scenario())


def test_whether_a_telephone_system_reports_the_keys_is_each_partys_own() -> None:
    async def scenario() -> None:
        board = Board()
        desk = Desk(board.switchboard, _no_memory, most=10, host="127.0.0.1", plan={})
        leg = board.switchboard.legs["1"]
        leg.restore(LegSettings(name="1", language="en"))  # no `listen`: a telephone system's
        by_ari = desk.seize("1", "", lambda: None, digits_reported=True)
        assert leg.digits_reported
        by_ari.leave("hung up")
        desk.seize("1", "", lambda: None)
        assert not leg.digits_reported
        await board.switchboard.close("test over")

    run_virtually(scenario())


def test_who_talks_while_they_wait_alone_is_translated_from_two_seconds_back() -> None:
    async def scenario() -> None:
        board = Board(idle_timeout=60)
        desk = Desk(board.switchboard, _no_memory, most=10, host="127.0.0.1", plan={})
        for name, language in (("1", "en"), ("2", "fr")):
            board.switchboard.legs[name].restore(LegSettings(name=name, language=language))
        desk.seize("1", "", lambda: None).arrive()
        await board.talk("1", 20.0)
        desk.seize("2", "", lambda: None).arrive()
        (call,) = board.switchboard.calls.values()
        begins = call.interpreters["1"].listener.acknowledged
        assert begins == board.legs["1"].head - EARLY_FRAMES * FRAME
        await board.switchboard.close("test over")

    run_virtually(scenario())


def test_who_talks_while_they_wait_in_a_room_is_translated_from_two_seconds_back() -> None:
    async def scenario() -> None:
        board = Board(idle_timeout=60)
        opened: dict[str, FakeLeg] = {}

        def open_leg(leg: LegSettings) -> MediaLeg:
            made = opened[leg.name] = FakeLeg()
            made.on_playout = lambda _: None
            return cast("MediaLeg", made)

        desk = Desk(board.switchboard, open_leg, most=10, host="127.0.0.1", plan={})
        nobody = (lambda: None, lambda: None)
        one, two = desk.seize_pair("room", ("en", "fr"), nobody)
        one.arrive()
        for _ in range(1_000):
            opened["room.1"].hear()
            await asyncio.sleep(0.02)
        two.arrive()
        talker = board.switchboard.calls["room"].interpreters["room.1"].listener
        assert talker.acknowledged == opened["room.1"].head - EARLY_FRAMES * FRAME
        for _ in range(100):
            opened["room.1"].hear(speech=False)
            await asyncio.sleep(0.02)
        assert b"(word)" in bytes(opened["room.2"].played)
        assert not talker.stats.lost_ms
        await board.switchboard.close("test over")

    run_virtually(scenario())
