"""One call: which leg hears which, how it ends, what its record says. No sockets; virtual time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.board import Board
from tests.support.virtual import run_virtually
from translink.errors import Kind, ProviderError
from translink.observe.views import CallRow


def a_call(
    scenario: Callable[[Board], Awaitable[None]], **settings: object
) -> tuple[Board, dict[str, Any]]:
    """Run it on legs 1 (en) and 2 (fr), hang up, drain. The board and the call's record."""

    async def run() -> Board:
        board = Board(**{"idle_timeout": 60, **settings})
        await scenario(board)
        for name in tuple(board.switchboard.calls):
            board.switchboard.end_call(name, "hung up")
        await board.no_calls()
        return board

    board = run_virtually(run())
    (ended,) = [event for event in board.events("call") if event["state"] == "ended"]
    return board, ended


def test_each_ear_gets_the_others_words_and_nobody_their_own() -> None:
    async def scenario(board: Board) -> None:
        await asyncio.gather(board.talk("1", 0.5), board.talk("2", 1.0))

    board, ended = a_call(scenario)
    assert bytes(board.legs["2"].played) == b"(word)"
    assert bytes(board.legs["1"].played) == b"(word)" * 2
    assert (ended["1.spoken"], ended["2.spoken"]) == (1, 2)
    assert sorted(board.providers.connected) == ["en", "fr"]
    assert not board.legs["3"].played
    assert not board.legs["4"].played


def test_the_record_of_a_call_tells_what_was_done_and_lost() -> None:
    async def scenario(board: Board) -> None:
        await board.talk("1", 1.0)
        board.providers.bugs["translate en"] = ProviderError(
            "no", provider="fake", kind=Kind.REFUSED
        )
        await board.talk("1", 0.5)

    _, ended = a_call(scenario)
    figures = {key: value for key, value in ended.items() if key.startswith("1.")}
    assert figures == {
        "1.words": 3,
        "1.segments": 3,
        "1.translated": 2,
        "1.untranslated": 1,
        "1.spoken": 2,
        "1.unspoken": 0,
        "1.captioned": 0,
        "1.skipped": 0,
        "1.through": 0,
        "1.echoed": 0,
        "1.behind_max_s": 0.0,
        "1.behind_p95_s": 0.0,
        "1.ahead": 0,
        "1.ahead_used": 0,
        "1.ahead_wasted": 0,
        "1.characters": 3 * len("word"),
        "1.connections": 1,
        "1.failovers": 0,
        "1.replayed_ms": 0,
        "1.lost_ms": 0,
        "1.errors": 0,
    }
    assert ended["reason"] == "hung up"
    assert ended["mouth_to_ear_p50_ms"] > 0


def test_a_running_call_has_a_row_too() -> None:
    rows: list[CallRow] = []

    async def scenario(board: Board) -> None:
        await board.talk("1", 1.0)
        rows.extend(board.switchboard.row(name) for name in board.switchboard.calls)

    _, ended = a_call(scenario)
    (running,) = rows
    assert (running.state, running.reason, running.seconds, running.words) == ("running", "", 1, 2)
    assert (running.call, running.legs, running.languages) == (
        ended["call"],
        ("1", "2"),
        ("en", "fr"),
    )


def test_who_speaks_the_listeners_language_is_not_translated() -> None:
    async def scenario(board: Board) -> None:
        board.providers.bugs["translate en"] = RuntimeError("nobody may ask")
        await board.talk("1", 0.5)

    legs = [
        {"name": name, "language": language, "listen": 0, "play_to": int(name)}
        for name, language in (("1", "en"), ("2", "en-GB"), ("3", "de"), ("4", "es"))
    ]
    board, _ = a_call(scenario, legs=legs)
    assert bytes(board.legs["2"].played).rstrip(b"\0") == b"word"


@pytest.mark.parametrize("service", ["translate en", "speak fr"])
def test_a_provider_that_hangs_holds_up_the_end_of_a_call_no_longer_than_allowed(
    service: str,
) -> None:
    took = 0.0

    async def scenario(board: Board) -> None:
        nonlocal took
        board.providers.delays[service] = 3600.0
        await board.talk("1", 0.5)
        (name,) = board.switchboard.calls
        began = time.monotonic()
        board.switchboard.end_call(name, "hung up")
        await board.no_calls()
        took = time.monotonic() - began

    board, ended = a_call(scenario, drain_timeout=1.0)
    assert 0.9 < took < 2.0
    assert ended["1.spoken"] == 0
    assert board.providers.open == 0


def test_a_network_that_stands_still_in_mid_word_is_waited_for_when_the_server_stops() -> None:
    """As long as the engine waits for RTP until it takes the talker to have stopped."""

    async def scenario(board: Board) -> None:
        await board.talk("1", 0.5)
        closing = asyncio.create_task(board.switchboard.close("shutdown"))
        await asyncio.sleep(0.55)
        await board.talk("1", 0.5)
        await closing

    _, ended = a_call(scenario, drain_timeout=6.0)
    assert (ended["reason"], ended["1.words"], ended["1.spoken"]) == ("shutdown", 2, 2)


def test_a_recogniser_that_hangs_at_the_end_is_reported_as_a_loss() -> None:
    async def scenario(board: Board) -> None:
        board.switchboard.set_mode("prerecorded")
        board.providers.delays["transcribe en"] = 3600.0
        await board.talk("1", 0.5)

    board, ended = a_call(scenario, drain_timeout=1.0)
    assert 400 <= ended["1.lost_ms"] <= 600
    (loss,) = board.events("loss")
    assert loss["leg"] == "1"


def test_speech_that_no_provider_answers_waits_and_is_not_lost_yet() -> None:
    rows: list[CallRow] = []

    async def scenario(board: Board) -> None:
        board.switchboard.set_mode("prerecorded")
        board.providers.delays["transcribe en"] = 5.0
        await board.talk("1", 1.0)
        rows.extend(board.switchboard.row(name) for name in board.switchboard.calls)
        assert board.switchboard.leg_live("1").waiting_ms == rows[0].waiting_ms
        board.legs["1"].hear(50, speech=False)
        await asyncio.sleep(20.0)
        rows.extend(board.switchboard.row(name) for name in board.switchboard.calls)

    a_call(scenario)
    waiting, answered = rows
    assert 900 <= waiting.waiting_ms <= 1100
    assert waiting.lost_ms == answered.lost_ms == answered.waiting_ms == 0


def test_a_silent_call_says_when_it_will_end() -> None:
    left: list[float | None] = []

    async def scenario(board: Board) -> None:
        await board.talk("1", 0.5)
        (name,) = board.switchboard.calls
        left.append(board.switchboard.row(name).ends_in_s)
        await asyncio.sleep(20.0)
        left.append(board.switchboard.row(name).ends_in_s)

    a_call(scenario, idle_timeout=30)
    talking, silent = left
    assert talking is None
    assert silent is not None
    assert 9 <= silent <= 10.5


def test_silence_foretells_no_end_while_somebody_is_known_to_be_on_the_line() -> None:
    async def scenario(board: Board) -> None:
        await board.talk("1", 0.5)
        (name,) = board.switchboard.calls
        board.switchboard.legs["2"].attend(True)
        await asyncio.sleep(20.0)
        assert board.switchboard.row(name).ends_in_s is None
        board.switchboard.legs["2"].attend(False)
        assert board.switchboard.row(name).ends_in_s is not None

    a_call(scenario, idle_timeout=30)
