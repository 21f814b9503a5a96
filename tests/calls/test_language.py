"""Somebody goes on in another language while the call runs: no word lost, none doubled, none
recognised or translated as if it were of the other one. Virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.board import Board
from tests.support.virtual import run_virtually


def on_a_board(scenario: Callable[[Board], Awaitable[None]], **settings: Any) -> Board:
    async def run() -> Board:
        board = Board(idle_timeout=30, **settings)
        await scenario(board)
        await board.switchboard.close("test over")
        return board

    return run_virtually(run())


async def pause(board: Board, leg: str, seconds: float) -> None:
    for _ in range(round(seconds * 50)):
        board.legs[leg].hear(speech=False)
        await asyncio.sleep(0.02)


def languages(board: Board, leg: str) -> list[str]:
    return [event["language"] for event in board.events("segment") if event["leg"] == leg]


def said_once_and_in_order(board: Board) -> None:
    """The fake recogniser makes a word of each half second, and of what is left at the end."""
    finals = [(e["start"], e["end"]) for e in board.events("final") if e["text"]]
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(finals))


@pytest.mark.parametrize("mode", ["streaming", "prerecorded"])
def test_each_word_is_of_the_language_in_which_it_was_said(mode: str) -> None:
    async def scenario(board: Board) -> None:
        await board.talk("1", 1.0)
        await pause(board, "1", 1.0)
        board.switchboard.set_language("1", "it")
        await board.talk("1", 1.0)
        await pause(board, "1", 1.0)
        assert board.switchboard.leg_live("2").hears == "it"

    board = on_a_board(scenario, mode=mode)
    heard = languages(board, "1")
    assert heard == sorted(heard, key=["en", "it"].index)
    assert set(heard) == {"en", "it"}
    said_once_and_in_order(board)
    if mode == "streaming":
        assert board.providers.connected.count("it") == 1
        finals = [event for event in board.events("final") if event["text"]]
        # Nothing between the two was left out: silence has words for this recogniser.
        assert all(a["end"] == b["start"] for a, b in itertools.pairwise(finals[:4]))
    assert board.events("loss") == []
    (ended,) = [e for e in board.events("call") if e["state"] == "ended"]
    assert ended["1.lost_ms"] == 0


def test_in_mid_speech_it_changes_at_the_next_pause() -> None:
    async def scenario(board: Board) -> None:
        talk = asyncio.create_task(board.talk("1", 1.5))
        await asyncio.sleep(0.6)
        board.switchboard.set_language("1", "it")
        await asyncio.sleep(0.3)
        assert board.providers.connected.count("it") == 0
        await talk
        await pause(board, "1", 0.6)
        assert board.providers.connected.count("it") == 1
        await board.talk("1", 1.0)
        await pause(board, "1", 0.5)

    board = on_a_board(scenario)
    heard = languages(board, "1")
    assert heard[:3] == ["en"] * 3
    assert heard == sorted(heard)
    assert heard.count("it") >= 2


def test_who_never_pauses_is_not_waited_for_for_ever() -> None:
    async def scenario(board: Board) -> None:
        talk = asyncio.create_task(board.talk("1", 6.0))
        await asyncio.sleep(1.0)
        board.switchboard.set_language("1", "it")
        await talk
        await pause(board, "1", 0.5)

    board = on_a_board(scenario)
    heard = languages(board, "1")
    assert heard == sorted(heard)
    assert 5 <= heard.count("en") <= 8
    assert heard.count("it") >= 4
    said_once_and_in_order(board)


def test_the_listener_hears_their_new_language_from_the_next_segment_on() -> None:
    async def scenario(board: Board) -> None:
        await board.talk("1", 1.0)
        await pause(board, "1", 0.3)
        board.switchboard.set_language("2", "de")
        await board.talk("1", 1.0)
        await pause(board, "1", 0.3)

    board = on_a_board(scenario)
    targets = [event["target"] for event in board.events("translation") if event["leg"] == "1"]
    assert targets[:2] == ["fr", "fr"]
    assert set(targets[2:]) == {"de"}
    assert board.providers.connected.count("en") == 1, "the other talker is not disturbed"


def test_a_leg_keeps_its_language_for_its_next_call() -> None:
    async def scenario(board: Board) -> None:
        board.switchboard.set_language("1", "it")
        with pytest.raises(KeyError):
            board.switchboard.set_language("9", "it")
        await board.talk("1", 0.6)
        await pause(board, "1", 0.3)

    board = on_a_board(scenario)
    assert set(languages(board, "1")) == {"it"}
    (event,) = [e for e in board.events("settings") if e.get("language")]
    assert (event["leg"], event["language"]) == ("1", "it")


def test_a_change_of_language_while_no_stream_can_be_had_loses_nothing() -> None:
    async def scenario(board: Board) -> None:
        board.providers.bugs["listen it"] = board.providers.bugs["listen en"] = _down()
        await board.talk("1", 1.0)
        await pause(board, "1", 1.0)
        board.switchboard.set_language("1", "it")
        await board.talk("1", 1.0)
        await pause(board, "1", 1.0)

    board = on_a_board(scenario)
    assert set(languages(board, "1")) == {"en", "it"}
    assert board.events("loss") == []


def _down() -> Exception:
    from translink.errors import Kind, ProviderError

    return ProviderError("down", provider="fake", kind=Kind.TRANSIENT)


def test_new_key_terms_are_known_from_the_next_pause_on_and_cost_no_word() -> None:
    async def scenario(board: Board) -> None:
        await board.talk("1", 1.0)
        board.switchboard.legs["1"].set_keyterm(("Anna Schmidt",))
        await board.talk("1", 0.4)
        await pause(board, "1", 1.0)
        await board.talk("1", 1.0)
        await pause(board, "1", 1.0)
        assert board.switchboard.leg_live("1").keyterm == ("Anna Schmidt",)

    board = on_a_board(scenario)
    assert board.providers.expected == [("Anna Schmidt",)]
    assert board.providers.connected.count("en") == 2
    (event,) = board.events("keyterm")
    assert (event["leg"], event["state"], event["reason"]) == ("1", "applied", "by a new stream")
    said_once_and_in_order(board)
    assert board.events("loss") == []
