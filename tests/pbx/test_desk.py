"""Seats for parties that a telephone system brings, without a telephone system."""

from __future__ import annotations

import asyncio
from dataclasses import replace
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


def _opened(leg: LegSettings) -> MediaLeg:
    made = FakeLeg()
    made.on_playout = lambda _: None
    return cast("MediaLeg", made)


def _desk(board: Board) -> Desk:
    """A telephone system brings the audio of legs 1 and 2."""
    for name, language in (("1", "en"), ("2", "fr")):
        board.switchboard.legs[name].restore(LegSettings(name=name, language=language, voice="own"))
    return Desk(board.switchboard, _opened, most=10, host="127.0.0.1", plan={})


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


@pytest.mark.parametrize("was", [False, True])
@pytest.mark.parametrize("said", [None, False, True])
def test_an_operators_word_on_muting_outlasts_a_hold(was: bool, said: bool | None) -> None:
    async def scenario() -> None:
        board = Board()
        seat = _desk(board).seize("1", "", lambda: None)
        leg, media = board.switchboard.legs["1"], board.legs["1"]
        leg.set_sound(volume=None, muted=was)
        seat.hold(True)
        seat.hold(True)
        heard = [not media.muted]
        leg.set_sound(volume=None, muted=said)
        seat.hold(False)
        seat.hold(False)
        heard.append(not media.muted)
        assert heard == [False, not (was if said is None else said)]
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


def test_the_last_words_of_a_party_who_waited_alone_are_not_the_next_ones() -> None:
    async def scenario() -> None:
        board = Board(idle_timeout=60)
        desk = _desk(board)
        lonely = desk.seize("1", "", lambda: None)
        lonely.arrive()
        await board.talk("1", 2.0)
        lonely.leave("hung up")
        await asyncio.sleep(60)
        desk.seize("2", "", lambda: None).arrive()
        desk.seize("1", "", lambda: None).arrive()
        (call,) = board.switchboard.calls.values()
        assert call.interpreters["1"].listener.acknowledged == board.legs["1"].head
        await board.switchboard.close("test over")

    run_virtually(scenario())


def test_a_leg_is_given_back_in_its_language_and_with_what_an_operator_has_changed() -> None:
    async def scenario() -> None:
        board = Board()
        desk = _desk(board)
        leg = board.switchboard.legs["1"]
        seat = desk.seize("1", "", lambda: None)
        desk.chosen(leg, "de")
        leg.set_record(False)
        leg.set_keyterm(("Ouagadougou",))
        assert leg.language == "de"
        seat.leave("hung up")
        assert (leg.language, leg.settings.voice) == ("en", "own")
        assert leg.settings.record is False
        assert leg.settings.keyterm == ("Ouagadougou",)
        await board.switchboard.close("test over")

    run_virtually(scenario())


def test_a_room_speaks_the_legs_language_whatever_a_caller_at_the_leg_chose() -> None:
    async def scenario() -> None:
        board = Board()
        desk = _desk(board)
        desk.seize("1", "", lambda: None)
        desk.chosen(board.switchboard.legs["1"], "de")
        assert desk.seize("1", "room", lambda: None).leg.language == "en"
        assert board.switchboard.legs["1"].language == "de"
        await board.switchboard.close("test over")

    run_virtually(scenario())


def test_a_room_has_the_mode_that_was_switched_to_at_its_legs() -> None:
    async def scenario() -> None:
        board = Board(idle_timeout=60)
        desk, switchboard = _desk(board), board.switchboard
        switchboard.set_mode("streaming", "1")
        desk.seize("1", "first", lambda: None).arrive()
        desk.seize("2", "first", lambda: None).arrive()
        await asyncio.sleep(0.1)
        assert (switchboard.mode_of("1.first"), switchboard.mode_of("2.first")) == (
            "streaming",
            "auto",
        )
        switchboard.set_mode(share=0.5)
        assert switchboard.mode_of("1.first") == "streaming"
        switchboard.set_mode("prerecorded")
        desk.seize("1", "next", lambda: None).arrive()
        desk.seize("2", "next", lambda: None).arrive()
        modes = [switchboard.mode_of(leg) for leg in ("1.first", "1.next", "2.next")]
        assert modes == ["prerecorded"] * 3
        await switchboard.close("test over")

    run_virtually(scenario())


@pytest.mark.parametrize(
    ("one", "two"), [("a-pbx-with-a-long-name-1700000000.1", None), ("a/b", "a_b"), ("ü", "ä")]
)
def test_those_whose_call_ids_differ_never_meet(one: str, two: str | None) -> None:
    async def scenario() -> None:
        board = Board()
        desk = _desk(board)
        first = desk.seize("1", one, lambda: None)
        stranger = desk.seize("2", two or f"{one}7", lambda: None)
        friend = desk.seize("2", one, lambda: None)
        assert first.room is friend.room is not stranger.room
        assert all(len(seat.leg.name) <= 32 for seat in (first, stranger, friend))
        assert desk.seize("1", "room-5", lambda: None).leg.name == "1.room-5"
        await board.switchboard.close("test over")

    run_virtually(scenario())


def test_a_dialled_call_in_which_one_party_could_never_be_spoken_to_is_refused() -> None:
    async def scenario() -> None:
        board = Board()
        choice = board.switchboard.vendors
        services = replace(choice.usual.services, speaks=lambda language, _: language != "pl")
        choice.usual = replace(choice.usual, services=services)
        with pytest.raises(Unavailable, match="no voice for pl") as refused:
            _desk(board).seize_pair("line", ("en", "pl"), (lambda: None, lambda: None))
        assert not refused.value.busy
        await board.switchboard.close("test over")

    run_virtually(scenario())


@pytest.mark.parametrize(
    ("language", "vendor", "reason"),
    [
        ("english", "deepl", "language english: should be a language tag"),
        ("auto", "deepl", "language auto: is for legs of the settings"),
        ("en", "DeepL", "translate DeepL: String should match"),
    ],
)
def test_what_is_wrong_in_a_dialplans_words_is_named(
    language: str, vendor: str, reason: str
) -> None:
    async def scenario() -> None:
        board = Board()
        nobody = (lambda: None, lambda: None)
        with pytest.raises(Unavailable, match=f"^{reason}") as refused:
            _desk(board).seize_pair("line", (language, "fr"), nobody, {"translate": (vendor,)})
        assert not refused.value.busy
        await board.switchboard.close("test over")

    run_virtually(scenario())
