"""A refusal of what worked before passes; any other is final."""

from __future__ import annotations

import pytest

from translink.errors import Kind, ProviderError
from translink.providers.precedents import PRECEDENTS_KEPT, Precedents, is_of_the_address


def error(kind: Kind) -> ProviderError:
    return ProviderError("no such route", provider="listen", kind=kind, status=404)


def test_what_worked_before_is_asked_again() -> None:
    before = Precedents()
    before.note("listen", "en")
    weighed = before.weigh(error(Kind.REFUSED), "listen", "en")
    assert (weighed.kind, weighed.status) == (Kind.TRANSIENT, 404)
    assert str(weighed) == "no such route (it worked before)"


@pytest.mark.parametrize(("provider", "language"), [("listen", "xx"), ("prerecorded", "en")])
def test_what_never_worked_is_refused_for_good(provider: str, language: str) -> None:
    before = Precedents()
    before.note("listen", "en")
    refusal = error(Kind.REFUSED)
    assert before.weigh(refusal, provider, language) is refusal


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.REFUSED])
def test_only_refusals_are_weighed(kind: Kind) -> None:
    before = Precedents()
    before.note("listen", "en")
    failure = error(kind)
    assert before.weigh(failure, "listen", "en") is failure


def test_a_redirect_and_a_lost_route_say_nothing_of_what_was_sent() -> None:
    statuses = (302, 307, 400, 403, 404, 405, 413, 422, 503)
    assert [each for each in statuses if is_of_the_address(each)] == [302, 307, 404, 405]


def test_ever_new_languages_take_no_more_room() -> None:
    before = Precedents()
    for number in range(3 * PRECEDENTS_KEPT):
        before.note("listen", f"x-{number}")
    assert len(before._worked) == PRECEDENTS_KEPT
