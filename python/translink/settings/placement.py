"""Of a fleet: how several translinks share their calls (docs/scale.md)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from translink.credentials import known_host
from translink.settings.part import Part
from translink.settings.types import Address, AddressSetting, Key, comma_separated, is_installed


def _nats_url(value: str) -> str:
    """`nats://host[:port]`; credentials have settings of their own, so that it may be shown. Raises
    `ValueError`."""
    parts = _server(
        value,
        ("nats", "tls"),
        "should be nats://host:port, or tls://host:port, as in nats://127.0.0.1:4222",
        "; user, password and token have settings of their own",
    )
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or 4222}"


def _node_url(value: str) -> str:
    """`http(s)://host[:port]`. Raises `ValueError`."""
    wrong = "should be http(s)://host:port of the admin server, as in http://10.0.0.7:3022"
    parts = _server(value, ("http", "https"), wrong)
    return f"{parts.scheme}://{parts.netloc}"


def _server(value: str, schemes: tuple[str, ...], wrong: str, more: str = "") -> SplitResult:
    """`scheme://host[:port]` and nothing else. Raises `ValueError`: `wrong`, with `more` where there is more."""
    try:
        parts = urlsplit(value.strip())
        port = parts.port
    except ValueError:
        raise ValueError(wrong) from None
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        raise ValueError(wrong)
    if parts.username is not None or parts.query or parts.fragment or parts.path not in ("", "/"):
        raise ValueError(wrong + more)
    known_host(parts.hostname)
    return parts


def _word(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,38}[A-Za-z0-9])?", value):
        raise ValueError("should be 1 to 40 letters, digits and - between them, as in berlin-2")
    return value


NatsUrls = Annotated[
    tuple[Annotated[str, AfterValidator(_nats_url)], ...], BeforeValidator(comma_separated)
]
FleetWord = Annotated[str, AfterValidator(_word)]


class PlacementSettings(Part):
    """Several translinks that are one to those who create calls: needs a NATS server with JetStream, and
    `pip install translink[nats]` (docs/scale.md). All of a fleet have the same `admin.token`."""

    nats: NatsUrls = ()
    """Where NATS is, as in nats://10.0.0.5:4222; several of one cluster with commas between. Left out: this
    translink is alone."""
    node: FleetWord | None = None
    """What this one is called; four letters that differ from start to start are added. None = the machine's name."""
    listen: AddressSetting = Address("127.0.0.1", 0)
    """Where the others ask this one for its calls, as in 10.0.0.7:3022; `admin.port` is that of all. Port 0 = any that
    is free. With the certificate and the tokens of `admin`."""
    url: Annotated[str, AfterValidator(_node_url)] | None = None
    """The same as the others reach it, as in http://10.0.0.7:3022. None = `listen`."""
    fleet: FleetWord = "translink"
    """Tells fleets apart that use one NATS: the beginning of its buckets' names."""
    capacity: int | None = Field(None, ge=1, le=100_000)
    """Calls that this one takes at once. None = `pressure.max_calls`, or else `calls.max_created`."""
    user: str | None = None
    """Of the NATS server, with `password`."""
    password: Key | None = None
    """Of that user."""
    token: Key | None = None
    """Of the NATS server, where it asks for one instead of a user."""
    credentials: Path | None = None
    """Or a `.creds` file, as `nsc` makes it (needs `pip install nkeys`)."""
    tls_ca: Path | None = None
    """PEM file of those who sign the certificates of tls:// servers. None = whom the system trusts."""
    replicas: int = Field(1, ge=1, le=5)
    """Servers of a NATS cluster that keep what is shared: 3 to do without one of them."""

    @model_validator(mode="after")
    def _can_be_used(self) -> Self:
        if not self.nats:
            return self
        if self.url is None and self.listen.host in ("0.0.0.0", "::"):
            raise ValueError(
                "url: is needed where listen is every address: others reach this one there, as in http://10.0.0.7:3022"
            )
        if not is_installed("nats"):
            raise ValueError("nats: needs nats-py: pip install 'translink[nats]'")
        if self.credentials is not None and not is_installed("nkeys"):
            raise ValueError("credentials: needs nkeys: pip install nkeys")
        if (self.user is None) != (self.password is None):
            raise ValueError("user: and password are needed together")
        if sum(each is not None for each in (self.user, self.token, self.credentials)) > 1:
            raise ValueError("token: one of user, token and credentials should be set")
        return self
