"""A caller is asked for their language: by key, too late, not at all."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import cast

from tests.support.board import Board, FakeLeg
from tests.support.virtual import run_virtually
from translink._core import Digit
from translink.errors import Kind, ProviderError
from translink.media import MediaLeg
from translink.pbx.desk import Desk
from translink.pbx.menu import MENU_PAUSE, MENU_TIME, LanguageChoice, LanguageMenu
from translink.settings.legs import LegSettings
from translink.settings.prompts import MenuSettings

SETTINGS = MenuSettings(languages=("en", "fr"), wait=4.0, times=2)
SECOND = 32_000


class KeyPresser(FakeLeg):
    name = "3333"

    def __init__(self) -> None:
        super().__init__()
        self.on_playout = lambda _: None
        self.sound = b""

    def play(self, utterance: int, pcm: bytes, last: bool = False) -> int:
        self.sound += pcm
        return super().play(utterance, pcm, last)


async def speak(text: str, language: str, voice: str | None) -> AsyncIterator[bytes]:
    yield f"{language}: {text}".encode().ljust(SECOND)


async def silent(text: str, language: str, voice: str | None) -> AsyncIterator[bytes]:
    raise ProviderError("no voice", provider="x", kind=Kind.REFUSED)
    yield b""


async def hanging(text: str, language: str, voice: str | None) -> AsyncIterator[bytes]:
    await asyncio.sleep(3_600)
    yield b""


def choose(
    *keys: tuple[float, str], voice: object = speak
) -> tuple[list[str | None], float, KeyPresser]:
    """What was chosen by keys at these seconds, after how long, and what was heard."""

    async def run() -> tuple[list[str | None], float, KeyPresser]:
        caller, chosen = KeyPresser(), list[str | None]()
        menu = LanguageMenu(SETTINGS, voice)  # type: ignore[arg-type]
        began, took = time.monotonic(), 0.0

        def done(language: str | None) -> None:
            nonlocal took
            chosen.append(language)
            took = time.monotonic() - began

        choice = LanguageChoice(menu, cast("MediaLeg", caller), done)
        for at, key in keys:
            await asyncio.sleep(began + at - time.monotonic())
            choice.pressed(key)
        await asyncio.sleep(60)
        choice.stop()
        return chosen, took, caller

    return run_virtually(run())


def test_each_language_is_said_by_its_own_voice() -> None:
    _, _, caller = choose((0.5, "2"))
    assert "en: 1, English." in caller.sound.decode()
    assert "fr: 2, français." in caller.sound.decode()
    assert len(caller.sound) == 2 * SECOND + len(MENU_PAUSE)


def test_a_key_is_taken_while_it_is_still_asked() -> None:
    chosen, took, caller = choose((0.2, "7"), (0.5, "2"), (0.6, "1"))
    assert (chosen, round(took, 3)) == (["fr"], 0.5)
    assert not caller.played, "and it is asked no longer"


def test_who_presses_nothing_is_asked_twice_and_goes_on_in_the_legs_language() -> None:
    chosen, took, caller = choose()
    assert chosen == [None]
    assert round(took, 1) == 2 * (2.3 + SETTINGS.wait)
    assert len(caller.sound) == 2 * (2 * SECOND + len(MENU_PAUSE))


def test_a_menu_that_cannot_be_spoken_keeps_nobody_waiting() -> None:
    chosen, took, caller = choose(voice=silent)
    assert (chosen, round(took, 3), caller.sound) == ([None], 0.0, b"")


def test_a_voice_that_hangs_keeps_no_caller_waiting_for_those_before() -> None:
    async def run() -> list[float]:
        menu, began = LanguageMenu(SETTINGS, hanging), time.monotonic()
        waited: list[float] = []

        async def wait() -> None:
            with contextlib.suppress(TimeoutError):
                await menu.sound()
            waited.append(time.monotonic() - began)

        await asyncio.gather(*(wait() for _ in range(5)))
        return waited

    assert [round(each, 2) for each in run_virtually(run())] == [MENU_TIME] * 5


def asking_desk(board: Board) -> Desk:
    """A telephone system brings the audio of legs 1 and 2, and callers are asked."""
    for name in ("1", "2"):
        board.switchboard.legs[name].restore(LegSettings(name=name, language="en"))
    menu = LanguageMenu(SETTINGS, speak)
    return Desk(
        board.switchboard,
        lambda _: cast("MediaLeg", KeyPresser()),
        most=10,
        host="127.0.0.1",
        plan={},
        menu=menu,
    )


def test_a_key_that_comes_with_the_audio_is_an_answer_in_a_room_too() -> None:
    async def scenario() -> None:
        board = Board()
        seat = asking_desk(board).seize("1", "room", lambda: None)
        seat.arrive()
        await asyncio.sleep(0.5)
        press = seat.media.on_digit
        assert press is not None
        press(cast("Digit", SimpleNamespace(key="2")))
        assert (seat.arrived, seat.leg.language) == (True, "fr")
        seat.leave("hung up")
        await board.switchboard.close("test over")

    run_virtually(scenario())


def test_a_party_without_keys_is_not_asked() -> None:
    async def scenario() -> None:
        board = Board()
        seat = asking_desk(board).seize("1", "room", lambda: None, has_keys=False)
        seat.arrive()
        assert (seat.arrived, seat.leg.language) == (True, "en")
        seat.leave("hung up")
        await board.switchboard.close("test over")

    run_virtually(scenario())
