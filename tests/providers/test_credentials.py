"""Addresses and keys that could only fail are refused, and never shown whole."""

from __future__ import annotations

import pytest

from translink.errors import SettingsError
from translink.providers.credentials import checked_key, checked_url


def test_a_prefix_is_kept_and_a_slash_at_its_end_is_not() -> None:
    parts = checked_url(" https://host.example:8443/deep/l/ ", setting="x")
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "host.example:8443", "/deep/l")


@pytest.mark.parametrize(
    "url",
    [
        *("", "host.example", "ftp://host.example", "https://", "https://host.example:99999"),
        *("https://u:secret@host.example", "https://host.example?key=secret"),
        "https://host.example#secret",
    ],
)
def test_what_is_no_base_url_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^deepl\.server_url is .*; it must be http") as caught:
        checked_url(url, setting="deepl.server_url")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["two words", "line\nend", "clé-secret"])
def test_what_no_header_can_carry_is_refused_unseen(key: str) -> None:
    with pytest.raises(SettingsError, match=r"^deepgram\.api_key holds") as caught:
        checked_key(key, setting="deepgram.api_key")
    assert key not in str(caught.value)


def test_blanks_around_a_key_are_nothing() -> None:
    assert checked_key(" abc\n", setting="x") == "abc"
    assert checked_key("", setting="x") == ""
