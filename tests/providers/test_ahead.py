"""Requests that may come to nothing: what they cost those that are wanted. Virtual time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from tests.providers.test_lineup import LIMITS, Provider
from tests.support.virtual import run_virtually
from translink.errors import Kind, ProviderError
from translink.observe.journal import Journal
from translink.providers.ahead import AHEAD_HOLD
from translink.providers.lineup import Lineup
from translink.providers.services import AsksAhead


class AheadLine:
    def __init__(self, translators: list[Provider], voices: list[Provider]) -> None:
        self.journal = Journal()
        self.lineup = Lineup(
            live=Provider("live"),
            transcribers=[Provider("pieces")],
            translators=translators,
            voices=lambda _: voices,
            journal=self.journal,
            limits=LIMITS,
        )
        self.services = self.lineup.services()
        assert self.services.ahead is not None
        self.ahead: AsksAhead = self.services.ahead

    async def translate(self) -> str:
        return (await self.ahead.translate("hi", "en", "fr", "")).provider

    async def speak(self, confirmed: Callable[[], bool] = lambda: False) -> int:
        return sum([len(each) async for each in self.ahead.speak("hi", "fr", None, confirmed)])


def in_line(
    scene: Callable[[AheadLine], Awaitable[None]],
    translators: list[Provider] | None = None,
    voices: list[Provider] | None = None,
) -> AheadLine:
    async def main() -> AheadLine:
        line = AheadLine(translators or [Provider("t1")], voices or [Provider("v1")])
        await scene(line)
        return line

    return run_virtually(main())


@pytest.mark.parametrize("kind", [Kind.BUSY, Kind.TRANSIENT, Kind.DENIED, Kind.REFUSED])
def test_a_failure_opens_no_breaker_and_nobody_else_is_asked(kind: Kind) -> None:
    first, second = Provider("t1", fails=[kind]), Provider("t2")

    async def scene(line: AheadLine) -> None:
        for _ in range(5):
            with pytest.raises(ProviderError):
                await line.translate()
        assert (first.calls, second.calls) == (1, 0), "it is held for those that ask ahead"
        breaker = line.lineup.breakers()["t1"]
        assert breaker["state"] == "closed"
        assert not line.journal.events
        first.fails = [None]
        assert (await line.services.translate("hi", "en", "fr", "")).provider == "t1"
        await asyncio.sleep(AHEAD_HOLD)
        assert await line.translate() == "t1"

    in_line(scene, [first, second])


def test_a_provider_in_trouble_or_just_out_of_it_is_not_asked_ahead() -> None:
    first = Provider("t1", fails=[Kind.BUSY, None], retry_after=1.0)

    async def scene(line: AheadLine) -> None:
        await line.services.translate("hi", "en", "fr", "")
        await line.services.translate("hi", "en", "fr", "")
        calls = first.calls
        with pytest.raises(ProviderError):
            await line.translate()
        assert first.calls == calls
        await asyncio.sleep(AHEAD_HOLD)
        assert await line.translate() == "t1"

    in_line(scene, [first])


def test_the_places_of_the_voices_are_left_to_what_is_wanted() -> None:
    voice = Provider("v1", delay=0.05)

    async def scene(line: AheadLine) -> None:
        async with line.lineup.speech_gate, line.lineup.speech_gate:
            with pytest.raises(ProviderError, match="2 of 3 places"):
                await line.speak()
        assert voice.calls == 0
        assert await line.speak() > 0

    in_line(scene, voices=[voice])


def test_speech_that_is_confirmed_goes_on_with_the_next_voice() -> None:
    voices = [Provider("v1", fails=[Kind.REFUSED]), Provider("v2")]

    async def scene(line: AheadLine) -> None:
        assert await line.speak(lambda: True) > 0
        assert [event.type for event in line.journal.events] == ["failover"]

    in_line(scene, voices=voices)
    assert [voice.calls for voice in voices] == [1, 1]


def test_speech_that_is_confirmed_just_after_a_failure_goes_on_all_the_same() -> None:
    voices = [Provider("v1", fails=[Kind.TRANSIENT, None]), Provider("v2")]

    async def scene(line: AheadLine) -> None:
        began = time.monotonic()
        assert await line.speak(lambda: time.monotonic() > began + 0.01) > 0

    in_line(scene, voices=voices)
    assert [voice.calls for voice in voices] == [2, 0]


def test_speech_that_nobody_wants_yet_ends_with_its_first_failure() -> None:
    voices = [Provider("v1", fails=[Kind.TRANSIENT]), Provider("v2")]

    async def scene(line: AheadLine) -> None:
        with pytest.raises(ProviderError):
            await line.speak()

    in_line(scene, voices=voices)
    assert [voice.calls for voice in voices] == [1, 0]
