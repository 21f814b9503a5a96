"""A provider is added as CONTRIBUTING says: its file (`tests/support/acme.py`), this test and one line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import web

from tests.fakes.web import FakeWeb, fake_web
from tests.wiring.test_coverage import KEY, settings
from translink.calls.orders import Orders
from translink.commands.check import run_check
from translink.errors import Kind, ProviderError, SettingsError
from translink.observe.journal import Journal
from translink.providers.http import Http
from translink.providers.lineup import Lineup
from translink.settings.model import Settings
from translink.wiring import vendors
from translink.wiring.coverage import Coverage
from translink.wiring.endpoints import endpoints_of
from translink.wiring.orders import VendorOrders
from translink.wiring.providers import Providers

SECRET = "acme-5ecre7-4711"
ORDERS = {"translate": ["acme", "deepl"], "speak": ["acme", "deepgram"]}


@pytest.fixture(autouse=True)
def line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line."""
    monkeypatch.setattr(vendors, "VENDOR_FILES", ("tests.support.acme",))


async def acme(request: web.Request) -> web.Response:
    """The service."""
    if request.headers.get("x-acme-token") != SECRET:
        return web.Response(status=401, text=f"bad key {request.headers.get('x-acme-token')}")
    if request.path == "/translate":
        asked = await request.json()
        return web.json_response(f"{asked['pair']}: {asked['text']}")
    return web.Response(
        body=b"\x00\x10\x00\xf0" * 8_000, headers={"Content-Type": "audio/l16;rate=16000"}
    )


def with_acme(key: str = SECRET, url: str | None = None, **more: object) -> Settings:
    section = {"api_key": key, "voice": "usual"} | ({"base_url": url} if url else {})
    return settings(("en", "hi"), **ORDERS, vendors={"acme": section}, **more)


def lineup_of(given: Settings, http: Http) -> Lineup:
    made = Providers(given, endpoints_of(given), http)
    return Lineup(
        live=made.live(),
        transcribers=made.transcribers(),
        translators=made.translators(),
        voices=made.voices,
        journal=Journal(),
        limits=made._limits(),
    )


def asked(fake: FakeWeb, path: str) -> list[dict[str, str]]:
    return [json.loads(one.body) for one in fake.seen if one.path == path]


async def test_it_is_asked_in_its_place_and_speaks_in_the_voice_that_is_wished() -> None:
    async with fake_web(acme) as fake, Http() as http:
        services = lineup_of(with_acme(url=fake.url), http).services()
        said = await services.translate("one", "en", "hi", "")
        assert (said.text, said.provider) == ("en-hi: one", "acme.translate")
        for wish in (None, "feminine", "acme:of-a-name"):
            sound = services.speak("one", "hi", wish)
            assert sum([len(pcm) async for pcm in sound]) == 32_000
    voices = [one["voice"] for one in asked(fake, "/speak")]
    assert voices == ["usual", "anna", "of-a-name"]


async def test_a_key_that_comes_back_in_an_error_is_struck_out() -> None:
    async with fake_web(acme) as fake, Http() as http:
        given = with_acme("wr0ng-key-4711", fake.url)
        [translator, *_] = Providers(given, endpoints_of(given), http).translators()
        with pytest.raises(ProviderError) as caught:
            await translator.translate("one", source="en", target="hi")
    assert caught.value.kind is Kind.DENIED
    assert "bad key" in str(caught.value)
    assert "wr0ng" not in str(caught.value)


def test_it_stands_in_the_table_for_the_languages_that_it_has(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hindi = Coverage(with_acme()).of_legs()[1]
    assert (hindi.translated, hindi.spoken) == (("acme",), ("acme",))
    dutch = Coverage(
        settings(("en", "nl"), **ORDERS, vendors={"acme": {"api_key": SECRET}})
    ).of_legs()[1]
    assert (dutch.translated, dutch.spoken) == (("deepl",), ("deepgram",))
    run_check(with_acme())
    out = capsys.readouterr().out
    assert "acme            key is set" in out
    assert "translated by acme" in out


def test_its_settings_come_from_everywhere_and_its_key_is_a_secret(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(SECRET)
    (tmp_path / "translink.toml").write_text(
        'translate = ["acme"]\n[vendors.acme]\nmodel = "big"\noptions = { region = "eu" }\n'
        '[[legs]]\nname = "a"\nlanguage = "en"\nlisten = 7000\nplay_to = 7001\n'
        '[[legs]]\nname = "b"\nlanguage = "fr"\nlisten = 7002\nplay_to = 7003\n'
    )
    given = Settings.load(
        directory=tmp_path,
        environ={"TRANSLINK_VENDORS__ACME__API_KEY_FILE": str(key)},
        flags={"--set": ["vendors.acme.timeout=2"]},
    )
    account = vendors.account_of(given, "acme")
    assert (account.api_key, account.model, account.timeout) == (SECRET, "big", 2.0)
    assert account.options == {"region": "eu"}
    assert SECRET in given.secrets()
    assert SECRET not in json.dumps(given.masked())


def test_a_vendor_that_nobody_has_or_without_key_or_stage_is_refused_with_the_mend() -> None:
    with pytest.raises(ValueError, match=r"no key; set vendors\.acme\.api_key"):
        settings(translate=["acme"], vendors={"acme": {}})
    with pytest.raises(
        ValueError, match=r"deepl, openai, offline, or have a section vendors\.acne"
    ):
        settings(translate=["acne"])
    for more in (
        {"speak": ["other"], "vendors": {"other": {"api_key": KEY}}},
        {"listen": ["acme"], "vendors": {"acme": {"api_key": KEY}}},
    ):
        with pytest.raises(SettingsError, match="it should be of deepgram"):
            Coverage(settings(**more))  # type: ignore[arg-type]


def test_a_call_may_name_it() -> None:
    async def run() -> None:
        given = settings(("en", "hi"), vendors={"acme": {"api_key": SECRET}})
        async with Http() as http:
            lineup = lineup_of(given, http)
            at = endpoints_of(given)
            made = VendorOrders(
                given, at, http, lineup, lineup.services(), Providers(given, at, http).unmet
            )
            own = made.of(Orders(translate=("acme",)))
            assert own.orders.translate == ("acme",)
            assert "acme.translate" in lineup.breakers()
            with pytest.raises(ValueError, match=r"listen: names acme; it should be of deepgram"):
                made.of(Orders(listen=("acme",)))

    asyncio.run(run())
