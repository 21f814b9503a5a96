"""A drain, without sockets and in virtual time: who is refused, what it waits for, how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.support.board import Board, FakeLeg
from tests.support.virtual import run_virtually
from translink.calls.draining import Draining, in_words
from translink.calls.exchange import Exchange, LegWish, Refused
from translink.pbx.desk import Desk
from translink.pbx.line import Unavailable
from translink.settings.process import DrainSettings

if TYPE_CHECKING:
    from translink.media import MediaLeg


class DrainedBoard:
    """A board that drains, and what came of it."""

    def __init__(self, limit: float = 60.0) -> None:
        self.board = Board()
        self.draining = Draining(
            self.board.switchboard, self.board.journal, DrainSettings(limit=limit)
        )
        self.over = 0
        self.progress: list[str] = []
        self.moved = 0
        self.draining.on_over = self._end
        self.draining.on_progress = self.progress.append
        self.draining.on_hand_over = self._move

    def _end(self) -> None:
        self.over += 1

    async def _move(self) -> None:
        self.moved += 1

    def refusals(self) -> list[Any]:
        return [event for event in self.board.events("call") if event["state"] == "refused"]


def drained(scenario: Callable[[DrainedBoard], Awaitable[None]], limit: float = 60.0) -> None:
    async def run() -> None:
        one = DrainedBoard(limit)
        watching = asyncio.create_task(one.board.switchboard.watch())
        try:
            await scenario(one)
        finally:
            watching.cancel()
            one.draining.close()
            await one.board.switchboard.close("test over")

    run_virtually(run())


def test_no_call_begins_any_more_and_the_reason_is_given() -> None:
    async def scenario(one: DrainedBoard) -> None:
        board = one.board
        board.legs["1"].hear()
        one.draining.begin("test")
        board.legs["3"].hear(3)
        assert list(board.switchboard.calls) == ["1-1"]
        (refused,) = one.refusals()
        assert refused["reason"] == "the server is draining: it takes no new calls"
        exchange = Exchange(
            board.switchboard._settings.calls,
            board.switchboard,
            open_leg=lambda _: pytest.fail("opened"),
        )
        with pytest.raises(Refused, match="draining") as refusal:
            exchange.create((LegWish("en"), LegWish("fr")))
        assert refusal.value.busy

    drained(scenario)


def test_a_running_call_goes_on_to_its_end_and_then_the_drain_is_over() -> None:
    async def scenario(one: DrainedBoard) -> None:
        board = one.board
        board.legs["1"].hear()
        one.draining.begin("test")
        await board.talk("1", 3.0)
        assert not one.over
        state = one.draining.state()
        assert [call.talking for call in state.calls] == [("1",)]
        assert in_words(state) == "draining: 1 call runs; talking: 1"
        assert one.progress[-1] == "draining: 1 call runs; talking: 1"
        await board.no_calls()
        await asyncio.sleep(0.2)
        assert [one.over] == [1]
        (ended,) = [each for each in board.events("call") if each["state"] == "ended"]
        assert (ended["reason"], ended["1.lost_ms"]) == ("idle", 0)
        assert [each["state"] for each in board.events("drain")] == ["begun", "over"]
        assert board.events("drain")[-1]["cut_calls"] == 0

    drained(scenario)


def test_a_call_with_somebody_on_the_line_is_not_said_to_end_for_silence() -> None:
    async def scenario(one: DrainedBoard) -> None:
        one.board.legs["1"].hear()
        one.board.switchboard.legs["1"].attend(True)
        one.draining.begin("test")
        await asyncio.sleep(5.0)
        assert [call.ends_in_s for call in one.draining.state().calls] == [None]
        one.board.switchboard.legs["1"].attend(False)

    drained(scenario)


def test_with_no_call_the_drain_is_over_at_once() -> None:
    async def scenario(one: DrainedBoard) -> None:
        one.draining.begin("test")
        one.draining.begin("test", None)
        await asyncio.sleep(0.01)
        assert one.over == 1
        assert in_words(one.draining.state()) == "drained: no call runs"

    drained(scenario)


def test_past_the_limit_calls_are_ended_in_good_order_and_counted() -> None:
    async def scenario(one: DrainedBoard) -> None:
        board = one.board
        board.legs["1"].hear()
        one.draining.begin("test", limit=1.0)
        await board.talk("1", 4.0)
        await board.no_calls()
        await asyncio.sleep(0.2)
        assert (one.over, one.draining.state().cut_calls) == (1, 1)
        (ended,) = [each for each in board.events("call") if each["state"] == "ended"]
        assert (ended["reason"], ended["1.lost_ms"]) == ("the drain's limit", 0)
        assert ended["1.spoken"] > 0

    drained(scenario)


def test_the_limit_can_be_changed_while_it_drains() -> None:
    async def scenario(one: DrainedBoard) -> None:
        one.board.legs["1"].hear()
        one.draining.begin("test", limit=5.0)
        left = one.draining.state().left_s
        one.draining.begin("again")
        assert one.draining.state().left_s == left
        one.draining.begin("again", limit=50.0)
        assert one.draining.state().left_s == 50.0

    drained(scenario)


def test_a_pair_moves_as_a_whole_once_its_call_is_over() -> None:
    async def scenario(one: DrainedBoard) -> None:
        board = one.board
        board.legs["1"].hear()
        await one.draining.give_way("test")
        await one.draining.give_way("test")
        assert one.moved == 1
        assert [leg.removed for leg in board.legs.values()] == [False, False, True, True]
        assert one.draining.state().legs_held == ("1", "2")
        await board.talk("2", 1.0)
        assert not board.legs["1"].removed
        await board.no_calls()
        await asyncio.sleep(0.2)
        assert all(leg.removed for leg in board.legs.values())
        assert (one.over, one.draining.state().legs_held) == (1, ())
        # What they counted stays in the totals.
        assert board.totals()["datagrams_in"] == 51

    drained(scenario)


def test_what_is_said_of_many_stays_short() -> None:
    async def scenario(one: DrainedBoard) -> None:
        board = one.board
        one.draining.begin("test")
        assert in_words(Draining(board.switchboard, board.journal, DrainSettings()).state()) == (
            "not draining"
        )
        board.switchboard.refusal = None
        for leg in ("1", "2", "3"):
            board.legs[leg].hear(5)
        text = in_words(one.draining.state())
        assert text == "draining: 2 calls run; talking: 1, 2, 3"
        board.switchboard.refusal = "no"

    drained(scenario)


def test_a_telephone_system_hears_the_reason_and_those_who_wait_are_sent_away() -> None:
    async def scenario(one: DrainedBoard) -> None:
        board = one.board
        desk = Desk(
            board.switchboard,
            lambda _: cast("MediaLeg", FakeLeg()),
            most=8,
            host="127.0.0.1",
            plan={},
        )
        one.draining.on_begun = desk.send_away
        gone: list[str] = []
        first, _ = desk.seize_pair(
            "waits", ("en", "fr"), tuple(_noting(gone, "waits") for _ in "12")
        )
        first.arrive()
        both = desk.seize_pair("talks", ("en", "fr"), tuple(_noting(gone, "talks") for _ in "12"))
        for seat in both:
            seat.arrive()
        assert list(board.switchboard.calls) == ["talks"]
        one.draining.begin("test")
        assert gone == ["waits", "waits"]
        with pytest.raises(Unavailable, match="draining") as refusal:
            desk.seize_pair("late", ("en", "fr"), (lambda: None, lambda: None))
        assert refusal.value.busy
        first.leave("sent away")
        for seat in both:
            seat.leave("hung up")

    drained(scenario)


def _noting(into: list[str], name: str) -> Callable[[], None]:
    return lambda: into.append(name)
