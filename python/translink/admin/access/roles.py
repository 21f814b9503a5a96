"""Roles, and what each may do. Decisions only: headers in, verdict out; no socket, no clock.

Theory of operation
    A request passes three questions, in this order. *Is it meant for us, and by whom was it made?*
    (`refuses`: `Host`, `Origin`, `Sec-Fetch-Site`): a page of another site must neither read nor act
    with the rights of a user who has our page open. *Which role has it?* (`role_of`): that of its
    token, or, where no token is set, anything that reaches the loopback address. *Is it allowed?*
    (`forbids`): each route wants a role, and a route that nobody gave one wants `control`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import get_args

from translink.admin.http.route import Role
from translink.errors import SettingsError
from translink.settings.types import is_loopback

EVENTS_PROTOCOL = "translink.events"
TOKEN_PROTOCOL = "bearer."
"""A program in a browser cannot set a header on a WebSocket, and a token in a URL ends up in logs,
so it offers the subprotocols `translink.events` and `bearer.<token in base64url>`. Our own page
needs neither: it has a session."""

SAFE_METHODS = ("GET", "HEAD")
"""They change nothing."""


_ROLES: tuple[Role, ...] = get_args(Role)


class Access:
    """The rules for one listening address."""

    def __init__(
        self,
        host: str,
        token: str | None = None,
        *,
        read_token: str | None = None,
        allowed_hosts: Iterable[str] = (),
        listen_in: bool = False,
    ) -> None:
        """`allowed_hosts`: names, with a port unless it is the scheme's own, by which we are
        reached through a proxy or from outside.

        Raises:
            SettingsError: everybody could ask: others can reach us and there is no token.
        """
        self._hosts = frozenset(name.lower() for name in allowed_hosts)
        self._is_local = is_loopback(host)
        self._listen_in = listen_in
        self._tokens = tuple(
            (_digest(value.encode()), role)
            for value, role in ((token, _ROLES[2]), (read_token, _ROLES[1]))
            if value
        )
        if not self._tokens and not self._is_local:
            raise SettingsError(
                f"admin.host = {host!r}: is reachable from outside, so admin.token is needed "
                "(or leave the host at 127.0.0.1)"
            )
        if not self._tokens and self._hosts:
            raise SettingsError(
                "admin.allowed_hosts: a server that is reached by other names needs admin.token too"
            )

    @property
    def wants_token(self) -> bool:
        """False: every client that reaches the loopback address may do everything."""
        return bool(self._tokens)

    @property
    def listen_in(self) -> bool:
        """May anybody listen in?"""
        return self._listen_in

    def role_of(self, token: bytes) -> Role | None:
        """What the bearer of `token` may do; None when it is no token of ours.

        Takes as long for a token that is nearly right as for any other: digests are compared, all
        of them, in constant time.
        """
        shown = _digest(token)
        found: Role | None = None
        for digest, role in self._tokens:
            if hmac.compare_digest(shown, digest):
                found = role
        return found

    def refuses(self, method: str, headers: Mapping[str, str]) -> str | None:
        """Why a request is not even looked at, or None.

        On loopback only a `Host` that is loopback by name, or allowed, counts: else a page of some
        other site whose name was pointed at 127.0.0.1 could read everything (DNS rebinding).
        Whatever changes something or opens a stream must come from our own page, if it comes from a
        page; and no page of another site gets an answer to show, embed or measure.
        """
        host = headers.get("Host", "").lower()
        if (self._is_local or self._hosts) and not self._is_ours(host):
            return "Host should be localhost, a loopback address or one of admin.allowed_hosts"
        if headers.get("Sec-Fetch-Site", "none").lower() not in ("same-origin", "none"):
            visits = headers.get("Sec-Fetch-Mode", "").lower() == "navigate"
            if not (visits and method in SAFE_METHODS):
                return "Sec-Fetch-Site should be same-origin"
        if method not in SAFE_METHODS or opens_stream(headers):
            origin = headers.get("Origin")
            if origin is not None and not self._is_own_origin(origin.lower(), host):
                return "Origin should be this server"
        return None

    def refuses_session(self, method: str, headers: Mapping[str, str]) -> str | None:
        """Why a cookie is not enough for a request that `refuses` let pass, or None.

        A browser adds the cookie by itself, so what acts or streams must say where it comes from;
        every browser of today says so.
        """
        if (method not in SAFE_METHODS or opens_stream(headers)) and "Origin" not in headers:
            return "Origin is needed with a session; programs use Authorization: Bearer …"
        return None

    def forbids(self, wanted: Role, role: Role | None) -> tuple[int, str] | None:
        """Status and reason why `role` is not enough for a route that wants `wanted`, or None."""
        if wanted == "open":
            return None
        if role is None:
            return 401, "a token is needed: Authorization: Bearer …, or POST /login"
        if wanted == "listen" and not self._listen_in:
            return 403, "listening in is switched off (admin.listen_in)"
        least: Role = "control" if wanted == "listen" else wanted
        if _ROLES.index(role) < _ROLES.index(least):
            return 403, f"the role {least} is needed; yours is {role}"
        return None

    def _is_ours(self, host: str) -> bool:
        return host in self._hosts or (self._is_local and is_loopback(_name_of(host)))

    def _is_own_origin(self, origin: str, host: str) -> bool:
        scheme, _, place = origin.partition("://")
        return scheme in ("http", "https") and bool(place) and place in (host, *self._hosts)


def opens_stream(headers: Mapping[str, str]) -> bool:
    """Does the request open a WebSocket?"""
    return headers.get("Upgrade", "").lower() == "websocket"


def token_in(headers: Mapping[str, str]) -> bytes | None:
    """The token that a request shows; None when it shows none, empty when it cannot be read."""
    if (shown := headers.get("Authorization")) is not None:
        scheme, _, token = shown.partition(" ")
        if scheme.lower() != "bearer":
            return b""
        return token.strip().encode(errors="surrogateescape")  # aiohttp keeps odd bytes that way
    for offered in headers.get("Sec-WebSocket-Protocol", "").split(","):
        if (name := offered.strip()).startswith(TOKEN_PROTOCOL):
            encoded = name.removeprefix(TOKEN_PROTOCOL)
            try:
                return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            except (binascii.Error, ValueError):
                return b""
    return None


def _name_of(host: str) -> str:
    """Of a `Host` header, without the port; empty when it is none (as with `user@name`)."""
    match = _HOST.fullmatch(host)
    return (match[1] or match[2]) if match else ""


_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?")


def _digest(value: bytes) -> bytes:
    """Of one length whatever the token's, so that not even the length shows."""
    return hashlib.sha256(value).digest()
