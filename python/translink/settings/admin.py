"""Of the admin server: where it listens, who may do what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from translink.settings.part import Part
from translink.settings.types import Host, HostName, HostPort, Key, comma_separated, is_loopback

SHORTEST_TOKEN = 16
"""Characters of an admin token that others may guess at."""


class AdminSettings(Part):
    """The HTTP API and the page."""

    host: HostName = "127.0.0.1"
    """Where it listens."""
    port: int = Field(3020, ge=0, le=65_535)
    """0 = any that is free; the log tells which."""
    token: Key | None = None
    """Wanted in `Authorization: Bearer …` or at log-in; may do everything. Needed when `host` is not
    loopback. As every secret it may be written `file:/path` or `keyring:service/name`."""
    read_token: Key | None = None
    """A second token that may see everything and change nothing."""
    listen_in: bool = False
    """Let those who have `token` hear the callers' voices. Every use is logged and marked."""
    allowed_hosts: Annotated[tuple[HostPort, ...], BeforeValidator(comma_separated)] = ()
    """Names (with a port, unless it is 80 or 443) under which clients reach this server, as
    in `calls.example.com`; others are refused. Loopback names are always allowed on loopback."""
    proxies: Annotated[tuple[Host, ...], BeforeValidator(comma_separated)] = ()
    """IP addresses of reverse proxies whose `X-Forwarded-For` and `-Proto` are believed."""
    tls_cert: Path | None = None
    """PEM file with the certificate (chain): HTTPS instead of HTTP. Read again on SIGHUP."""
    tls_key: Path | None = None
    """PEM file with its key; None = in `tls_cert`."""
    tls_self_signed: bool = False
    """HTTPS with a certificate of our own making (by `openssl`, kept in `~/.local/state/translink`): for /talk from
    another machine, since browsers give a page the microphone only on localhost or over HTTPS. They warn of it."""
    session_time: float = Field(43_200.0, ge=60, le=604_800)
    """Seconds without a request after which a browser must log in again."""

    @property
    def serves_tls(self) -> bool:
        """HTTPS, and not HTTP."""
        return self.tls_cert is not None or self.tls_self_signed

    @property
    def own_host(self) -> str:
        """The `Host` that our own commands name, where the address that they connect to would be refused; else
        empty."""
        return self.allowed_hosts[0] if self.allowed_hosts and not is_loopback(self.host) else ""

    @model_validator(mode="after")
    def _is_guarded(self) -> Self:
        token = self.token.get_secret_value() if self.token else ""
        read_token = self.read_token.get_secret_value() if self.read_token else ""
        if not is_loopback(self.host) and not (token or read_token):
            raise ValueError(
                "host: is reachable from outside, so admin.token is needed "
                "(or leave the host at 127.0.0.1)"
            )
        for name, value in (("token", token), ("read_token", read_token)):
            if value and len(value) < SHORTEST_TOKEN and not is_loopback(self.host):
                raise ValueError(
                    f"{name}: should have at least {SHORTEST_TOKEN} characters when the host is "
                    "reachable from outside, as those of: openssl rand -hex 16"
                )
        if token and token == read_token:
            raise ValueError("read_token: should differ from admin.token")
        if self.allowed_hosts and not (token or read_token):
            raise ValueError("allowed_hosts: lets other hosts in; set admin.token")
        if self.tls_self_signed and self.tls_cert:
            raise ValueError("tls_self_signed: is of no use with admin.tls_cert")
        if self.tls_key and not self.tls_cert:
            raise ValueError("tls_key: is of no use without admin.tls_cert")
        return self
