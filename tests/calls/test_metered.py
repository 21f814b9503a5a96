"""Each direction of a call has its own meter, and each provider is counted under its name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

from tests.support.board import Board
from tests.support.virtual import run_virtually
from translink.calls.metered import metered
from translink.observe.usage import Usage
from translink.providers.billing import note_heard, note_spoken
from translink.providers.services import Services
from translink.results import Detected, Result, Translation


async def transcribe(pcm: bytes, language: str) -> Result:
    return Result(0, 1, "x", (), final=True, provider="deepgram.prerecorded")


async def translate(text: str, source: str, target: str, context: str) -> Translation:
    return Translation(text, "deepl", 0.1)


async def speak(text: str, language: str, voice: str | None) -> AsyncIterator[bytes]:
    for sentence in text.split("|"):
        await asyncio.sleep(0)
        yield b"\x00\x00"
        note_spoken("deepgram.speak", len(sentence))


def services() -> Services:
    return Services(
        live=cast("Any", None),
        breaker=cast("Any", None),
        transcribe=transcribe,
        translate=translate,
        speak=speak,
    )


async def test_two_who_talk_at_once_pay_each_for_themselves() -> None:
    one, two = Usage(), Usage()

    async def use(usage: Usage, text: str) -> None:
        mine = metered(services(), usage)
        await mine.transcribe(bytes(32_000), "en")
        await mine.translate(text, "en", "fr", "a context that costs nothing")
        assert [piece async for piece in mine.speak(text, "fr", None)]

    await asyncio.gather(use(one, "ab|cde"), use(two, "x"))
    first, second = one.figures({}), two.figures({})
    assert first["deepgram.prerecorded"].seconds == 1.0
    assert first["deepl"].characters == 6
    assert (first["deepgram.speak"].characters, first["deepgram.speak"].requests) == (5, 2)
    assert (second["deepl"].characters, second["deepgram.speak"].characters) == (1, 1)


async def test_terms_and_what_is_asked_ahead_are_on_the_meter() -> None:
    class PaidAhead:
        async def translate(self, text: str, *_: str) -> Translation:
            return Translation(text, "deepl", 0.1)

        async def speak(self, text: str, *_: object) -> AsyncIterator[bytes]:
            yield b"\x00\x00"
            note_spoken("deepgram.speak", len(text))

    async def expecting(pcm: bytes, language: str, terms: tuple[str, ...]) -> Result:
        return await transcribe(pcm, language)

    usage = Usage()
    mine = metered(replace(services(), transcribe_expecting=expecting, ahead=PaidAhead()), usage)
    assert mine.transcribe_expecting is not None
    assert mine.ahead is not None
    await mine.transcribe_expecting(bytes(64_000), "en", ("Anna",))
    await mine.ahead.translate("abc", "en", "fr", "")
    assert [piece async for piece in mine.ahead.speak("abcd", "fr", None, lambda: True)]
    used = usage.figures({})
    assert used["deepgram.prerecorded"].seconds == 2.0
    assert used["deepl"].characters == 3
    assert used["deepgram.speak"].characters == 4


async def test_finding_out_a_language_is_on_the_meter_also_where_nothing_is_found() -> None:
    async def detect(pcm: bytes, languages: tuple[str, ...]) -> Detected | None:
        note_heard("deepgram.prerecorded", len(pcm) / 32_000)
        return Detected("fr", 0.9) if len(pcm) > 64_000 else None

    usage = Usage()
    mine = metered(replace(services(), detect=detect), usage)
    assert await mine.detect(bytes(64_000), ("en", "fr")) is None
    assert await mine.detect(bytes(96_000), ("en", "fr")) == Detected("fr", 0.9)
    used = usage.figures({})["deepgram.prerecorded"]
    assert (used.seconds, used.requests) == (5.0, 2)


def test_a_call_is_charged_for_its_stream_and_what_became_of_it() -> None:
    async def scenario() -> None:
        prices = {"fake": {"million_characters": 1_000_000, "minute": 60}}
        board = Board(idle_timeout=30, cost={"prices": prices})
        kept = []
        board.switchboard.on_ended = lambda call: kept.append(call.books.account())
        await board.talk("1", 1.2)
        (running,) = board.switchboard.usage()
        assert running["1"]["fake"].seconds > 0.5
        await board.switchboard.close("over")
        used = kept[0].usage["1"]["fake"]
        assert used.seconds >= 1.0
        assert used.characters == len("word") * kept[0].said["1"].segments
        assert used.cost is not None
        assert abs(used.cost - used.seconds - used.characters) < 0.1
        (ended,) = [event for event in board.events("call") if event["state"] == "ended"]
        assert ended["cost"] >= used.cost

    run_virtually(scenario())
