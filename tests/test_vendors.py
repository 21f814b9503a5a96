"""The running server with several vendors: calls in languages that one alone has not, and a second
vendor where the first is lost. Real processes and sockets, fake vendors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.providers import FakeProviders, fake_providers
from tests.fakes.vendors import FakeVendors, fake_vendors
from tests.support.serve import Phone, Serve, call, pairs, serving, until

pytestmark = pytest.mark.timeout(240)

ELEVEN_KEY = "sk_0123456789abcdef0123456789"
OPENAI_KEY = "sk-proj-0123456789abcdef01234"
ORDERS = """idle_timeout = 0.6
drain_timeout = 5.0
listen = ["deepgram", "openai"]
translate = ["deepl", "openai"]
speak = ["deepgram", "elevenlabs", "openai"]
"""
LANGUAGES = {"pl": ("en", "pl"), "ar": ("en", "ar"), "hi": ("pt-BR", "hi")}


@pytest.fixture
async def fakes() -> AsyncIterator[tuple[FakeProviders, FakeVendors]]:
    async with fake_providers() as deepgram_and_deepl, fake_vendors() as others:
        yield deepgram_and_deepl, others


def extra(fake: FakeVendors) -> str:
    return (
        f"{ORDERS}[elevenlabs]\napi_key = '{ELEVEN_KEY}'\nbase_url = '{fake.url}'\n"
        f"voices = {{ ar = 'arabic' }}\n"
        f"[openai]\napi_key = '{OPENAI_KEY}'\nbase_url = '{fake.url}/v1'\n"
    )


async def test_calls_in_languages_that_no_vendor_has_alone_are_spoken_both_ways(
    fakes: tuple[FakeProviders, FakeVendors], tmp_path: Path
) -> None:
    first, second = fakes
    legs = [
        leg
        for name, languages in LANGUAGES.items()
        for leg in pairs((f"{name}1", f"{name}2"), languages=languages)
    ]
    async with serving(tmp_path, first, legs, extra=extra(second)) as server:
        table = [line for line in server.log() if "recognised_by" in line]
        assert len(table) == 5, "each language once"
        for place, name in enumerate(LANGUAGES, 1):
            async with call(server, f"{name}1", f"{name}2") as (one, two):
                there, back = (
                    range(place * 100, place * 100 + 4),
                    range(place * 100 + 50, place * 100 + 54),
                )
                await one.say(*there)
                await two.hears(*there)
                await two.say(*back)
                await one.hears(*back)
            await server.idle()
        assert not server.happened("failover", kind="transient"), server.happened("failover")
    heard = {stream.language for stream in first.streams}
    assert heard == {"en", "pl", "pt-BR", "hi"}, "no stream was asked for in Arabic"
    assert {language for language, _ in second.pieces} == {"ar"}
    assert {(asked.source, asked.target) for asked in first.asked} == {
        ("EN", "PL"),
        ("PL", "EN-US"),
        ("EN", "AR"),
        ("AR", "EN-US"),
    }
    assert {(asked["from"], asked["to"]) for asked in second.asked} == {
        ("Portuguese (BR)", "Hindi"),
        ("Hindi", "Portuguese (BR)"),
    }
    assert {voice for voice, _ in first.spoken} == {"aura-2-orion-en"}, "the second talkers'"
    assert {vendor for vendor, _, _ in second.spoken} == {"elevenlabs"}
    assert "arabic" in {voice for _, voice, _ in second.spoken}
    assert second.keys == {ELEVEN_KEY, f"Bearer {OPENAI_KEY}"}
    assert not [line for line in server.log() if ELEVEN_KEY in line or OPENAI_KEY in line]


async def test_with_deepgram_and_deepl_dead_and_liars_behind_them_no_word_is_lost_unsaid(
    fakes: tuple[FakeProviders, FakeVendors], tmp_path: Path
) -> None:
    first, second = fakes
    async with serving(tmp_path, first, pairs(("3333", "4444")), extra=extra(second)) as server:
        async with call(server, "3333", "4444") as (one, two):
            await one.say(1, 2, 3)
            await two.hears(1, 2, 3)
            for service in ("listen", "prerecorded", "translate", "speak"):
                first.refuse[service] = 403 if service == "translate" else 503
            await _break_streams(server, first)
            second.lies.extend(["429", "mp3", "silence"])
            await one.say(4, 5, 6)
            await two.say(11, 12, 13)
            await two.hears(1, 2, 3, 4, 5, 6)
            await one.hears(11, 12, 13)
            second.lies.extend(["drip", "short"])
            second.answers.append("I'm sorry, but I can't assist with that.")
            await one.say(7, 8, 9)
            # An apology is not spoken: shown, and said to be untranslated.
            await until(lambda: server.happened("untranslated"))
            await two.say(14, 15, 16)
            await one.hears(11, 12, 13, 14, 15, 16)
        assert not server.happened("loss")
    assert {vendor for vendor, _, _ in second.spoken} == {"elevenlabs", "openai"}


async def _break_streams(server: Serve, fake: FakeProviders) -> None:
    """The streams that are open: a fake has no other way to end them."""
    for sockets in list(fake.sockets):
        await sockets.close(code=1011)
    await until(lambda: server.happened("connection", state="failed"))


async def test_a_call_may_name_its_own_vendors_and_the_next_one_has_those_of_the_settings(
    fakes: tuple[FakeProviders, FakeVendors], tmp_path: Path
) -> None:
    first, second = fakes
    # `fallback.offline` is not set: nothing local runs here.
    async with serving(tmp_path, first, pairs(("3333", "4444")), extra=extra(second)) as server:
        wanted: dict[str, object] = {
            "legs": [{"language": "en"}, {"language": "fr"}],
            "listen": ["openai"],
            "translate": ["openai", "deepl"],
            "speak": ["elevenlabs"],
        }
        for stage, order, reason in (
            ("speak", ["offline"], "speak: names offline, and the local engines do not run"),
            ("listen", ["deepl"], "listen: deepl should be one of deepgram, openai, offline"),
            ("translate", ["deepl", "deepl"], "translate: should name at least one, and each once"),
        ):
            status, text = await server.answer("POST", "/api/calls", {**wanted, stage: order})
            assert status == 400, text
            assert reason in text
        assert not (await server.get("/api/calls"))["calls"]

        made = await server.made("/api/calls", wanted)
        detail = await server.get(f"/api/calls/{made['call']}")
        orders = {"listen": ["openai"], "translate": ["openai", "deepl"], "speak": ["elevenlabs"]}
        assert detail["vendors"] == orders
        async with Phone.at(made["legs"][0]) as one, Phone.at(made["legs"][1]) as two:
            await one.say(1, 2, 3)
            await two.hears(1, 2, 3)
            await two.say(4, 5)
            await one.hears(4, 5)
        await server.idle()
        detail = await server.get(f"/api/calls/{made['call']}")
        assert (detail["state"], detail["vendors"]) == ("ended", orders)
        assert [numbers for _, numbers in second.pieces] == [[1, 2, 3], [4, 5]]
        assert {asked["to"] for asked in second.asked} == {"French", "English"}
        assert {vendor for vendor, _, _ in second.spoken} == {"elevenlabs"}
        by_default = [first.streams, first.uploads, first.asked, first.spoken]
        assert by_default == [[], [], [], []]
        providers = (await server.get("/api/stats"))["providers"]
        assert providers["elevenlabs.speak"]["attempts"] == 2, "it is seen where all are"

        async with call(server, "3333", "4444") as (one, two):
            await one.say(6)
            await two.hears(6)
            (row,) = (await server.get("/api/calls"))["calls"]
            detail = await server.get(f"/api/calls/{row['call']}")
        assert detail["vendors"] == {
            "listen": ["deepgram", "openai"],
            "translate": ["deepl", "openai"],
            "speak": ["deepgram", "elevenlabs", "openai"],
        }
        assert first.streams
        assert [text for _, text in first.spoken] == ["t6"]
        assert not server.happened("failover", kind="transient"), server.happened("failover")
