"""Addresses and keys that could only fail are refused, and never shown."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize("key", ["two words", "line\nend", "clé-secret"])
def test_what_no_header_can_carry_is_refused_unseen(key: str) -> None:
    with pytest.raises(SettingsError, match=r"^deepgram\.api_key should ") as caught:
        named_key(key, "deepgram.api_key")
    assert key not in str(caught.value)


def test_blanks_around_a_key_are_nothing() -> None:
    assert header_key(" abc\n") == "abc"
    assert header_key("") == ""
