"""Who may ask what. Decisions only: headers in, verdict out."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from translink.errors import SettingsError
from translink.setting_types import is_loopback

EVENTS_PROTOCOL = "translink.events"
TOKEN_PROTOCOL = "bearer."
"""A browser cannot set a header on a WebSocket, and a token in a URL ends up in logs, so a browser
offers the subprotocols `translink.events` and `bearer.<token in base64url>`."""


class Access:
    """The rules for one listening address."""

    def __init__(self, host: str, token: str | None) -> None:
        """Raises `SettingsError` when everybody could ask: not loopback, and no token."""
        if not token and not is_loopback(host):
            raise SettingsError(
                f"admin.host = {host!r}: is reachable from outside, so admin.token is needed "
                "(or leave the host at 127.0.0.1)"
            )
        self._token = token.encode() if token else None

    def knows(self, headers: Mapping[str, str]) -> bool:
        """True when the request may see and do everything."""
        if self._token is None:
            return True
        return hmac.compare_digest(_token_of(headers), self._token)

    def refuses(self, method: str, headers: Mapping[str, str]) -> str | None:
        """Why a request is not even looked at, or None.

        Without a token, only a `Host` that is loopback by name counts: else a page of some other
        site whose name was pointed at 127.0.0.1 could read everything (DNS rebinding). Whatever
        changes something or opens a stream must come from our own page, if it comes from a page.
        """
        host = headers.get("Host", "")
        if self._token is None and not is_loopback(_name_of(f"//{host}")):
            return "Host should be localhost or a loopback address"
        opens_stream = headers.get("Upgrade", "").lower() == "websocket"
        origin = headers.get("Origin") if opens_stream or method not in ("GET", "HEAD") else None
        if origin is not None and origin.lower().partition("://")[2] != host.lower():
            return "Origin should be this server"
        return None


def _name_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _token_of(headers: Mapping[str, str]) -> bytes:
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip().encode(errors="surrogateescape")  # aiohttp keeps odd bytes that way
    for offered in headers.get("Sec-WebSocket-Protocol", "").split(","):
        if (name := offered.strip()).startswith(TOKEN_PROTOCOL):
            encoded = name.removeprefix(TOKEN_PROTOCOL)
            try:
                return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            except (binascii.Error, ValueError):
                return b""
    return b""
