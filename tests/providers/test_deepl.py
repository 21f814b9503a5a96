"""The DeepL client against a small server, and its requests against DeepL's own schema."""

from __future__ import annotations

import json

import jsonschema
import pytest
from aiohttp import web

from tests.fakes.web import Handler, fake_web
from tests.support.paths import SHARED, needs_shared
from translink.errors import Kind, ProviderError, SettingsError
from translink.providers.customization import Customization
from translink.providers.deepl import DeepL, DeepLUsage, Formality, source_language
from translink.providers.http import Http

KEY = "00000000-0000-4000-8000-000000000000"


async def answer(request: web.Request) -> web.Response:
    if request.path == "/v2/usage":
        return web.json_response({"character_count": 5, "character_limit": 500_000})
    body = await request.json()
    translation = {"detected_source_language": "FR", "text": body["text"][0].upper()}
    return web.json_response(
        {"translations": [translation | {"model_type_used": "latency_optimized"}]}
    )


async def failure(handler: Handler) -> ProviderError:
    async with fake_web(handler) as server, Http() as http:
        with pytest.raises(ProviderError) as caught:
            await DeepL(http, api_key=KEY, server_url=server.url).translate(
                "oui", source="fr", target="en"
            )
    return caught.value


async def test_a_text_is_translated_with_what_makes_it_fast() -> None:
    async with fake_web(answer) as server, Http() as http:
        deepl = DeepL(http, api_key=KEY, server_url=server.url + "/", name="deepl.second")
        done = await deepl.translate("Bonjour.", source="fr", target="en", context="Allô ?")
    assert (done.text, done.provider) == ("BONJOUR.", "deepl.second")
    assert 0 < done.took < 20
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/v2/translate")
    assert seen.headers["authorization"] == f"DeepL-Auth-Key {KEY}"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["user-agent"].startswith("translink/")
    assert json.loads(seen.body) == {
        "text": ["Bonjour."],
        "source_lang": "FR",
        "target_lang": "EN-US",
        "model_type": "latency_optimized",
        "split_sentences": "0",
        "context": "Allô ?",
    }


@needs_shared
async def test_requests_satisfy_the_schema() -> None:
    path = SHARED / "protocols/data/derived/schemas/deepl-translate.schema.json"
    schema = json.loads(path.read_text())
    async with fake_web(answer) as server, Http() as http:
        deepl = DeepL(
            http,
            api_key=KEY,
            server_url=server.url,
            formality="prefer_more",
            customization=Customization(
                glossaries={"fr-de": ["g-1"]}, shared=["g-2"], instructions=["Digits stay digits."]
            ),
        )
        await deepl.translate("Bonjour.", source="fr", target="de", context="Allô ?")
    body = json.loads(server.seen[0].body)
    definition = dict(schema["definitions"]["TranslateRequest"], additionalProperties=False)
    jsonschema.validate(body, definition)
    assert (body["formality"], body["glossary_ids"]) == ("prefer_more", ["g-1", "g-2"])
    assert body["custom_instructions"] == ["Digits stay digits."]


@pytest.mark.parametrize(
    ("language", "source", "target"),
    [
        ("en", "EN", "EN-US"),
        ("en-GB", "EN", "EN-GB"),
        ("en_au", "EN", "EN-GB"),
        ("fr", "FR", "FR"),
        ("fr-CA", "FR", "FR-CA"),
        ("fr-BE", "FR", "FR"),
        ("pt", "PT", "PT-PT"),
        ("pt-BR", "PT", "PT-BR"),
        ("es-419", "ES", "ES-419"),
        ("es-MX", "ES", "ES"),
        ("zh", "ZH", "ZH-HANS"),
        ("zh-CN", "ZH", "ZH-HANS"),
        ("zh-TW", "ZH", "ZH-HANT"),
        ("no", "NB", "NB"),
        ("nb", "NB", "NB"),
        ("nn-NO", "NB", "NB"),
        ("iw", "HE", "HE"),
        ("in", "ID", "ID"),
        ("tl", "TL", "TL"),
        ("zh-Hant-TW", "ZH", "ZH-HANT"),
        ("zh_hans_CN", "ZH", "ZH-HANS"),
        ("de-CH", "DE", "DE-CH"),
        ("de-AT", "DE", "DE"),
    ],
)
def test_languages_get_the_variants_deepl_has(language: str, source: str, target: str) -> None:
    assert source_language(language) == source
    assert DeepL(Http(), api_key=KEY).target_language(language) == target


@pytest.mark.parametrize(
    ("setting", "sent"),
    [("more", "prefer_more"), ("prefer_less", "prefer_less"), ("default", None), (None, None)],
)
async def test_formality_is_a_preference(setting: Formality | None, sent: str | None) -> None:
    async with fake_web(answer) as server, Http() as http:
        deepl = DeepL(http, api_key=KEY, server_url=server.url, formality=setting)
        await deepl.translate("oui", source="fr", target="en")
    assert json.loads(server.seen[0].body).get("formality") == sent


def test_plain_languages_take_the_variant_of_the_settings() -> None:
    deepl = DeepL(Http(), api_key=KEY, english="EN-GB", portuguese="PT-BR")
    assert (deepl.target_language("en"), deepl.target_language("pt")) == ("EN-GB", "PT-BR")
    assert deepl.target_language("en-US") == "EN-US"


@pytest.mark.parametrize(
    ("key", "url", "base"),
    [
        (KEY, None, "https://api.deepl.com"),
        (KEY + ":fx", None, "https://api-free.deepl.com"),
        (KEY + ":fx", "http://127.0.0.1:3000/x/", "http://127.0.0.1:3000/x"),
    ],
)
def test_the_host_follows_the_key_unless_it_is_named(key: str, url: str | None, base: str) -> None:
    assert DeepL(Http(), api_key=key, server_url=url)._base == base


@pytest.mark.parametrize(
    "url", ["api.deepl.com", "ftp://x", "http://k:s@x", "http://x?y", "http://["]
)
def test_a_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"deepl\.server_url"):
        DeepL(Http(), api_key=KEY, server_url=url)


def test_a_wrong_key_is_refused_without_showing_it() -> None:
    with pytest.raises(SettingsError) as caught:
        DeepL(Http(), api_key="top\nsecret")
    assert "secret" not in str(caught.value)


async def test_blank_text_is_not_sent() -> None:
    async with fake_web(answer) as server, Http() as http:
        done = await DeepL(http, api_key=KEY, server_url=server.url).translate(
            " ", source="fr", target="en"
        )
    assert done.text == " "
    assert not server.seen


async def test_quota_is_denied_and_keeps_deepl_s_words_and_trace() -> None:
    async def quota(request: web.Request) -> web.Response:
        body = {"message": "Quota for this billing period has been exceeded."}
        return web.json_response(body, status=456, headers={"X-Trace-ID": "t-1"})

    error = await failure(quota)
    assert (error.kind, error.status, error.request_id) == (Kind.DENIED, 456, "t-1")
    assert "Quota for this billing period" in str(error)


async def test_an_empty_403_is_denied() -> None:
    async def forbidden(request: web.Request) -> web.Response:
        return web.Response(status=403)

    error = await failure(forbidden)
    assert (error.kind, str(error)) == (Kind.DENIED, "deepl answered 403")


async def test_an_empty_translation_is_its_texts_trouble_and_not_deepls() -> None:
    async def odd(request: web.Request) -> web.Response:
        return web.Response(text='{"translations":[{"text":" "}]}')

    assert (await failure(odd)).kind is Kind.REFUSED, "no breaker opens for it"


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"translations":[]}', "<html>"])
async def test_an_answer_without_a_translation_is_transient(body: str) -> None:
    async def odd(request: web.Request) -> web.Response:
        return web.Response(text=body)

    assert (await failure(odd)).kind is Kind.TRANSIENT


async def test_usage_and_warm_connections() -> None:
    async with fake_web(answer) as server, Http() as http:
        deepl = DeepL(http, api_key=KEY, server_url=server.url)
        assert await deepl.warm() == 1
        assert await deepl.usage() == DeepLUsage(5, 500_000)
        await deepl.translate("oui", source="fr", target="en")
    assert len(server.peers) == 1


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({}, DeepLUsage(5, 1_000)),
        ({"api_key_character_count": 9, "api_key_character_limit": 10}, DeepLUsage(9, 10)),
        ({"api_key_character_count": 4, "api_key_character_limit": 10**12}, DeepLUsage(5, 1_000)),
        ({"api_key_character_count": 4, "api_key_character_limit": 0}, DeepLUsage(5, 1_000)),
        ({"api_key_character_count": 4, "api_key_character_limit": None}, DeepLUsage(5, 1_000)),
    ],
)
async def test_of_the_limits_of_account_and_key_that_is_told_which_is_reached_first(
    told: dict[str, int | None], usage: DeepLUsage
) -> None:
    async def tell(request: web.Request) -> web.Response:
        return web.json_response({"character_count": 5, "character_limit": 1_000, **told})

    async with fake_web(tell) as server, Http() as http:
        assert await DeepL(http, api_key=KEY, server_url=server.url).usage() == usage


@pytest.mark.parametrize("body", ["[]", "{}", '{"character_count": 5}'])
async def test_an_answer_without_usage_is_transient(body: str) -> None:
    async def odd(request: web.Request) -> web.Response:
        return web.Response(text=body)

    async with fake_web(odd) as server, Http() as http:
        with pytest.raises(ProviderError, match="no usage") as caught:
            await DeepL(http, api_key=KEY, server_url=server.url).usage()
    assert caught.value.kind is Kind.TRANSIENT


async def test_only_the_end_of_a_long_context_is_sent() -> None:
    async with fake_web(answer) as server, Http() as http:
        deepl = DeepL(http, api_key=KEY, server_url=server.url)
        await deepl.translate("oui", source="fr", target="en", context="a" * 9_999 + "z")
    context = json.loads(server.seen[0].body)["context"]
    assert len(context) == 4_000
    assert context.endswith("z")


async def test_a_translation_far_too_long_is_not_one() -> None:
    async def flood(request: web.Request) -> web.Response:
        return web.json_response({"translations": [{"text": "no " * 1_000}]})

    assert "far too long" in str(await failure(flood))


async def test_an_answer_that_does_not_end_is_not_read_to_its_end() -> None:
    async def flood(request: web.Request) -> web.Response:
        return web.Response(body=b'{"translations": [{"text": "' + b" " * 3_000_000)

    error = await failure(flood)
    assert (error.kind, "exceeds" in str(error)) == (Kind.REFUSED, True)


def refusing(*lacks: str) -> Handler:
    """Answers 400 to a request that says any of this anywhere."""

    async def handler(request: web.Request) -> web.Response:
        said = await request.text()
        if any(each in said for each in lacks):
            return web.json_response({"message": "No dictionary found"}, status=400)
        return await answer(request)

    return handler


@pytest.mark.parametrize(
    ("lacks", "taken"),
    [
        (["g-2"], {"glossary_id": "g-1", "custom_instructions": ["x"]}),
        (["g-1"], {"glossary_id": "g-2", "custom_instructions": ["x"]}),
        (["g-1", "g-2"], {"custom_instructions": ["x"]}),
        (["custom_instructions"], {"glossary_ids": ["g-1", "g-2"]}),
        (["custom_instructions", "g-2"], {"glossary_id": "g-1"}),
        (["custom_instructions", "g-1", "g-2"], {}),
    ],
)
async def test_what_a_pair_has_not_is_left_out_said_once_and_not_asked_for_again(
    lacks: list[str], taken: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    custom = Customization(glossaries={"fr-de": ["g-1"]}, shared=["g-2"], instructions=["x"])
    async with fake_web(refusing(*lacks)) as server, Http() as http:
        deepl = DeepL(http, api_key=KEY, server_url=server.url, customization=custom)
        for _ in range(3):
            assert (await deepl.translate("oui", source="fr", target="de")).text == "OUI"
        asked = len(server.seen)
        await deepl.translate("oui", source="fr", target="de")
    assert len(server.seen) == asked + 1
    body = json.loads(server.seen[-1].body)
    extras = {"glossary_id", "glossary_ids", "custom_instructions"}
    assert {key: value for key, value in body.items() if key in extras} == taken
    (said,) = [record.getMessage() for record in caplog.records if "goes without" in record.message]
    assert "No dictionary found" in said


async def test_a_text_is_not_late_for_what_is_tried_with_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    custom = Customization(shared=[f"g-{number}" for number in range(5)])
    now = 0.0
    monkeypatch.setattr("translink.providers.deepl.monotonic", lambda: now)
    refuse = refusing("g-")

    async def slow(request: web.Request) -> web.StreamResponse:
        nonlocal now
        now += 0.6
        return await refuse(request)

    async with fake_web(slow) as server, Http() as http:
        deepl = DeepL(http, api_key=KEY, server_url=server.url, customization=custom, timeout=3.0)
        assert (await deepl.translate("oui", source="fr", target="de")).text == "OUI"
        assert len(server.seen) == 4, "three that were refused in 1.8 s, and the barest"
        await deepl.translate("oui", source="fr", target="de")
    assert len(server.seen) == 5
    assert len([one for one in caplog.records if "goes without" in one.message]) == 1


async def test_a_text_that_is_refused_in_any_way_spoils_nothing_for_the_next() -> None:
    custom = Customization(shared=["g-2"])
    async with fake_web(refusing("bad")) as server, Http() as http:
        deepl = DeepL(http, api_key=KEY, server_url=server.url, customization=custom)
        with pytest.raises(ProviderError) as caught:
            await deepl.translate("bad", source="fr", target="de")
        assert caught.value.kind is Kind.REFUSED
        await deepl.translate("oui", source="fr", target="de")
    assert json.loads(server.seen[-1].body)["glossary_id"] == "g-2"


async def test_a_variant_in_beta_that_is_not_there_any_more_is_its_language() -> None:
    async with fake_web(refusing("FR-CA")) as server, Http() as http:
        deepl = DeepL(http, api_key=KEY, server_url=server.url)
        await deepl.translate("yes", source="en", target="fr-CA")
        await deepl.translate("yes", source="en", target="fr-CA")
    assert [json.loads(seen.body)["target_lang"] for seen in server.seen] == ["FR-CA", "FR", "FR"]


async def test_a_variant_in_beta_that_is_gone_does_not_take_the_glossary_with_it() -> None:
    custom = Customization(glossaries={"en-fr": ["g-1"]})
    async with fake_web(refusing("FR-CA")) as server, Http() as http:
        deepl = DeepL(http, api_key=KEY, server_url=server.url, customization=custom)
        await deepl.translate("yes", source="en", target="fr-CA")
    body = json.loads(server.seen[-1].body)
    assert (body["target_lang"], body["glossary_id"]) == ("FR", "g-1")


async def test_a_refusal_that_passes_does_not_switch_a_glossary_off_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("translink.providers.deepl.EXTRAS_REFUSED", 0.0)
    passing = [400, 404]

    async def handler(request: web.Request) -> web.Response:
        if passing and "glossary_id" in await request.text():
            return web.json_response({"message": "not now"}, status=passing.pop())
        return await answer(request)

    custom = Customization(glossaries={"fr-de": ["g-1"]})
    async with fake_web(handler) as server, Http() as http:
        deepl = DeepL(http, api_key=KEY, server_url=server.url, customization=custom)
        for _ in range(3):
            await deepl.translate("oui", source="fr", target="de")
    asked = ["glossary_id" in json.loads(seen.body) for seen in server.seen]
    assert asked == [True, False, True, False, True]
    assert len([one for one in caplog.records if "goes without" in one.message]) == 1, "said once"
