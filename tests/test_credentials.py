"""Addresses and keys that could only fail are refused, and never shown."""

from __future__ import annotations

import re

import pytest

from tests.fakes.flux import FakeFlux
from tests.fakes.providers import FakeProviders
from tests.fakes.vendors import FakeVendors
from translink.credentials import base_url, header_key, named_key, named_url
from translink.errors import SettingsError


def test_a_prefix_is_kept_and_a_slash_at_its_end_is_not() -> None:
    assert base_url(" https://host.example:8443/deep/l/ ") == "https://host.example:8443/deep/l"
    assert base_url("wss://host.example") == "https://host.example"


@pytest.mark.parametrize(
    "url",
    [
        *("", "host.example", "ftp://host.example", "https://", "https://host.example:99999"),
        *("https://u:secret@host.example", "https://host.example?key=secret", "http://[secret"),
        *(
            "https://host.example#secret",
            "https://host.example/v1",
            "https://h.example/v2/translate",
        ),
        f"https://{'a' * 64}.example",
    ],
)
def test_what_is_no_base_url_is_refused_unseen(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^deepl\.server_url should ") as caught:
        named_url(url, "deepl.server_url")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["two words", "line\nend", "clé-secret", '"secret"', "'secret'"])
def test_what_no_header_can_carry_is_refused_unseen(key: str) -> None:
    with pytest.raises(SettingsError, match=r"^deepgram\.api_key should ") as caught:
        named_key(key, "deepgram.api_key")
    assert key not in str(caught.value)


def test_blanks_around_a_key_are_nothing() -> None:
    assert header_key(" abc\n") == "abc"
    assert header_key("") == ""


def _served() -> set[str]:
    """What the fakes serve, as the providers' clients ask for it, without the version before it."""
    fakes = (FakeProviders(), FakeFlux(), FakeVendors())
    routes = {route.path for fake in fakes for route in fake.routes()}
    return {re.sub(r"^/v\d", "", path).replace("{voice}", "Any-Voice") for path in routes}


@pytest.mark.parametrize("path", sorted(_served() | {"/models", "/ari", "/text-to-speech"}))
def test_a_url_that_ends_in_what_clients_append_is_refused_with_the_mend(path: str) -> None:
    for spelt in (path, path.title(), path + "/", "/prefix" + path):
        with pytest.raises(
            ValueError, match=r"should end before .*: https://host\.example"
        ) as error:
            base_url("https://host.example" + spelt)
        assert str(error.value).endswith("/prefix" if "prefix" in spelt else "host.example")


def test_a_prefix_that_only_begins_or_goes_on_like_one_is_kept() -> None:
    for url in ("https://host/translate-eu", "https://host/speak/eu", "https://translate/deepl"):
        assert base_url(url) == url
