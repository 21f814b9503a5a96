"""What was used, and what it costs by the prices of the settings."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from translink.observe.record import UsedFigures
from translink.observe.usage import Usage, price_of, total_cost
from translink.settings.cost import CostSettings, VendorPrice

PRICES = {
    "deepgram": VendorPrice(minute=0.6),
    "deepgram.speak": VendorPrice(million_characters=30.0),
    "deepl": VendorPrice(million_characters=25.0, request=0.001),
}


def test_use_is_added_up_by_provider() -> None:
    usage = Usage()
    usage.count("deepl", characters=30)
    usage.count("deepl", characters=12)
    usage.count("deepgram.listen", seconds=30.0)
    assert usage.figures({}) == {
        "deepgram.listen": UsedFigures(30.0, 0, 1, None),
        "deepl": UsedFigures(0.0, 42, 2, None),
    }


def test_minutes_characters_and_requests_have_their_prices() -> None:
    usage = Usage()
    usage.count("deepgram.listen", seconds=90.0)
    usage.count("deepgram.speak", characters=1_000)
    usage.count("deepl", characters=2_000, requests=3)
    costs = {name: used.cost for name, used in usage.figures(PRICES).items()}
    assert costs == {
        "deepgram.listen": pytest.approx(0.9),
        "deepgram.speak": pytest.approx(0.03),
        "deepl": pytest.approx(0.053),
    }
    assert total_cost(usage.figures(PRICES).values()) == pytest.approx(0.983)


def test_a_second_account_costs_what_the_first_does() -> None:
    assert price_of("deepl.2", PRICES) is PRICES["deepl"]
    assert price_of("deepgram.speak.2", PRICES) is PRICES["deepgram.speak"]
    assert price_of("offline.listen", PRICES) is None


def test_without_a_price_there_is_no_cost_and_free_is_a_price() -> None:
    usage = Usage()
    usage.count("deepl", characters=30)
    assert total_cost(usage.figures({}).values()) is None
    assert total_cost(usage.figures({"deepl": VendorPrice()}).values()) == 0.0


def test_two_books_make_one() -> None:
    one, two = Usage(), Usage()
    one.count("deepl", characters=30)
    two.add(one.figures({}))
    two.add(one.figures({}))
    assert two.figures({})["deepl"] == UsedFigures(0.0, 60, 2, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"currency": "dollars"},
        {"prices": {"deepl": {"minute": -1}}},
        {"prices": {"deepl": {"per_minute": 1}}},
        {"warn_at": 0},
    ],
)
def test_prices_that_are_none_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CostSettings.model_validate(wrong)
