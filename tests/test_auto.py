"""The running server finds out what a party speaks. Real processes and sockets, fake providers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.providers import FakeProviders
from tests.support.serve import Phone, Serve, call, pairs, serving, until

pytestmark = pytest.mark.timeout(240)

AUTO = (
    "TRANSLINK_LEGS__3333__LANGUAGE=auto",
    "TRANSLINK_LEGS__3333__CANDIDATES=en,de,es",
    "TRANSLINK_DETECTION__WAIT=5",
)


@pytest.fixture
async def server(own_fake: FakeProviders, tmp_path: Path) -> AsyncIterator[Serve]:
    async with serving(tmp_path, own_fake, pairs(("3333", "4444")), env=AUTO) as made:
        yield made


async def test_a_created_call_may_leave_a_language_to_be_found(
    own_fake: FakeProviders, server: Serve
) -> None:
    own_fake.language = "de"
    legs: list[object] = [{"language": "auto", "candidates": ["en", "de"]}, {"language": "fr"}]
    made = await server.made("/api/calls", {"legs": legs})
    anna, bob = made["legs"]
    async with Phone.at(anna) as one, Phone.at(bob) as two:
        await one.say(*range(1, 9))
        await two.hears(*range(1, 9))
        await two.say(101, 102)
        await one.hears(101, 102)
    await until(lambda: server.happened("language", leg=anna["name"], language="de"))
    refused: list[dict[str, object]] = [
        {"candidates": ["en"]},
        {"candidates": []},
        {"candidates": ["en", "de"], "voice": "v"},
    ]
    for wrong in refused:
        asked: dict[str, object] = {"legs": [{"language": "auto", **wrong}, {"language": "fr"}]}
        assert await server.post("/api/calls", asked) == 400
    asked = {"legs": [{"language": "en", "candidates": ["en", "de"]}, {"language": "fr"}]}
    assert await server.post("/api/calls", asked) == 400


async def test_who_speaks_german_is_found_translated_from_the_first_word_and_answered_in_german(
    own_fake: FakeProviders, server: Serve
) -> None:
    own_fake.language = "de"
    async with call(server, "3333", "4444") as (one, two):
        await two.say(101, 102)  # before anybody knows what the other one speaks
        await one.say(*range(1, 9))
        await two.hears(*range(1, 9))
        await one.hears(101, 102)
        await two.say(103, 104)
        await one.hears(101, 102, 103, 104)
        stats = await server.get("/api/stats")
        assert stats["legs"]["3333"]["language"] == "de"
    await server.idle()
    assert {stream.language for stream in own_fake.streams} == {"de", "fr"}
    assert all(among == ["en", "de", "es"] for among, _ in own_fake.detections)
    assert {upload.language for upload in own_fake.uploads} <= {"de", "fr"}
    assert {(asked.source, asked.target) for asked in own_fake.asked} == {
        ("DE", "FR"),
        ("FR", "DE"),
    }
    (found,) = server.happened("language")
    assert (found["leg"], found["language"], found["how"]) == ("3333", "de", "found")
    await server.says("language found")

    # The next party there may speak another one.
    own_fake.language = "pl"
    own_fake.forget()
    server.journal.clear()
    async with call(server, "3333", "4444") as (one, two):
        await two.say(111, 112)
        await one.hears(111, 112)  # they never said a word: in the first candidate
        await until(lambda: server.happened("language", how="assumed", language="en"))
        await one.say(*range(11, 19))
        await two.hears(*range(11, 19))
    await server.idle()
    assert {(asked.source, asked.target) for asked in own_fake.asked} == {
        ("EN", "FR"),
        ("FR", "EN-US"),
    }
    assert [each["language"] for each in server.happened("language")] == ["en", "en"]
