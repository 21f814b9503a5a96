"""What serves a call that names vendors of its own: from settings alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.wiring.test_coverage import KEY, settings
from translink.calls.orders import CallVendors, Orders, VendorChoice
from translink.errors import SettingsError
from translink.observe.journal import Journal
from translink.process.pressure import Pressure
from translink.providers.http import Http
from translink.providers.lineup import Lineup
from translink.settings.model import Settings
from translink.wiring import orders as wiring_orders
from translink.wiring.coverage import Coverage, refuse_voiceless
from translink.wiring.endpoints import Endpoints, endpoints_of
from translink.wiring.orders import VendorOrders
from translink.wiring.providers import Providers

OPENAI: dict[str, Any] = {"openai": {"api_key": KEY}}
ENGINES = "http://127.0.0.1:9"


def built(given: Settings, at: Endpoints, http: Http) -> tuple[Providers, Lineup]:
    """As `Providers.line_up`, which opens connections."""
    providers = Providers(given, at, http)
    return providers, Lineup(
        live=providers.live(),
        transcribers=providers.transcribers(),
        translators=providers.translators(),
        voices=providers.voices,
        journal=Journal(),
        limits=providers._limits(),
    )


async def vendors_of(*asked: Orders, engines: bool = False, **more: Any) -> list[CallVendors]:
    """What the calls get that name these, and what one gets that names none, first."""
    given = settings(**{**OPENAI, **more})
    at = endpoints_of(given, ENGINES)
    at = replace(at, offline=ENGINES if engines else None)
    async with Http() as http:
        providers, lineup = built(given, at, http)
        services = replace(lineup.services(), pressure=Pressure())
        made = VendorOrders(given, at, http, lineup, services, providers.unmet)
        usual = CallVendors(Orders.of(given), services, providers.rules())
        found = [made.of(orders) for orders in asked]
        assert [made.of(orders) for orders in asked] == found, "made once"
        breakers = lineup.breakers()
    for each in found:
        streams = each.services.breaker.name in breakers
        assert streams or each.services.live.name == "no streams", "seen where all are seen"
    return [usual, *found]


def test_what_is_not_named_is_as_in_the_settings_and_breakers_are_the_same() -> None:
    usual, named = asyncio.run(
        vendors_of(Orders(translate=("openai", "deepl")), fallback={"offline": True}, engines=True)
    )
    assert usual.orders == (("deepgram",), ("deepl", "offline"), ("deepgram", "offline"))
    assert named.orders == (("deepgram",), ("openai", "deepl", "offline"), ("deepgram", "offline"))
    assert named.services.breaker is usual.services.breaker
    assert named.services.precedents is usual.services.precedents
    assert named.services.cadence is usual.services.cadence
    assert named.services.pressure is usual.services.pressure
    assert named.rules == usual.rules
    assert named.notices is not None


LEG_ORDERS: dict[str, Any] = {
    "legs": [
        {"name": "anna", "language": "en", "listen": 0, "play_to": 7_000}
        | {"orders": {"speak": ["elevenlabs"], "translate": "openai, deepl"}},
        {"name": "bob", "language": "pl", "listen": 0, "play_to": 7_001}
        | {"orders": {"listen": ["openai"], "speak": ["deepgram"]}},
        {"name": "carl", "language": "en", "listen": 0, "play_to": 7_002},
        {"name": "dora", "language": "fr", "listen": 0, "play_to": 7_003},
    ],
    **OPENAI,
}


def test_legs_of_the_settings_name_vendors_for_their_calls_and_the_others_have_the_usual() -> None:
    given = settings(**LEG_ORDERS)

    async def run() -> tuple[CallVendors, CallVendors]:
        at = endpoints_of(given)
        async with Http() as http:
            providers, lineup = built(given, at, http)
            services = replace(lineup.services(), pressure=Pressure())
            made = VendorOrders(given, at, http, lineup, services, providers.unmet)
            choice = VendorChoice(CallVendors(Orders.of(given), services, providers.rules()))
            with pytest.raises(ValueError, match="as the settings have it"):
                choice.of(given.leg("anna"), given.leg("bob"))
            choice.choose = made.of
            first = choice.of(given.leg("anna"), given.leg("bob"))
            return first, choice.of(given.leg("carl"), given.leg("dora"))

    first, second = asyncio.run(run())
    assert first.orders == (("openai",), ("openai", "deepl"), ("elevenlabs",)), "anna's speak"
    assert second.orders == (("deepgram",), ("deepl",), ("deepgram",))
    rows = {row.language: row for row in Coverage(given).of_legs()}
    assert (rows["pl"].recognised, rows["pl"].spoken) == (("openai",), ("elevenlabs",))
    assert (rows["fr"].recognised, rows["fr"].spoken) == (("deepgram",),) * 2
    refuse_voiceless(given)


def test_legs_whose_vendors_cannot_be_had_are_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match=r"legs\.1\.orders\.listen: .*OPENAI_API_KEY"):
        settings(**{**LEG_ORDERS, "openai": {}})
    legs = [LEG_ORDERS["legs"][2] | {"orders": {"speak": ["offline"]}}, LEG_ORDERS["legs"][3]]
    with pytest.raises(SettingsError, match=r"legs\.carl\.orders.*offline, and the local engines"):
        asyncio.run(vendors_of(legs=legs))


def test_local_streams_are_listened_to_as_such() -> None:
    usual, named = asyncio.run(
        vendors_of(Orders(listen=("offline",)), fallback={"offline": True}, engines=True)
    )
    assert named.services.live.name == "offline.listen"
    assert named.services.cadence is not usual.services.cadence, "another recogniser's cadence"
    assert named.rules.feed.patience > usual.rules.feed.patience


@pytest.mark.parametrize(
    ("orders", "more", "reason"),
    [
        (Orders(speak=("elevenlabs",)), {"elevenlabs": {}}, "speak: .*set ELEVENLABS_API_KEY"),
        (Orders(translate=("deepl", "openai")), {"openai": {}}, "translate: .*OPENAI_API_KEY"),
        (Orders(listen=("deepgram",)), {"deepgram": {}, **OPENAI}, "listen: .*DEEPGRAM_API_KEY"),
        (Orders(translate=("deepl",)), {"deepl": {}}, "translate: .*set DEEPL_API_KEY"),
        (Orders(speak=("offline",)), {}, "speak: names offline, .*fallback.offline = true"),
    ],
)
def test_a_vendor_that_cannot_be_had_is_refused_with_the_mend(
    orders: Orders, more: dict[str, Any], reason: str
) -> None:
    others: dict[str, Any] = {"listen": ["openai"], "translate": ["openai"], "speak": ["openai"]}
    if more == {"openai": {}}:
        others = {}
    with pytest.raises(ValueError, match=reason):
        asyncio.run(vendors_of(orders, **{**others, **more}))


def test_a_recogniser_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("translink.offline.engines.check.can_hear", lambda: False)
    order = Orders(listen=("offline",))
    with pytest.raises(ValueError, match=r"translink\[offline\]"):
        asyncio.run(vendors_of(order, fallback={"offline": True}, engines=True))
    hears: dict[str, Any] = {"fallback": {"offline": True}, "offline": {"whisper": "base"}}
    asyncio.run(vendors_of(order, engines=True, **hears))


def test_ever_new_orders_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring_orders, "ORDERS_KEPT", 1)

    async def run() -> None:
        given = settings(**OPENAI)
        at = endpoints_of(given)
        async with Http() as http:
            providers, lineup = built(given, at, http)
            made = VendorOrders(given, at, http, lineup, lineup.services(), providers.unmet)
            first = made.of(Orders(translate=("openai",)))
            made.of(Orders(translate=("openai", "deepl")))
            assert len(made._made) == 1
            assert made.of(Orders(translate=("openai",))) is not first

    asyncio.run(run())
