"""Keys of the telephone during a call: what they do, and that nothing of it outlives the call."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from tests.support.board import Board
from tests.support.virtual import run_virtually
from translink._core import Digit

KEYS = {"repeat": "1", "louder": "2", "original": "3", "end": "9"}


class Pressed:
    def __init__(self, key: str) -> None:
        self.key = key


def press(board: Board, leg: str, keys: str) -> None:
    for key in keys:
        board.legs[leg].on_digit(cast("Digit", Pressed(key)))


def done(board: Board) -> list[tuple[object, object]]:
    return [(each["what"], each.get("value")) for each in board.events("control")]


def test_keys_do_what_the_settings_say_and_the_next_call_hears_as_ever() -> None:
    async def run() -> Board:
        board = Board(idle_timeout=60, dtmf=KEYS)
        await board.talk("1", 1.0)
        leg = board.legs["2"]
        leg.played.clear()
        press(board, "2", "1")
        assert bytes(leg.played) == b"(word)"
        press(board, "2", "22")
        assert leg.volume == 2.0
        press(board, "2", "23")
        assert (leg.volume, leg.original) == (1.0, "through")
        press(board, "2", "2")
        press(board, "2", "45#")
        press(board, "1", "9")
        await board.no_calls()
        assert (leg.volume, leg.original) == (1.0, "replace")
        return board

    board = run_virtually(run())
    assert done(board) == [
        ("repeat", "again"),
        ("louder", "1.41"),
        ("louder", "2.00"),
        ("louder", "1.00"),
        ("original", "through"),
        ("louder", "1.41"),
        ("end", None),
    ]
    (ended,) = [event for event in board.events("call") if event["state"] == "ended"]
    assert "key" in str(ended["reason"])


def test_the_original_goes_back_to_what_it_was() -> None:
    async def run() -> Board:
        board = Board(idle_timeout=60, dtmf=KEYS)
        board.switchboard.legs["2"].set_hearing(original="duck", echo_guard=None)
        await board.talk("1", 0.5)
        press(board, "2", "3")
        assert board.legs["2"].original == "through"
        press(board, "2", "3")
        assert board.legs["2"].original == "duck"
        return board

    run_virtually(run())


def test_without_settings_and_without_a_call_keys_do_nothing() -> None:
    async def run() -> Board:
        board = Board(idle_timeout=60, dtmf=KEYS)
        press(board, "1", "1239")
        other = Board(idle_timeout=60)
        await other.talk("1", 0.5)
        press(other, "2", "0123456789*#ABCD")
        assert other.switchboard.calls
        assert not done(other)
        return board

    assert not done(run_virtually(run()))


def test_keys_that_a_telephone_system_tells_do_not_count_twice() -> None:
    async def run() -> Board:
        board = Board(idle_timeout=60, dtmf=KEYS)
        await board.talk("1", 0.5)
        leg = board.switchboard.legs["2"]
        leg.digits_reported = True
        press(board, "2", "2")
        board.switchboard.pressed(leg, "2")
        return board

    assert done(run_virtually(run())) == [("louder", "1.41")]


@pytest.mark.parametrize("keys", ["1", "2", "3", "22233"])
def test_what_an_operator_sets_after_a_key_was_pressed_lasts_over_the_call(keys: str) -> None:
    async def run() -> None:
        board = Board(idle_timeout=60, dtmf=KEYS)
        await board.talk("1", 1.0)
        press(board, "2", keys)
        leg = board.switchboard.legs["2"]
        leg.set_sound(volume=0.5, muted=None)
        leg.set_hearing(original="duck", echo_guard=None)
        press(board, "1", "9")
        await board.no_calls()
        assert (board.legs["2"].volume, board.legs["2"].original) == (0.5, "duck")

    run_virtually(run())


def test_keys_pressed_after_an_operator_has_set_something_are_undone_to_that() -> None:
    async def run() -> None:
        board = Board(idle_timeout=60, dtmf=KEYS)
        await board.talk("1", 1.0)
        press(board, "2", "23")
        leg = board.switchboard.legs["2"]
        leg.set_sound(volume=0.5, muted=None)
        leg.set_hearing(original="duck", echo_guard=None)
        press(board, "2", "23")
        assert (round(board.legs["2"].volume, 2), board.legs["2"].original) == (0.71, "through")
        press(board, "1", "9")
        await board.no_calls()
        assert (board.legs["2"].volume, board.legs["2"].original) == (0.5, "duck")

    run_virtually(run())


def test_keys_of_a_call_that_still_drains_change_nothing_for_the_next_one() -> None:
    async def run() -> None:
        board = Board(idle_timeout=60, drain_timeout=10.0, dtmf=KEYS)
        leg = board.legs["2"]
        board.providers.delays["translate fr"] = 5.0
        await asyncio.gather(board.talk("1", 1.0), board.talk("2", 1.0))
        press(board, "2", "3")
        (first,) = board.switchboard.calls
        board.switchboard.end_call(first, "asked to end")
        await board.talk("1", 1.5)
        (old, new) = board.switchboard.calls
        assert (old, leg.original) == (first, "replace")
        press(board, "2", "3")
        async with asyncio.timeout(20):
            while old in board.switchboard.calls:  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(0.01)
        assert leg.original == "through", "as the party of the new call wants it"
        board.switchboard.end_call(new, "over")
        await board.no_calls()
        assert leg.original == "replace"

    run_virtually(run())
