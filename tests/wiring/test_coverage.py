"""Which vendors are asked, in which order, and for which languages: from settings alone."""

from __future__ import annotations

from typing import Any

import pytest

from translink.errors import SettingsError
from translink.providers.http import Http
from translink.settings.model import Settings
from translink.wiring.coverage import Coverage, refuse_voiceless
from translink.wiring.endpoints import (
    endpoints_of,
    engines_alone,
    little_known,
    missed,
    needs_of,
)
from translink.wiring.providers import Providers

KEY = "k" * 20
KEYS = {"deepgram": {"api_key": KEY}, "deepl": {"api_key": KEY}, "elevenlabs": {"api_key": KEY}}


def settings(languages: tuple[str, str] = ("en", "fr"), **more: object) -> Settings:
    legs = [
        {"name": name, "language": language, "listen": 0, "play_to": port}
        for port, (name, language) in enumerate(zip(("anna", "bob"), languages, strict=True), 7_000)
    ]
    return Settings.model_validate({"legs": legs, **KEYS, **more})


def providers(given: Settings) -> Providers:
    return Providers(given, endpoints_of(given), Http())


def test_vendors_are_asked_in_the_order_of_the_settings_with_their_accounts_behind_them() -> None:
    given = settings(
        listen="deepgram, openai, offline",
        translate=["offline", "deepl", "openai"],
        speak=["elevenlabs", "openai", "deepgram"],
        openai={"base_url": "http://127.0.0.1:9/v1/"},
        fallback={
            "deepl": [{"api_key": KEY}],
            "deepgram": [{"api_key": KEY}],
            "offline": True,
        },
    )
    made = providers(given)
    assert made.live().name == "deepgram.listen"
    assert [one.name for one in made.transcribers()] == [
        "deepgram.prerecorded",
        "openai.prerecorded",
        "offline.prerecorded",
    ]
    assert [one.name for one in made.translators()] == [
        "offline.translate",
        "deepl",
        "deepl.2",
        "openai.translate",
    ]
    assert [one.name for one in made.voices(None)] == [
        "elevenlabs.speak",
        "openai.speak",
        "deepgram.speak",
        "deepgram.speak.2",
        "offline.speak",
    ]


def test_the_local_engines_run_only_where_they_are_needed() -> None:
    assert not needs_of(settings()).any
    assert needs_of(settings(speak=["deepgram", "offline"])).named
    legs: list[dict[str, object]] = [
        {"name": "a", "language": "en", "listen": 0, "play_to": 7_000},
        {"name": "b", "language": "fr", "listen": 0, "play_to": 7_001},
    ]
    assert not needs_of(settings(legs=legs)).any
    legs[1]["orders"] = {"speak": ["offline"]}
    assert needs_of(settings(legs=legs)).named, "a leg's order names them"
    keyless = needs_of(settings(deepgram={}))
    assert keyless.no_deepgram
    assert keyless.hearing
    assert needs_of(settings(deepgram={"api_key": ""})).no_deepgram, "an empty key is none"
    assert needs_of(settings(listen=["offline"])).hearing
    assert not needs_of(settings(listen=["deepgram", "offline"])).hearing
    unused = settings(deepgram={}, listen=["offline"], speak=["elevenlabs"])
    assert not needs_of(unused).no_deepgram, "nobody asks Deepgram"


OPENAI: dict[str, Any] = {"openai": {"api_key": KEY}}


@pytest.mark.parametrize(
    ("alone", "more"),
    [
        (False, {}),
        (False, {"fallback": {"offline": True}}),
        (True, {"listen": ["offline"]}),
        (True, {stage: ["offline"] for stage in ("listen", "translate", "speak")}),
        (True, {"deepgram": {}}),
        (True, {"deepl": {}}),
        (False, {"deepl": {}, "translate": ["deepl", "openai"], **OPENAI}),
        (False, {"deepl": {}, "fallback": {"deepl": [{"api_key": KEY}]}}),
        (
            False,
            {"deepgram": {}, "listen": ["deepgram", "openai"], "speak": ["elevenlabs"], **OPENAI},
        ),
        (
            False,
            {"deepgram": {}, "listen": ["openai"], **OPENAI}
            | {"fallback": {"deepgram": [{"api_key": KEY}]}},
        ),
        (True, {"deepgram": {}, "fallback": {"deepgram": [{"api_key": KEY}]}}),
    ],
)
def test_the_end_of_the_engines_is_an_outage_only_where_nobody_else_serves_a_stage(
    alone: bool, more: dict[str, Any]
) -> None:
    assert engines_alone(settings(**more)) is alone


@pytest.mark.parametrize(
    ("more", "heard", "translated", "spoken"),
    [
        ({"deepl": {}}, False, True, False),
        ({"deepgram": {}}, True, False, True),
        ({"deepgram": {}, "speak": ["elevenlabs"]}, True, False, False),
        ({"fallback": {"offline": True}}, False, True, True),
        ({"listen": ["deepgram", "offline"]}, True, False, False),
    ],
)
def test_of_what_the_local_engines_lack_only_what_they_are_asked_for_is_said(
    more: dict[str, Any], heard: bool, translated: bool, spoken: bool
) -> None:
    hears = ["speech recognition: without pocketsphinx …", "French phrases: without espeak-ng …"]
    speaks = ["speech synthesis (en): nothing is spoken …", "speech synthesis (fr): nothing …"]
    texts = ["translation: only what is in the phrasebook: …"]
    said = hears * heard + texts * translated + speaks * spoken
    assert missed(settings(**more), [*hears, *texts, *speaks]) == said


def test_a_leg_of_its_own_order_is_told_what_the_local_engines_lack() -> None:
    legs: list[dict[str, object]] = [
        {"name": "a", "language": "en", "listen": 0, "play_to": 7_000},
        {"name": "b", "language": "fr", "listen": 0, "play_to": 7_001},
    ]
    legs[1]["orders"] = {"translate": ["offline"]}
    lacking = ["speech recognition: …", "translation: …"]
    assert missed(settings(legs=legs), lacking) == lacking[1:]


@pytest.mark.parametrize(
    ("more", "takes"),
    [
        ({"deepgram": {"api_key": KEY, "configure": True}}, True),
        ({"deepgram": {"configure": True}}, False),
        ({"deepgram": {"api_key": KEY, "configure": True}, "listen": ["offline"]}, False),
    ],
)
def test_a_local_recogniser_is_sent_no_terms_while_its_stream_is_open(
    more: dict[str, Any], takes: bool
) -> None:
    live: Any = providers(settings(**more)).live()
    assert live._live._configure is takes


def test_a_model_that_deepgram_alone_has_is_not_asked_of_the_local_engines() -> None:
    trained = "8baa7a60-0000-4000-8000-2f5e4e1f6f0a"

    def asked(key: str | None) -> list[str | None]:
        deepgram = {"api_key": key, "model": trained}
        made = providers(settings(deepgram=deepgram, listen=["deepgram", "offline"]))
        live: Any = made.live()
        pieces: list[Any] = [*made.transcribers()]
        queries = [one._options.prerecorded_query("en") for one in (live._live, *pieces)]
        return [dict(query).get("model") for query in queries]

    assert asked(KEY) == [trained, trained, "nova-3"]
    assert asked(None) == ["nova-3"] * 3


@pytest.mark.parametrize(
    ("voice", "asked"),
    [
        ("aura-2-hector-fr", {"deepgram.speak"}),
        ("deepgram:aura-2-hector-fr", {"deepgram.speak"}),
        ("elevenlabs:21m00Tcm4TlvDq8ikWAM", {"elevenlabs.speak"}),
    ],
)
def test_a_legs_voice_is_one_vendors_and_the_others_keep_theirs(
    voice: str, asked: set[str]
) -> None:
    made: list[Any] = [*providers(settings(speak=["deepgram", "elevenlabs"])).voices(voice)]
    name = voice.rpartition(":")[2]
    assert {one.name for one in made if name in str(vars(one._voices))} == asked


def test_languages_are_those_that_the_clients_have(monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(("pl", "pt-BR"), speak=["deepgram", "elevenlabs"])
    polish, brazilian = Coverage(given).of_legs()
    assert (polish.language, polish.spoken) == ("pl", ("elevenlabs",))
    assert polish.recognised == ("deepgram",)
    assert polish.translated == brazilian.translated == ("deepl",)
    refuse_voiceless(given)
    hindi = Coverage(settings(("en", "hi"))).of_legs()[1]
    assert (hindi.recognised, hindi.translated, hindi.spoken) == (("deepgram",), (), ())
    monkeypatch.setattr("translink.offline.engines.synthesizer.has_pico", lambda: True)
    german = Coverage(settings(("en", "de"), listen="offline", speak="offline")).of_legs()[1]
    assert (german.recognised, german.spoken) == (("offline",),) * 2, "phrases, and Pico's voice"
    keyless = Coverage(settings(deepgram={}, deepl={}))
    assert [row.spoken for row in keyless.of_legs()] == [("offline",)] * 2
    same = Coverage(settings(("en", "en"))).of_legs()
    assert [row.translated for row in same] == [("not needed",)]


def test_a_leg_that_nobody_speaks_to_is_refused_with_the_mend_but_for_captions() -> None:
    with pytest.raises(SettingsError, match=r"legs\.bob\.language = 'hi'.*another vendor in speak"):
        refuse_voiceless(settings(("en", "hi")))
    refuse_voiceless(settings(("en", "hi"), speak=["deepgram", "elevenlabs"]))
    refuse_voiceless(settings(("en", "hi"), voices={"hi": "aura-9"}))


def test_a_leg_without_a_voice_is_told_of_its_own_vendors_and_of_what_mends_it() -> None:
    legs: list[dict[str, object]] = [
        {"name": "anna", "language": "en", "listen": 0, "play_to": 7_000},
        {"name": "bob", "language": "pl", "listen": 0, "play_to": 7_001},
    ]
    legs[1]["orders"] = {"speak": ["deepgram"]}
    with pytest.raises(SettingsError, match=r"among deepgram;.*in orders\.speak") as refused:
        refuse_voiceless(settings(legs=legs, speak=["deepgram", "elevenlabs"]))
    assert "elevenlabs" not in str(refused.value)
    offered = str(refused.value).partition("choose of ")[2].split(", ")
    assert "fr" in offered
    assert "pl" not in offered
    for key in (None, KEY):
        with pytest.raises(SettingsError, match=r"among elevenlabs;.*vendor in speak") as refused:
            refuse_voiceless(
                settings(("en", "sw"), deepgram={"api_key": key}, speak=["elevenlabs"])
            )
        assert "DEEPGRAM_API_KEY" not in str(refused.value), "its voices are not asked for"
        assert "voices.sw" not in str(refused.value)


def test_a_language_of_the_menu_that_nobody_speaks_is_refused_likewise() -> None:
    given: dict[str, Any] = {
        "legs": [{"name": "1", "language": "en"}, {"name": "2", "language": "fr"}],
        "audiosocket": {"listen": "127.0.0.1:9092"},
        "menu": {"languages": "en, pl"},
    }
    with pytest.raises(SettingsError, match=r"^menu\.languages = 'pl': there is no") as refused:
        refuse_voiceless(settings(**given))
    said = str(refused.value)
    assert said.count("menu.languages") == 1, "once for all legs"
    assert "among deepgram; name a voice in voices.pl, another vendor in speak" in said
    swahili = {"menu": {"languages": "en, sw", "file": "/nowhere.wav"}, "speak": ["elevenlabs"]}
    with pytest.raises(SettingsError, match="among elevenlabs; name another vendor in speak"):
        refuse_voiceless(settings(**given | swahili))
    refuse_voiceless(settings(**given, voices={"pl": "aura-9"}))
    refuse_voiceless(settings(**given, speak=["deepgram", "elevenlabs"]))
    refuse_voiceless(settings(menu=given["menu"]))
    captions = [leg | {"original": "captions"} for leg in given["legs"]]
    refuse_voiceless(settings(**given | {"legs": captions}))


def test_the_voice_of_a_vendor_that_is_not_asked_for_a_leg_is_refused_with_the_mend() -> None:
    legs: list[dict[str, object]] = [
        {"name": "anna", "language": "en", "listen": 0, "play_to": 7_000},
        {"name": "bob", "language": "fr", "listen": 0, "play_to": 7_001},
    ]
    legs[1]["voice"] = "elevenlabs:21m00Tcm4TlvDq8ikWAM"
    both = ["deepgram", "elevenlabs"]
    refused = r"legs\.bob\.voice = 'elevenlabs:.*name it in speak, or a voice of deepgram"
    with pytest.raises(SettingsError, match=refused):
        refuse_voiceless(settings(legs=legs))
    refuse_voiceless(settings(legs=legs, speak=both))
    refuse_voiceless(settings(legs=[legs[0], legs[1] | {"orders": {"speak": both}}]))
    legs[0]["orders"] = {"speak": ["deepgram"]}
    with pytest.raises(SettingsError, match=r"name it in orders\.speak"):
        refuse_voiceless(settings(legs=legs, speak=both))
    legs[1]["voice"] = "offline:pico"
    refuse_voiceless(settings(legs=legs, fallback={"offline": True}))
    legs[1]["voice"] = "acme:one"
    refuse_voiceless(settings(legs=legs))


def test_where_only_finished_pieces_are_recognised_nobody_streams() -> None:
    made = providers(settings(listen="openai", openai={"listen_url": "http://127.0.0.1:9"}))
    assert made.live().name == "no streams"
    arabic = settings(
        ("en", "ar"),
        listen="deepgram, openai",
        speak="deepgram, elevenlabs",
        openai={"api_key": KEY},
    )
    english, other = Coverage(arabic).of_legs()
    assert english.recognised == ("deepgram", "(openai)"), "in pieces only"
    assert other.recognised == ("openai",)
    assert other.spoken == ("elevenlabs",)


@pytest.mark.parametrize(
    ("stage", "vendor"),
    [("speak", "elevenlabs"), ("speak", "openai"), ("translate", "openai"), ("listen", "openai")],
)
def test_a_vendor_without_key_or_address_of_ones_own_is_refused(stage: str, vendor: str) -> None:
    keyless: dict[str, object] = {stage: [vendor], "elevenlabs": {}}
    with pytest.raises(ValueError, match=f"names {vendor}, which has no key"):
        settings(("en", "fr"), **keyless)
    settings(("en", "fr"), **keyless | {vendor: {"base_url": "http://127.0.0.1:9"}})


@pytest.mark.parametrize("order", ["", "deepl", "deepgram, deepgram", "acme"])
def test_an_order_names_vendors_of_its_stage_once_each(order: str) -> None:
    with pytest.raises(ValueError, match="speak"):
        settings(speak=order)


def unknown(*candidates: str, orders: object = None, **more: object) -> Settings:
    legs = [
        {"name": "anna", "language": "auto", "candidates": candidates, "listen": 0, "play_to": 1}
        | {"orders": orders or {}},
        {"name": "bob", "language": "fr", "listen": 0, "play_to": 2},
    ]
    return Settings.model_validate({"legs": legs, **KEYS, **more})


def test_a_leg_that_may_speak_several_languages_needs_all_of_them() -> None:
    given = unknown("en", "de")
    refuse_voiceless(given)
    assert [row.language for row in Coverage(given).of_legs()] == ["en", "de", "fr"]
    with pytest.raises(SettingsError, match=r"legs\.anna\.candidates = 'pl': there is no voice"):
        refuse_voiceless(unknown("en", "pl"))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (unknown("en", "bn", speak="elevenlabs, deepgram"), "candidates that it detects"),
        (
            unknown("en", "fr", deepgram={}),
            "cannot without offline.whisper; set that or DEEPGRAM_API_KEY",
        ),
        (
            unknown("en", "fr", listen="openai", openai={"api_key": KEY}),
            "nobody can tell en, fr from each other; name deepgram in listen",
        ),
    ],
)
def test_a_language_that_nobody_can_find_out_is_refused_with_the_mend(
    given: Settings, reason: str
) -> None:
    with pytest.raises(SettingsError, match="auto") as caught:
        refuse_voiceless(given)
    assert reason in str(caught.value)


def test_a_legs_own_recogniser_is_the_one_that_must_find_its_language() -> None:
    refuse_voiceless(unknown("en", "de", listen="openai", orders={"listen": "deepgram"}, **OPENAI))
    with pytest.raises(SettingsError, match=r"en, de from each other; .* in orders\.listen"):
        refuse_voiceless(unknown("en", "de", orders={"listen": "openai"}, **OPENAI))


def test_with_whisper_the_local_engines_hear_its_languages_and_tell_them_from_each_other() -> None:
    given = unknown("en", "de", deepgram={}, offline={"whisper": "base"}, speak="elevenlabs")
    refuse_voiceless(given)
    rows = {row.language: row for row in Coverage(given).of_legs()}
    assert rows["de"].recognised == ("offline",)
    assert rows["de"].translated == ("deepl",)
    alone = unknown("de", "pt", deepgram={}, deepl={}, offline={"whisper": "base"}, elevenlabs={})
    translated = {row.language: row.translated for row in Coverage(alone).of_legs()}
    assert translated["pt"] == ()
    assert translated["de"] == ("offline",), "set phrases"


def test_a_phrasebook_of_ones_own_is_english_and_french() -> None:
    own = settings(("en", "de"), deepgram={}, deepl={}, offline={"phrasebook": __file__})
    assert [row.recognised for row in Coverage(own).of_legs()] == [("offline",), ()]
    (said,) = little_known(own)
    assert said.startswith("the local engines do en, fr only: legs in de need keys")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"deepgram": {}}, ["do en, fr, de, es, it only: legs in pl", "phrases only in de:"]),
        ({"deepl": {}, "offline": {"whisper": "base"}}, ["legs in pl", "phrases only in de:"]),
        ({"deepgram": {}, "offline": {"whisper": "base"}}, []),
        ({"listen": ["deepgram", "offline"]}, []),
    ],
)
def test_languages_that_the_local_engines_know_little_of_are_named(
    more: dict[str, Any], said: list[str]
) -> None:
    found = little_known(settings(("de", "pl"), **more))
    assert len(found) == len(said)
    assert all(part in text for part, text in zip(said, found, strict=True))
