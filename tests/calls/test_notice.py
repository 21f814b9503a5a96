"""The notice at the start of a call: in each party's language, before any translation, and in the record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.fakes.media import FakePlayout
from tests.support.board import Board
from tests.support.recording import recording
from tests.support.virtual import run_virtually
from translink.calls.hearing import Hearing
from translink.calls.notice import NOTICE_TIME, Announcement, Notices, SpokenNotice, wav_of
from translink.errors import Kind, ProviderError, SettingsError
from translink.observe.journal import Journal
from translink.observe.transcripts import Transcripts
from translink.settings.prompts import NoticeSettings

if TYPE_CHECKING:
    from translink._core import Playout

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


class AskedNotices:
    """Has nothing to say, and keeps what it was asked for."""

    wanted = True

    def __init__(self) -> None:
        self.asked: set[tuple[str, str | None]] = set()

    async def of(self, language: str, voice: str | None) -> SpokenNotice | None:
        self.asked.add((language, voice))
        return None


def test_a_notice_in_mid_call_is_in_the_languages_spoken_by_then() -> None:
    legs: list[dict[str, object]] = [
        {"name": "1", "language": "auto", "candidates": ["en", "de"], "listen": 0, "play_to": 1},
        {"name": "2", "language": "fr", "voice": "v", "listen": 0, "play_to": 2},
        {"name": "3", "language": "de", "listen": 0, "play_to": 3},
        {"name": "4", "language": "es", "listen": 0, "play_to": 4},
    ]

    async def run() -> None:
        board = Board(idle_timeout=60, legs=legs)
        await board.talk("1", 0.5)
        (call,) = board.switchboard.calls.values()
        before, after = AskedNotices(), AskedNotices()
        call.announcements.announce(before)
        await asyncio.sleep(0.1)
        call.interpreters["1"].on_language("de")
        board.switchboard.set_language("2", "it")
        call.announcements.announce(after)
        await asyncio.sleep(0.1)
        assert before.asked == {("en", None), ("fr", "v")}
        assert after.asked == {("de", None), ("it", None)}, "a voice is of one language"
        await board.switchboard.close("test over")

    run_virtually(run())


class NarrowEar:
    """Takes so many bytes, until it has more room."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken = b""
        self.open: set[int] = set()
        """What was begun and not ended."""

    def play(self, utterance: int, pcm: bytes, last: bool = False) -> int:
        accepted = min(len(pcm), self.room)
        self.room -= accepted
        self.taken += pcm[:accepted]
        self.open.add(utterance)
        if last and accepted == len(pcm):
            self.open.discard(utterance)
        return accepted

    def flush(self) -> None:
        self.taken = b""


def a_notice(
    ear: NarrowEar, pcm: bytes, meanwhile: Callable[[Announcement], None]
) -> list[dict[str, Any]]:
    """What is told of a notice with this sound that is said into this ear; `meanwhile` happens after 3 s."""

    class OneNotice:
        wanted = True

        async def of(self, language: str, voice: str | None) -> SpokenNotice | None:
            return SpokenNotice("By machine.", language, pcm)

    async def run() -> Journal:
        journal = Journal()
        announcement = Announcement(
            OneNotice(),
            call="c1",
            leg="1",
            language="en",
            voice=None,
            ear=ear,
            hearing=Hearing(),
            journal=journal,
        )
        announcement.present.set()
        asyncio.get_running_loop().call_later(3.0, meanwhile, announcement)
        await announcement.run()
        for kind in ("started", "finished"):
            step = FakePlayout(announcement._number, kind, 0)
            announcement.playout(cast("Playout", step))
        return journal

    return [event.as_dict() for event in run_virtually(run()).events]


def test_a_notice_that_a_full_ear_takes_in_part_holds_up_nothing_behind_it() -> None:
    ear = NarrowEar(room=4)
    (failed,) = a_notice(ear, b"By machine.", lambda _: None)
    assert (failed["state"], failed["reason"]) == ("failed", "the ear is full")
    assert ear.taken == b"By m"
    assert not ear.open


def test_a_notice_waits_for_room_in_an_ear_that_is_full_at_first() -> None:
    ear = NarrowEar(room=0)

    def makes_room(_: Announcement) -> None:
        ear.room = 100

    told = a_notice(ear, b"By machine.", makes_room)
    assert [each["state"] for each in told] == ["started", "finished"]
    assert ear.taken == b"By machine."
    assert not ear.open


def test_a_voice_that_gives_no_sound_is_not_taken_for_a_full_ear() -> None:
    ear = NarrowEar(room=100)
    (failed,) = a_notice(ear, b"", lambda _: None)
    assert (failed["state"], failed["reason"]) == ("failed", "no sound came")
    assert not ear.open
