"""Errors of an HTTP exchange as `ProviderError`: what to keep of them, and what never to repeat.

Messages are built from the status, the peer's cleaned words and the type of the exception; the URL,
its query and the credential stay out.
"""

from __future__ import annotations

import email.utils
import errno
import time
from collections.abc import Mapping, Sequence

import aiohttp
import orjson

from translink.errors import NOTHING_LEFT, Kind, ProviderError, kind_of_status, printable
from translink.providers.reading import read_json

SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""What this machine may lack, whichever provider is to be reached."""


def refusal(
    provider: str, status: int, headers: Mapping[str, str], body: bytes, *, secret: str = ""
) -> ProviderError:
    """The error for an HTTP status that is not 2xx, a WebSocket handshake's included.

    Args:
        headers: `Retry-After`, `dg-error` and the request id are read, in any case of letters.
        body: as much of it as was read; any of the known shapes, or nothing.
        secret: the credential that was sent, to be struck out should the peer echo it.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    words = printable(describe(body) or lower.get("dg-error", ""), secret=secret)
    name = _name(body)
    return ProviderError(
        f"{provider} answered {status}" + (f": {words}" if words else ""),
        provider=provider,
        kind=kind_of_status(status, name),
        # As 401 or 429 it would be taken for a wrong key, which nobody has to change.
        status=402 if name in NOTHING_LEFT else status,
        retry_after=retry_after(lower),
        request_id=_request_id(lower),
    )


def broken(
    provider: str, what: str, exc: BaseException, headers: Mapping[str, str] | None = None
) -> ProviderError:
    """The error for an exception on the way: time-out, reset, name not found, truncated body.
    TRANSIENT."""
    timed_out = isinstance(exc, TimeoutError)
    if timed_out:
        cause = "timed out"
    elif isinstance(exc, OSError) and exc.strerror:
        cause = printable(exc.strerror)
    else:
        cause = type(exc).__name__
    if isinstance(exc, OSError) and exc.errno in SHORTAGES:
        kind = Kind.SHORTAGE
    else:
        kind = Kind.REFUSED if isinstance(exc, aiohttp.InvalidURL) else Kind.TRANSIENT
    message = f"{provider}: {what} failed: {cause}"
    return ProviderError(
        message,
        provider=provider,
        kind=kind,
        request_id=_request_id(headers),
        timed_out=timed_out,
    )


def unreadable(provider: str, why: str, headers: Mapping[str, str] | None = None) -> ProviderError:
    """The error for a 2xx answer that makes no sense. TRANSIENT: a proxy's page, a half-written
    body."""
    message = f"{provider}: unreadable answer: {why}"
    return ProviderError(
        message, provider=provider, kind=Kind.TRANSIENT, request_id=_request_id(headers)
    )


def describe(body: bytes) -> str:
    """What an error body says: Deepgram's three shapes, DeepL's, OpenAI's (`error`), ElevenLabs'
    (`detail`, an object or a list), plain text; empty when it says nothing.

    Sources: developers.deepgram.com/docs/errors (its 503 sample spells the key `error_code`),
        DeepL's OpenAPI file, platform.openai.com and elevenlabs.io on errors.
    """
    value = _object(body)
    if value is None:
        text = body.decode(errors="replace").strip()
        return "" if text[:1] in ("<", "[", "{") else text
    code, message = _first(value, _CODE_FIELDS), _first(value, _MESSAGES)
    details = _first(value, ("details", "detail"))
    said = [part for part in (code, message) if part]
    return ": ".join(said) + (f" ({details})" if details else "")


def _name(body: bytes) -> str:
    """The error's name in a body that has one."""
    return _first(_object(body) or {}, _CODE_FIELDS)


def _object(body: bytes) -> dict[str, object] | None:
    """The object that says what is wrong: the body, or what lies in its `error` or `detail`."""
    try:
        value = read_json(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    for key in ("error", "detail"):
        inner = value.get(key)
        if isinstance(inner, list) and inner:
            inner = inner[0]
        if isinstance(inner, dict):
            return inner
    return value


def _first(value: Mapping[str, object], names: Sequence[str]) -> str:
    found = (value.get(name) for name in names)
    return next((text for text in found if isinstance(text, str) and text), "")


_CODE_FIELDS = ("err_code", "error_code", "category", "code", "status", "type")
_MESSAGES = ("err_msg", "message", "description", "error", "msg")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `retry-after` (a number or a date); None when
    absent or odd.

    Args:
        headers: with lower-case names.
    """
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * scale
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        date = email.utils.parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return max(0.0, date.timestamp() - time.time())


def _request_id(headers: Mapping[str, str] | None) -> str | None:
    lower = {name.lower(): value for name, value in (headers or {}).items()}
    for name in ("dg-request-id", "x-trace-id", "x-request-id", "request-id"):
        if name in lower:
            return printable(lower[name])
    return None
