"""The running server with Flux for its streams: turns are heard, guesses never, and no word is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.flux import FakeFlux
from tests.fakes.providers import fake_providers
from tests.support.serve import call, pairs, serving, until

pytestmark = pytest.mark.timeout(240)

FLUX = """idle_timeout = 0.6
drain_timeout = 5.0
[deepgram]
model = "flux-general-multi"
eager_eot_threshold = 0.4
keyterm = ["Smythe"]
"""


@pytest.fixture
async def flux() -> AsyncIterator[FakeFlux]:
    fake = FakeFlux()
    async with fake_providers(fake):
        yield fake


async def test_turns_are_heard_and_what_was_guessed_of_them_is_not(
    flux: FakeFlux, tmp_path: Path
) -> None:
    flux.wrong = True
    legs = pairs(("3333", "4444"), languages=("en", "fr"))
    async with serving(tmp_path, flux, legs, extra=FLUX) as server:
        async with call(server, "3333", "4444") as (one, two):
            await one.say(1, 2, 3)
            await two.hears(1, 2, 3)
            await two.say(11, 12, 13)
            await one.hears(11, 12, 13)
            # A turn that a broken stream leaves open is recognised in a piece.
            flux.ends = False
            await one.say(4, 5, 6)
            await until(lambda: any("b6" in each.get("transcript", "") for each in flux.said))
            for socket in list(flux.sockets):
                await socket.close(code=1011)
            await until(lambda: server.happened("connection", state="failed"))
            flux.ends = True
            await one.say(7, 8, 9)
            await two.hears(1, 2, 3, 4, 5, 6, 7, 8, 9)
            # The call ends in mid-turn: CloseStream finalizes nothing, and nothing is lost.
            flux.ends = False
            await two.say(14, 15)
            await one.hears(11, 12, 13, 14, 15)
        assert not server.happened("loss")
        assert server.happened("interim"), "guesses are shown"
    assert {stream.language for stream in flux.streams} == {"en", "fr"}
    for stream in flux.streams:
        assert stream.query["model"] == "flux-general-multi"
        assert stream.keyterms == ["Smythe"]
        assert set(stream.texts) <= {'{"type":"CloseStream"}'}
    eager = [each for each in flux.said if each.get("event") == "EagerEndOfTurn"]
    assert any("b503" in each["transcript"] for each in eager), "something wrong was guessed"
    assert not any(int(word[1:]) > 500 for asked in flux.asked for word in asked.text.split())
