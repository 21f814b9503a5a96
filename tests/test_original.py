"""An ear that is switched, while people talk, between the translation, the talker's own voice, and
text. A real server, real sockets; every word can be counted at the ear."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.fakes.providers import FakeProviders, fake_providers
from tests.support.serve import Phone, Serve, call, pairs, serving, until
from translink._core import beacon_encode

pytestmark = pytest.mark.timeout(240)
WORD = 0.22
"""Seconds from the beginning of a word to that of the next."""
EAR = "4444"


async def hears(server: Serve, original: str) -> None:
    assert await server.patch(f"/api/legs/{EAR}", {"original": original}) == 200


async def say(phone: Phone, numbers: range) -> None:
    await phone.caller.say(b"".join(map(beacon_encode, numbers)))


async def test_passed_through_and_back_in_mid_sentence_without_losing_a_word(
    tmp_path: Path,
) -> None:
    legs = pairs(("3333", EAR))
    fake = FakeProviders()
    async with (
        fake_providers(fake),
        serving(tmp_path, fake, legs) as server,
        call(server, "3333", EAR) as (one, two),
    ):
        turns = ((range(1, 14), "through"), (range(30, 43), "replace"))
        for spoken, (numbers, original) in enumerate(turns, 1):
            talk = asyncio.create_task(say(one, numbers))
            await asyncio.sleep(6 * WORD)
            await hears(server, original)
            await talk
            # What was heard in part only is said as well. One voice above the other cannot be read.
            await until(
                lambda: len(server.happened("speech", state="finished")) == spoken,  # noqa: B023
                lambda: f"{two.words}",
            )
            if original == "through":
                await say(one, range(20, 26))
                await asyncio.sleep(2.0)
        said = [*range(1, 14), *range(20, 26), *range(30, 43)]
        assert set(two.words) == set(said)
        assert [two.words.count(number) for number in range(20, 26)] == [1] * 6
        asked = " ".join(each.text for each in fake.asked)
        assert "b20" not in asked, "heard in the talker's own voice"
        through = server.happened("speech", state="through")
        assert len(through) == 1
        # The own voice of the first sentence's end came before its translation.
        assert two.words[0] > 1


async def test_text_only_costs_no_voice_and_ends_what_is_being_spoken(tmp_path: Path) -> None:
    legs = pairs(("3333", EAR))
    fake = FakeProviders()
    async with (
        fake_providers(fake),
        serving(tmp_path, fake, legs) as server,
        call(server, "3333", EAR) as (one, two),
    ):
        await say(one, range(1, 13))
        await until(lambda: two.words, lambda: f"{two.words}")
        await hears(server, "captions")
        await until(lambda: server.happened("speech", state="flushed"))
        heard = len(two.words)
        assert heard < 12
        await say(one, range(20, 24))
        await until(lambda: server.happened("speech", state="captions"))
        assert [text for _, text in fake.spoken] == [" ".join(f"t{n}" for n in range(1, 13))]
        assert server.happened("translation")[-1]["text"] == "t20 t21 t22 t23"
        await hears(server, "replace")
        await say(one, range(30, 34))
        await until(lambda: 33 in two.words, lambda: f"{two.words}")
        assert two.words[heard:] == [30, 31, 32, 33]
        await until(lambda: server.happened("speech", state="finished"))
        (row,) = (await server.get("/api/calls"))["calls"]
        lines = (await server.get(f"/api/calls/{row['call']}"))["transcript"]
        assert [line["state"] for line in lines] == ["unspoken", "captions", "spoken"]
