"""Of webhooks: who hears of calls, and how the receiver knows that it was us."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from translink.credentials import known_host
from translink.settings.part import Part
from translink.settings.types import Key, comma_separated, is_loopback

HookType = Literal["call.started", "call.ended", "call.trouble"]
HOOK_SECRET_PREFIX = "whsec_"
HOOK_SECRET_BYTES = range(24, 65)
"""Source: Standard Webhooks, "Symmetric signatures": 24 to 64 bytes, base64, after `whsec_`."""


def _hook_url(value: str) -> str:
    """Where messages go; a key has no place in it, so that it may be shown. Raises `ValueError`."""
    value = value.strip()
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("should be http(s)://host[:port][/path]") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError("should be http(s)://host[:port][/path]")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "should be scheme, host, port and path alone: the receiver knows us by the signature"
        )
    if any(not "!" <= c <= "~" for c in value):
        raise ValueError("should have neither spaces nor letters beyond ASCII")
    known_host(parts.hostname)
    return value


def hook_key(secret: str) -> bytes:
    """The key of the signature. Raises `ValueError`, without the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(HOOK_SECRET_PREFIX), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) not in HOOK_SECRET_BYTES or not secret.startswith(HOOK_SECRET_PREFIX):
        raise ValueError(
            "should be whsec_ and 24 to 64 bytes in base64, as from: "
            "echo whsec_$(openssl rand -base64 32)"
        )
    return key


HookUrl = Annotated[str, AfterValidator(_hook_url)]


class WebhookSettings(Part):
    """Messages to a server of yours when calls begin, end or are in trouble (docs/explain.md)."""

    url: HookUrl | None = None
    """Where they are posted, as in https://calls.example.com/hooks/translink. None = nowhere. Redirects are not
    followed."""
    secret: Key | None = None
    """`whsec_` and 24 to 64 bytes in base64 (`echo whsec_$(openssl rand -base64 32)`): what each message is signed
    with, by Standard Webhooks. Needed with `url`."""
    events: Annotated[tuple[HookType, ...], BeforeValidator(comma_separated)] = Field(
        ("call.started", "call.ended", "call.trouble"), min_length=1
    )
    """Which of them."""
    public_url: HookUrl | None = None
    """This server as the receiver reaches it, for the links to transcripts. None = `admin.host` and `admin.port`."""
    timeout: float = Field(5.0, gt=0, le=60)
    """For one attempt."""
    queue: int = Field(1_000, ge=1, le=100_000)
    """Messages that may wait. One more drops the oldest, and is counted."""
    attempts: int = Field(10, ge=1, le=100)
    """Answers other than 2xx after which a message is given up."""
    keep: float = Field(3_600.0, gt=0, le=604_800)
    """How old a message may become while nobody answers."""

    @model_validator(mode="after")
    def _is_signed(self) -> Self:
        if self.url is not None and self.secret is None:
            raise ValueError(
                "secret: is needed, so that the receiver can know our messages: "
                "echo whsec_$(openssl rand -base64 32)"
            )
        if self.secret is not None:
            try:
                hook_key(self.secret.get_secret_value())
            except ValueError as error:
                raise ValueError(f"secret: {error}") from None
        return self

    @property
    def can_be_read(self) -> bool:
        """Whether the network between can read what is sent."""
        parts = urlsplit(self.url or "")
        return parts.scheme == "http" and not is_loopback(parts.hostname or "")
