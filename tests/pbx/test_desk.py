"""Seats for parties that a telephone system brings, without a telephone system."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support.board import Board
from tests.support.virtual import run_virtually
from translink.pbx.desk import Desk
from translink.pbx.line import Unavailable
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
