"""Sums go on while legs come and go, also between two steps of looking at them."""

from __future__ import annotations

import asyncio

from tests.support.console import ConsoleDesk
from tests.support.virtual import run_virtually
from translink.calls.exchange import LegWish
from translink.calls.totals import Totals


def test_a_leg_that_a_bug_has_ended_is_not_out_of_service_once_it_is_closed() -> None:
    async def scenario() -> None:
        desk = ConsoleDesk(idle_timeout=30)
        board = desk.board.switchboard
        desk.console.create_call((LegWish("en", name="anna"), LegWish("fr", name="bob")))
        desk.opened["anna"].die()
        assert sum(each.media.get("dead", 0) for each in board.measures()) == 1
        while "anna" in board.legs:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.1)
        created = next(board.measures())
        assert (created.leg, created.media["dead"], created.media["tempo"]) == ("created", 0, 1_000)
        assert desk.board.totals()["dead"] == 0
        await board.close("test over")

    run_virtually(scenario())


def test_a_leg_that_closes_in_the_middle_counts_once() -> None:
    async def scenario() -> None:
        desk = ConsoleDesk(idle_timeout=30)
        board = desk.board.switchboard
        made = desk.console.create_call((LegWish("en", name="anna"), LegWish("fr", name="bob")))
        desk.opened["anna"].hear(50)
        steps, stats = board.measures(), desk.console.leg_stats()
        totals = Totals()
        totals.add(next(steps))
        next(stats)
        board.end_call(made.call, "over")
        while "anna" in board.legs:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.1)
        # Nothing can be asked of a closed leg.
        for leg in desk.opened.values():
            leg.close_for_good()
        for measures in steps:
            totals.add(measures)
        assert totals.summary()["datagrams_in"] == 50
        assert "anna" not in dict(stats)
        assert desk.board.totals()["datagrams_in"] == 50
        await board.close("test over")

    run_virtually(scenario())
