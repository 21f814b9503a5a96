"""A port that legs share: who may, and how they are distinguished."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from translink.settings.model import Settings
from translink.settings.shared_port import SharedPortSettings
from translink.settings.types import Address, has_port

HERE = {"listen": "0.0.0.0:7000"}


def leg(name: str, source: str | None, **more: Any) -> dict[str, Any]:
    given = {} if source is None else {"source": source}
    return {"name": name, "language": "en", "shared": True, **given, **more}


def settings(*legs: dict[str, Any], **more: Any) -> Settings:
    return Settings.model_validate({"legs": legs, "shared_port": HERE, **more})


def test_legs_that_name_their_senders_share_a_port() -> None:
    made = settings(leg("1", "192.0.2.1:4000"), leg("2", "192.0.2.2, 192.0.2.3:4000"))
    assert made.shared_port.listen == Address("0.0.0.0", 7000)
    assert [one.source for one in made.legs] == [
        ("192.0.2.1:4000",),
        ("192.0.2.2", "192.0.2.3:4000"),
    ]
    assert not any(one.at_pbx for one in made.legs)
    assert all(one.send_from_listen for one in made.legs)


@pytest.mark.parametrize(
    ("one", "more", "why"),
    [
        (leg("1", None), {}, "source: should say where"),
        (leg("1", "any"), {}, "source: should say where"),
        (leg("1", "192.0.2.1:1", listen="127.0.0.1:6120"), {}, "shared: means"),
        (leg("1", "192.0.2.2:2"), {}, "source should differ from leg to leg"),
        (leg("1", "192.0.2.1:1"), {"shared_port": {}}, "set shared_port.listen"),
    ],
)
def test_legs_that_could_not_be_distinguished_are_refused(
    one: dict[str, Any], more: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValidationError, match=why):
        settings(one, leg("2", "192.0.2.2:2"), **more)


@pytest.mark.parametrize(("media", "shared"), [("rtp", True), ("audiosocket", False)])
def test_what_asterisk_hands_over_as_rtp_is_on_the_shared_port(media: str, shared: bool) -> None:
    legs = [{"name": name, "language": "en"} for name in ("1", "2")]
    ari = {"url": "http://127.0.0.1:8088", "password": "p", "media": media}
    made = settings(*legs, ari=ari)
    assert [one.shared for one in made.legs] == [shared, shared]
    assert all(one.at_pbx for one in made.legs)
    alone = settings(*legs, ari=ari, shared_port={})
    assert not any(one.shared for one in alone.legs)


def test_legs_may_wait_for_a_token_or_for_the_first_of_some_hosts() -> None:
    made = settings(
        leg("1", None, token="0123456789abcdef" * 2), leg("2", "192.0.2.2,192.0.2.3", pinned=True)
    )
    assert [one.source for one in made.legs] == ["first", ("192.0.2.2", "192.0.2.3")]
    assert all(one.send_from_listen and not one.at_pbx for one in made.legs)


@pytest.mark.parametrize(
    ("one", "why"),
    [
        ({"token": "x" * 31}, "should be 32 characters"),
        ({"token": "fedcba9876543210" * 2, "source": "192.0.2.1:1"}, "in place of source"),
        ({"token": "fedcba9876543210" * 2, "pinned": True}, "in place of source"),
        ({"token": "01234567" + "x" * 24}, "differ from leg to leg"),
        ({"token": "fedcba9876543210" * 2, "shared": False}, "needs shared"),
        ({"pinned": True, "source": "192.0.2.1:1"}, "pinned: is for hosts"),
        ({"pinned": True, "shared": False, "listen": "127.0.0.1:6120"}, "needs shared"),
    ],
)
def test_what_would_let_in_nobody_or_just_anybody_is_refused(one: dict[str, Any], why: str) -> None:
    other = leg("2", None, token="0123456789abcdef" * 2)
    with pytest.raises(ValidationError, match=why) as refused:
        settings({"name": "1", "language": "en", "shared": True, **one}, other)
    assert "0123456789abcdef" not in str(refused.value)


def test_others_are_given_an_address_that_they_can_reach() -> None:
    everywhere = SharedPortSettings.model_validate(HERE)
    assert everywhere.reached_at("192.0.2.9") == "192.0.2.9"
    assert (
        SharedPortSettings.model_validate({**HERE, "advertise": "192.0.2.7"}).reached_at(
            "192.0.2.9"
        )
        == "192.0.2.7"
    )
    one = SharedPortSettings.model_validate({"listen": "192.0.2.8:7000"})
    assert one.reached_at("192.0.2.9") == "192.0.2.8"


def test_a_sender_is_a_host_with_a_port() -> None:
    assert [has_port(each) for each in ("192.0.2.1", "192.0.2.1:1", "2001:db8::7")] == [
        False,
        True,
        False,
    ]
    assert has_port("[2001:db8::7]:1")
