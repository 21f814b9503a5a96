"""The notice at the start of a call: in each party's language, before any translation, and in the record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.board import Board
from tests.support.recording import recording
from tests.support.virtual import run_virtually
from translink.calls.notice import NOTICE_TIME, Notices, wav_of
from translink.errors import Kind, ProviderError, SettingsError
from translink.observe.transcripts import Transcripts
from translink.settings.prompts import NoticeSettings

TEXT = {"en": "By machine.", "fr": "Par machine!"}


def a_call(
    text: dict[str, str], prepare: Callable[[Board], None] = lambda _: None, seconds: float = 1.0
) -> tuple[Board, list[dict[str, Any]]]:
    """The board after a call in which leg 1 (en) talked to leg 2 (fr), and the events of the notice."""

    async def run() -> Board:
        board = Board(idle_timeout=60, drain_timeout=10.0, notice={"text": text})
        prepare(board)
        await asyncio.gather(board.talk("1", seconds), board.talk("2", 0.1))
        for name in tuple(board.switchboard.calls):
            board.switchboard.end_call(name, "hung up")
        async with asyncio.timeout(20):
            while board.switchboard.calls:  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(0.01)
        return board

    board = run_virtually(run())
    return board, board.events("notice")


def test_each_party_hears_it_in_their_language_before_anything_else() -> None:
    board, events = a_call(TEXT)
    assert bytes(board.legs["1"].played).startswith(b"By machine." + bytes(1))
    assert bytes(board.legs["2"].played) == b"Par machine!" + b"(word)" * 2
    assert {(each["leg"], each["state"], each["text"]) for each in events} == {
        (leg, state, text)
        for leg, text in (("1", "By machine."), ("2", "Par machine!"))
        for state in ("started", "finished")
    }


def test_a_language_that_is_not_there_gets_a_translation() -> None:
    board, events = a_call({"en": "By machine."})
    assert bytes(board.legs["2"].played).startswith(b"(By machine.)")
    assert {each["text"] for each in events if each["leg"] == "2"} == {"(By machine.)"}


def test_without_a_text_nothing_is_said() -> None:
    board, events = a_call({})
    assert bytes(board.legs["2"].played) == b"(word)" * 2
    assert not events


@pytest.mark.parametrize("trouble", ["fails", "hangs"])
def test_a_voice_in_trouble_costs_the_notice_and_no_word(trouble: str) -> None:
    def prepare(board: Board) -> None:
        # Of the other direction's voice: translations go on being spoken.
        if trouble == "fails":
            board.providers.bugs["speak en"] = ProviderError("no", provider="x", kind=Kind.REFUSED)
        else:
            board.providers.delays["speak en"] = 60.0

    board, events = a_call(TEXT, prepare, seconds=NOTICE_TIME + 1.0)
    assert [each["state"] for each in events if each["leg"] == "1"] == ["failed"]
    assert bytes(board.legs["2"].played).startswith(b"Par machine!(word)")


def test_a_silent_party_hears_it_a_moment_later_and_loses_no_word() -> None:
    async def run() -> Board:
        board = Board(idle_timeout=60, notice={"text": TEXT})
        await board.talk("1", 0.5)
        assert not board.legs["2"].played
        await board.talk("1", 1.0)
        await asyncio.sleep(0.5)
        assert bytes(board.legs["2"].played) == b"Par machine!" + b"(word)" * 3
        return board

    run_virtually(run())


def test_it_is_kept_with_the_transcript() -> None:
    async def run() -> Transcripts:
        board = Board(idle_timeout=60, notice={"text": TEXT})
        transcripts = Transcripts(board.journal)
        await board.talk("1", 1.5)
        (call,) = board.switchboard.calls
        notices = transcripts[call].notices
        assert {each.leg: (each.text, each.state) for each in notices.values()} == {
            "1": ("By machine.", "finished"),
            "2": ("Par machine!", "finished"),
        }
        return transcripts

    run_virtually(run())


def test_a_file_is_played_as_it_is(tmp_path: Path) -> None:
    def wav(seconds: float) -> Path:
        path = tmp_path / f"{seconds}.wav"
        path.write_bytes(recording(b"\1\2" * round(16_000 * seconds)))
        return path

    async def run() -> None:
        services = Board().switchboard.vendors.usual.services
        settings = NoticeSettings(text={"fr": "Texte."}, file={"en": wav(0.5)})
        notices = Notices(settings, services)
        english = await notices.of("en-GB", None)
        assert english is not None
        assert (english.text, english.pcm) == ("[0.5.wav]", b"\1\2" * 8_000)
        french = await notices.of("fr", None)
        assert french is not None
        assert french.text == "Texte."

    run_virtually(run())
    for path, reason in (
        (wav(31), "at most 30 s"),
        (tmp_path / "none.wav", "cannot be read"),
        (Path(__file__), "not a RIFF WAV"),
    ):
        with pytest.raises(SettingsError, match=reason):
            wav_of(path)
