"""Which voice speaks for each party, from the first segment on and after a change. Virtual time."""

from __future__ import annotations

from tests.calls.test_switchboard import on_a_board
from tests.support.board import Board
from translink.calls.talker_voice import TalkerVoice

Spoken = list[tuple[str, str | None]]


def test_the_ears_voice_is_its_languages_and_goes_with_it() -> None:
    voice = TalkerVoice(None, "aura-2-hector-fr", second=False)
    assert voice.wish == "aura-2-hector-fr"
    voice.of_hearer = None
    assert voice.wish == "usually:feminine"
    voice.of_talker = "masculine"
    assert voice.wish == "masculine"


def test_the_sides_differ_whoever_speaks_first_and_a_change_holds_from_the_next_segment_on() -> (
    None
):
    asked: Spoken = []

    async def scenario(board: Board) -> None:
        board.legs["2"].hear()  # the second of the pair begins the call
        (call,) = board.switchboard.calls.values()
        interpreters = call.interpreters

        def voices() -> Spoken:
            return [
                (each._speaker._target, each._speaker._voice)
                for each in (interpreters["1"], interpreters["2"])
            ]

        asked.extend(voices())
        board.switchboard.legs["2"].set_voice_for("feminine")
        asked.extend(voices())
        board.switchboard.set_language("1", "it")  # what the second is heard in
        asked.extend(voices())
        board.switchboard.legs["2"].set_voice_for(None)
        asked.extend(voices())
        assert board.switchboard.leg_live("2").voice_for == "default"

    on_a_board(scenario)
    first = ("fr", "usually:feminine")
    assert asked == [
        *(first, ("en", "usually:masculine")),
        *(first, ("en", "feminine")),
        *(first, ("it", "feminine")),
        *(first, ("it", "usually:masculine")),
    ]
