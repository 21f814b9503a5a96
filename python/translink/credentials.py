"""Where a service is and the key that opens it: what can only fail is refused, without being shown.

Used for settings, which name the setting themselves, and by providers, which are also made without
settings. Errors say what would be right.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from translink.errors import SettingsError

LONGEST_LABEL = 63
"""Characters between two dots of a host name (RFC 1035, section 2.3.4)."""

_APPENDED = re.compile(
    r"/(listen|speak|translate|usage|models|ari|chat/completions|audio/(speech|transcriptions)"
    r"|text-to-speech(/[^/]+/stream)?)/?$",
    re.IGNORECASE,
)
"""What clients put behind a base URL, without the version before it (a test compares with what the fakes serve)."""


def base_url(value: str) -> str:
    """`http(s)://host[:port][/prefix]`, without a slash at its end; ws(s) is taken alike.

    Raises `ValueError`, also for what ends in a path that is appended: every request would be a 404.
    """
    value = value.strip()
    try:
        parts = urlsplit(value)
    except ValueError:
        raise ValueError("should be http(s)://host[:port]") from None
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
        raise ValueError("should be http(s)://host[:port], as in https://api.eu.deepgram.com")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("should be scheme, host, port and path; the key has its own setting")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("should have a port from 1 to 65535") from None
    known_host(parts.hostname)
    if version := re.search(r"/v\d+(/|$)", value):
        right = value[: version.start()]
        raise ValueError(f"should end before /v1 or /v2, which translink adds: {right}")
    if path := _APPENDED.search(value):
        right = value[: path.start()]
        raise ValueError(f"should end before /{path[1]}, which translink adds: {right}")
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return f"{scheme}://{parts.netloc}{parts.path}".rstrip("/")


def known_host(value: str) -> str:
    """A host's name or address that can be looked up: what is longer, or only looks like an address, makes
    resolvers raise or search the network. Raises `ValueError`."""
    if re.fullmatch(r"[\d.]+", value) or ":" in value:
        try:
            ipaddress.ip_address(value)
        except ValueError:
            raise ValueError(f"{value} is no IP address; should be as in 127.0.0.1") from None
    elif any(not 0 < len(label) <= LONGEST_LABEL for label in value.rstrip(".").split(".")):
        raise ValueError(f"should have a host whose labels have 1 to {LONGEST_LABEL} characters")
    return value


def header_key(value: str) -> str:
    """The key alone; empty stays empty, for servers that ask for none.

    Visible ASCII only: a key goes into a header, a line end in it would start another. Raises
    `ValueError`.
    """
    value = value.strip()
    # `docker run --env-file` keeps the quotes that our own reading of such a file takes away.
    if not re.fullmatch(r"[!-~]*", value) or re.fullmatch(r"(['\"]).*\1", value):
        raise ValueError("should be the key alone, without spaces, line ends or quotes around it")
    return value


def named_url(value: str, setting: str) -> str:
    """`base_url`. Raises `SettingsError` with the setting's name, and not the URL: it may hold a
    key."""
    try:
        return base_url(value)
    except ValueError as error:
        raise SettingsError(f"{setting} {error}") from None


def named_key(value: str, setting: str) -> str:
    """`header_key`. Raises `SettingsError` with the setting's name, and not the key."""
    try:
        return header_key(value)
    except ValueError as error:
        raise SettingsError(f"{setting} {error}") from None
