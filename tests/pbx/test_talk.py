"""Links of /talk, in virtual time; what is said over them is in `dashboard/test_talk`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from tests.support.board import Board, FakeLeg
from tests.support.virtual import run_virtually
from translink.calls.exchange import Refused
from translink.pbx.desk import Desk
from translink.pbx.talk import TalkDesk
from translink.settings.types import Address

if TYPE_CHECKING:
    from translink.media import MediaLeg
    from translink.settings.legs import LegSettings

HOUR = 3_600.0


def _open_fake(leg: LegSettings) -> MediaLeg:
    return cast("MediaLeg", FakeLeg())


def test_a_room_of_a_link_has_no_port_that_another_machine_reaches() -> None:
    opened: list[LegSettings] = []

    def open_leg(leg: LegSettings) -> MediaLeg:
        opened.append(leg)
        return _open_fake(leg)

    async def scenario() -> None:
        board = Board()
        desk = Desk(board.switchboard, open_leg, most=10, host="192.0.2.7", plan={})
        talks = TalkDesk(desk, board.journal, ("en", "fr"))
        one, _ = talks.create()
        talks.join(one, "en").end("hung up")
        assert [leg.listen for leg in opened] == [Address("127.0.0.1", 0)] * 2
        await board.switchboard.close("test over")

    run_virtually(scenario())


def test_a_link_serves_until_nobody_has_used_it_for_twelve_hours() -> None:
    async def scenario() -> None:
        board = Board()
        desk = Desk(board.switchboard, _open_fake, most=10, host="127.0.0.1", plan={})
        talks = TalkDesk(desk, board.journal, ("en", "fr"))
        one, two = talks.create()
        for token, language in ((one, "en"), (two, "fr")):
            await asyncio.sleep(11 * HOUR)
            talks.join(token, language).end("hung up")
        await asyncio.sleep(13 * HOUR)
        for token, language in ((one, "en"), (two, "fr")):
            with pytest.raises(Refused, match="there is no such link"):
                talks.join(token, language)
        await board.switchboard.close("test over")

    run_virtually(scenario())
