"""Which voice each vendor is asked for, from the settings and a wish. No request is made."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wiring.test_coverage import KEY, providers, settings
from translink.providers.abilities import speaks
from translink.providers.elevenlabs.speak import GEORGE, SARAH

SPEAK = ["deepgram", "elevenlabs", "openai", "offline"]
OPENAI = {"api_key": KEY}
USUAL = {"deepgram": "aura-2-agathe-fr", "elevenlabs": GEORGE, "openai": "alloy"}


def asked(wish: str | None, language: str = "fr", **more: Any) -> dict[str, str | None]:
    """Vendor to voice."""
    given = settings(speak=SPEAK, **{"openai": OPENAI, **more})
    found = {}
    clients: list[Any] = [*providers(given).voices(wish)]
    for one in clients:
        voices = one._voices
        wanted = voices.wanted.of(language) if voices.wanted else None
        found[one.name.partition(".")[0]] = wanted or voices.usual(language)
    return found


@pytest.mark.parametrize(
    ("wish", "voices"),
    [
        ("feminine", {"deepgram": "aura-2-agathe-fr", "elevenlabs": SARAH, "openai": "nova"}),
        (
            "masculine",
            {"deepgram": "aura-2-hector-fr", "elevenlabs": GEORGE, "openai": "onyx"},
        ),
        (
            "usually:masculine",
            {"deepgram": "aura-2-hector-fr", "elevenlabs": GEORGE, "openai": "onyx"},
        ),
        ("for:aura-2-hector-fr", {**USUAL, "deepgram": "aura-2-hector-fr"}),
        ("for:aura-2-julius-de", USUAL),
        ("for:openai:echo", {**USUAL, "openai": "echo"}),
        ("openai:echo", {**USUAL, "openai": "echo"}),
        (None, USUAL),
    ],
)
def test_each_vendor_has_its_own(wish: str | None, voices: dict[str, str]) -> None:
    found = asked(wish)
    assert found.pop("offline") == "aura-2-agathe-fr", "the local engines take it as French"
    assert found == voices


def test_the_operators_voices_hold_unless_somebody_wishes() -> None:
    mine: dict[str, Any] = {
        "voices": {"fr": "aura-2-agathe-fr"},
        "elevenlabs": {"api_key": KEY, "voice": "mine"},
        "openai": {**OPENAI, "voices": {"fr": "coral"}},
    }
    soft = asked("usually:masculine", **mine)
    assert (soft["deepgram"], soft["elevenlabs"], soft["openai"]) == (
        "aura-2-agathe-fr",
        "mine",
        "coral",
    )
    firm = asked("masculine", **mine)
    assert (firm["deepgram"], firm["elevenlabs"], firm["openai"]) == (
        "aura-2-hector-fr",
        GEORGE,
        "onyx",
    )
    assert asked("masculine", voices={"fr": "aura-2-x-fr"}, deepgram=named("pierre"))[
        "deepgram"
    ] == ("pierre")


def named(voice: str) -> dict[str, Any]:
    return {"api_key": KEY, "masculine": {"fr": voice}}


@pytest.mark.parametrize(
    ("wish", "eleven", "openai"),
    [
        ("usually:feminine", "mine", "coral"),
        ("usually:masculine", "mine", "coral"),
        ("feminine", SARAH, "coral"),
        ("masculine", GEORGE, "onyx"),
    ],
)
def test_a_vendor_that_is_kept_to_some_languages_speaks_no_others(
    wish: str, eleven: str, openai: str
) -> None:
    kept: dict[str, Any] = {
        "elevenlabs": {"api_key": KEY, "voice": "", "voices": {"pl": "mine"}},
        "openai": {**OPENAI, "voice": "", "voices": {"pl": "coral"}},
    }
    found = asked(wish, "pl", **kept)
    assert (found["elevenlabs"], found["openai"]) == (eleven, openai)
    clients: list[Any] = [*providers(settings(speak=SPEAK, **kept)).voices(wish)]
    speaking = {one.name for one in clients if speaks(one, "fr")}
    assert "deepgram.speak" in speaking
    assert not {"elevenlabs.speak", "openai.speak"} & speaking


def test_a_server_of_ones_own_is_not_asked_for_openais_voices() -> None:
    own: dict[str, Any] = {"base_url": "http://127.0.0.1:9/v1", "voice": "", "voices": {"fr": "ff"}}
    assert asked("masculine", openai=own)["openai"] == "ff"
    assert asked("masculine", openai={**own, "masculine": {"any": "am"}})["openai"] == "am"
    assert asked("feminine", openai={"base_url": "https://api.openai.com/v1", **OPENAI})[
        "openai"
    ] == ("nova")


def test_without_a_key_the_local_engines_have_one_voice_and_it_is_said_once() -> None:
    made = providers(settings(deepgram={}, fallback={"offline": True}))
    wished: list[Any] = [*made.voices("masculine")]
    assert [one._voices.wanted.of("fr") for one in wished] == [None] * 2
    usual: list[Any] = [*made.voices("usually:masculine")]
    assert all(one._voices.wanted is None or one._voices.wanted.of("fr") is None for one in usual)
