"""An ear that falls behind: it is spoken to faster and hears everything; or, where that was set, it is
spared whole segments and the talker asked for a pause. A real server and real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.providers import FakeProviders, fake_providers
from tests.support.serve import Phone, Serve, call, pairs, serving, until

pytestmark = pytest.mark.timeout(240)
TALKER, EAR = "3333", "4444"
LONG = 19_200
"""Samples of a word that is spoken: 1.2 s for one that took 0.22 s to say."""
SENTENCES = 5


def long_word(number: int) -> bytes:
    """A voice: no pause in it to be cut."""
    return random.Random(number).randbytes(2 * LONG)


@contextlib.asynccontextmanager
async def slow_voice(folder: Path, *lag: str) -> AsyncIterator[tuple[Serve, FakeProviders]]:
    fake = FakeProviders()
    fake.sound = long_word
    env = [f"TRANSLINK_LAG__{setting}" for setting in lag]
    legs = pairs((TALKER, EAR))
    async with fake_providers(fake), serving(folder, fake, legs, env=env) as server:
        yield server, fake


async def talk(phone: Phone) -> None:
    for number in range(SENTENCES):
        await phone.say(3 * number, 3 * number + 1, 3 * number + 2)
        await asyncio.sleep(0.6)


async def over(server: Serve) -> dict[str, Any]:
    """The event of the call's end."""
    await until(lambda: server.happened("call", state="ended"), patience=20.0)
    return server.happened("call", state="ended")[0]


async def test_it_is_spoken_to_faster_and_hears_everything(tmp_path: Path) -> None:
    async with slow_voice(tmp_path, "FASTEST=1.5") as (server, fake):

        def utterances() -> int:
            return len(server.happened("speech", state="finished"))

        async with call(server, TALKER, EAR) as (one, _):
            await talk(one)
            leg = await server.get(f"/api/legs/{EAR}")
            while leg["behind_s"] <= 4.0:  # the last sentences are on their way
                assert utterances() < SENTENCES, leg
                await asyncio.sleep(0.05)
                leg = await server.get(f"/api/legs/{EAR}")
            assert 1.0 <= leg["tempo"] <= 1.5, "of the newest frame"
            (row,) = (await server.get("/api/calls"))["calls"]
            assert row["behind_max_s"] > 2.0
            await until(lambda: utterances() == SENTENCES, lambda: f"{utterances()}", 30.0)
            counted = await server.leg(EAR)
        ended = await over(server)
    assert len(fake.spoken) == SENTENCES
    whole = SENTENCES * 3 * LONG / 16_000
    saved = counted["tempo_saved"] / 32_000
    assert 0.2 * whole < saved < 0.34 * whole, "1.5 times as fast at most"
    assert counted["bytes_out"] / 32_000 == pytest.approx(whole - saved, abs=0.3)
    assert counted["drops_playout"] == counted["playout_full"] == 0
    assert ended[f"{TALKER}.spoken"] == SENTENCES
    assert ended[f"{TALKER}.skipped"] == 0
    assert ended[f"{EAR}.behind_max_s"] > 4.0
    assert ended[f"{EAR}.behind_p95_s"] > 2.0
    assert ended[f"{TALKER}.behind_max_s"] == 0.0


async def test_beyond_its_limits_the_talker_is_asked_and_segments_are_left_out(
    tmp_path: Path,
) -> None:
    limits = ("FASTEST=1", "ASK_FOR_PAUSE=3", "LEAVE_OUT=6")
    async with slow_voice(tmp_path, *limits) as (server, fake):
        async with call(server, TALKER, EAR) as (one, _):
            await talk(one)
            await until(lambda: server.happened("speech", state="skipped"))
            (row,) = (await server.get("/api/calls"))["calls"]
            counted = await server.leg(TALKER)
        ended = await over(server)
        lines = (await server.get(f"/api/calls/{row['call']}"))["transcript"]
        skipped = server.happened("speech", state="skipped")
        pauses = server.happened("pause")
    assert pauses[0]["leg"] == TALKER
    assert pauses[0]["behind_s"] >= 3.0
    assert counted["bytes_out"] > 0, "the tone"
    assert row["skipped"] >= 1
    assert 1 <= len(skipped) < SENTENCES
    assert len(fake.spoken) == SENTENCES - len(skipped), "no voice was asked for these"
    left_out = [line for line in lines if line["state"] == "skipped"]
    assert len(left_out) == len(skipped) == ended[f"{TALKER}.skipped"]
    assert all(line["translation"] for line in left_out)
    assert ended[f"{TALKER}.translated"] == SENTENCES
