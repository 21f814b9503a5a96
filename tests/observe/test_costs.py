"""The books of the process: all calls, and the quotas."""

from __future__ import annotations

from translink.observe.costs import NO_LIMIT, Costs
from translink.observe.journal import Journal
from translink.observe.record import CallAccount, UsedFigures
from translink.settings.cost import CostSettings

SETTINGS = CostSettings.model_validate(
    {"prices": {"deepl": {"million_characters": 20.0}}, "warn_at": 0.8, "currency": "EUR"}
)


def test_running_and_ended_calls_are_counted_once() -> None:
    running = [{"1": {"deepl": UsedFigures(0.0, 100, 2)}}]
    costs = Costs(SETTINGS, Journal(), lambda: running)
    before = costs.figures()["providers"]["deepl"]
    costs.close(CallAccount({}, {}, {}, usage=running.pop()))
    figures = costs.figures()
    assert figures["providers"]["deepl"] == before
    assert (before["characters"], before["requests"]) == (100, 2)
    assert (figures["cost"], figures["currency"]) == (0.002, "EUR")


def test_a_quota_warns_once_before_it_is_used_up_and_again_in_the_next_month() -> None:
    journal = Journal()
    costs = Costs(SETTINGS, journal, list)
    for used in (100, 799, 801, 850, 900, 10, 990):
        costs.quota("deepl", used, 1_000)
    reported = [event.data["used"] for event in journal.events if event.type == "quota"]
    assert reported == [801, 990]
    assert costs.figures()["quotas"] == {"deepl": {"used": 990, "limit": 1_000}}


def test_an_account_without_a_limit_has_no_quota() -> None:
    costs = Costs(SETTINGS, Journal(), list)
    costs.quota("deepl", 10**11, NO_LIMIT)
    assert costs.figures()["quotas"] == {}
