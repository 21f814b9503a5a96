"""Two speakerphones: what one hears comes back as if its listener had said it, and would be
translated to and fro for ever. A real server, real sockets; words are beacons."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.providers import FakeProviders, fake_providers
from tests.support.serve import Serve, pairs, serving, until
from tests.support.speakerphone import Speakerphone
from translink._core import BeaconDecoder, beacon_encode

pytestmark = [pytest.mark.alone, pytest.mark.timeout(240)]
LAG = 0.18
LOUD = 0.5
"""-6 dB."""
SOFT = 0.1
"""-20 dB: beside it the words of a listener who talks over it can be read."""
COMES_BACK = 3.0
"""Seconds within which an echo would have been translated and spoken."""


class SpeakerphoneParty:
    """Somebody at a speakerphone."""

    def __init__(self, server: Serve, name: str, gain: float) -> None:
        leg = server.legs[name]
        self.heard: list[int] = []
        decoder = BeaconDecoder()

        def hear(pcm: bytes) -> None:
            self.heard += [number for number, _, _ in decoder.push(pcm)]

        self.phone = Speakerphone(leg.listen, leg.play_to, lag=LAG, gain=gain, record=hear)

    async def say(self, numbers: range, gap_ms: int = 80) -> None:
        await self.phone.say(b"".join(beacon_encode(n, gap_ms=gap_ms) for n in numbers))

    async def hears(self, numbers: range) -> None:
        await until(lambda: numbers[-1] in self.heard, lambda: f"heard {self.heard}", 20.0)


class SpeakerphoneCall:
    """A call between two of them."""

    def __init__(self, server: Serve, fake: FakeProviders, gain: float) -> None:
        self.server = server
        self.fake = fake
        self.one, self.two = (SpeakerphoneParty(server, name, gain) for name in ("3333", "4444"))

    async def guard(self, on: bool) -> None:
        for leg in ("3333", "4444"):
            assert await self.server.patch(f"/api/legs/{leg}", {"echo_guard": on}) == 200

    @property
    def said_again(self) -> list[str]:
        """What was asked to be translated."""
        return [asked.text for asked in self.fake.asked]


@contextlib.asynccontextmanager
async def on_the_phone(folder: Path, gain: float) -> AsyncIterator[SpeakerphoneCall]:
    fake = FakeProviders()
    fake.translated = lambda text: text  # so that what comes back is what was said
    legs = pairs(("3333", "4444"))
    env = ("TRANSLINK_ECHO__GUARD=true",)
    async with fake_providers(fake), serving(folder, fake, legs, env=env) as server:
        line = SpeakerphoneCall(server, fake, gain)
        async with line.one.phone, line.two.phone:
            yield line


def words(numbers: range) -> str:
    return " ".join(f"b{number}" for number in numbers)


@pytest.mark.parametrize("length", [14, 3], ids=["known by its sound", "known by its words"])
async def test_every_sentence_is_translated_once(tmp_path: Path, length: int) -> None:
    async with on_the_phone(tmp_path, LOUD) as line:
        said = []
        for speaker, listener, base in ((line.one, line.two, 100), (line.two, line.one, 5000)):
            numbers = range(base, base + length)
            said.append(words(numbers))
            await speaker.say(numbers)
            await listener.hears(numbers)
            await asyncio.sleep(COMES_BACK)
        assert line.said_again == said
        echoes = line.server.happened("echo")
        assert {event["leg"] for event in echoes} == {"3333", "4444"}
        for event in echoes:
            begun = line.server.happened("speech", state="started")
            assert min(abs(event["at"] - each["at"]) for each in begun) < COMES_BACK
        (row,) = (await line.server.get("/api/calls"))["calls"]
        assert row["echoed"] == len(echoes)


async def test_a_loop_that_goes_on_ends_when_the_guard_is_switched_on(tmp_path: Path) -> None:
    async with on_the_phone(tmp_path, LOUD) as line:
        await line.one.say(range(1))  # the call begins
        await line.guard(False)
        await line.one.say(range(100, 108))
        await until(lambda: len(line.said_again) >= 4, lambda: f"{line.said_again}", 30.0)
        await line.guard(True)
        at = time.monotonic()
        await until(lambda: line.server.happened("echo"), lambda: f"{line.said_again}", 15.0)
        ended, asked = time.monotonic() - at, len(line.said_again)
        await asyncio.sleep(2 * COMES_BACK)
        # One may have been on its way when it was noticed; a loop would have come round four times.
        assert len(line.said_again) <= asked + 1, "to and fro again"
        assert ended < 2 * COMES_BACK


async def test_who_talks_over_the_echo_is_heard(tmp_path: Path) -> None:
    async with on_the_phone(tmp_path, SOFT) as line:
        for base in (100, 200):  # the second time the echo is known
            sentence = range(base, base + 14)
            await line.one.say(sentence)
            await until(lambda: line.two.heard.count(base) == 1, lambda: "", 20.0)  # noqa: B023
            if base == 100:
                await line.two.hears(sentence)
                await asyncio.sleep(COMES_BACK)
        over = range(5000, 5009)
        await line.two.say(over, gap_ms=130)
        await line.one.hears(over)
        await line.two.hears(sentence)
        await asyncio.sleep(COMES_BACK)
        assert line.one.heard == list(over), "every own word, and no other"
        assert line.two.heard == [*range(100, 114), *range(200, 214)]
        leg = await line.server.get("/api/legs/4444")
        assert leg["echo"]["lag_ms"] == pytest.approx(1000 * LAG, abs=60)
        assert leg["echo"]["gain_db"] == pytest.approx(-20, abs=3)
        assert leg["echo"]["frames"] > 50


async def test_without_an_echo_who_repeats_what_they_heard_is_translated(tmp_path: Path) -> None:
    async with on_the_phone(tmp_path, 0.0) as line:
        sentence = range(100, 112)
        await line.one.say(sentence)
        await until(lambda: 104 in line.two.heard, lambda: f"{line.two.heard}", 20.0)
        # Over the rest of it. In its very beat it would sound like an echo.
        await line.two.say(sentence, gap_ms=170)
        await line.one.hears(sentence)
        assert line.one.heard == list(sentence)
        assert not line.server.happened("echo")
