"""What can go wrong with a provider, and what that means for the call.

Statuses and close codes become a `Kind` in `kind_of_status` and `kind_of_close`, and nowhere else.
The kind decides which provider is asked next (`providers.attempts`, `breaker`). What a provider
refuses although its like worked before counts as TRANSIENT (`providers.precedents`).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator


class TranslinkError(Exception):
    """Base of everything translink raises on purpose."""


class SettingsError(TranslinkError):
    """A setting is wrong; the message names it, its value and what would be right."""


class Kind(enum.Enum):
    """What a failure means for the caller."""

    TRANSIENT = "transient"
    """Reset, time-out, 408, 409, 5xx, close 1006/1011/1012/1013: try again, with back-off."""
    BUSY = "busy"
    """429, 529: try again later, with jitter, honouring `retry_after`."""
    DENIED = "denied"
    """401, 402, 403, 456: no use trying this provider again soon; fail over at once and alert."""
    SHORTAGE = "shortage"
    """This machine has no descriptor or memory left: try again soon. Says nothing of the provider."""
    REFUSED = "refused"
    """3xx, any other 4xx, close 1002, 1003, 1007, 1008, 1009: this very request is wrong; trying it
    again changes nothing."""


class ProviderError(TranslinkError):
    """A provider did not do what was asked.

    `str()` of it is safe to log: it never holds a key, a token or a URL with a query.
    """

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        kind: Kind,
        status: int | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
        timed_out: bool = False,
    ) -> None:
        super().__init__(message)
        self.provider = provider
        """Name and endpoint, as in `deepgram.listen`, `deepgram.prerecorded`, `deepl`."""
        self.kind = kind
        self.status = status
        """HTTP status or WebSocket close code, if there was one; 402 where the account has nothing left,
        whatever was answered."""
        self.retry_after = retry_after
        """Seconds the provider asked us to wait."""
        self.request_id = request_id
        """The provider's name of the request or the stream, for their support."""
        self.timed_out = timed_out
        """It did not answer in time: waiting for it a second time comes last."""

    @property
    def log_fields(self) -> dict[str, str]:
        """What a line in the log has beside the reason, where it is known."""
        return {"request_id": self.request_id} if self.request_id else {}


def kind_of_status(status: int, code: str = "") -> Kind:
    """Class of an HTTP status of any provider (a handshake's included).

    Args:
        code: the error's name in the body, where it says more than the status: OpenAI answers 429 to
            an account that has nothing left, which no waiting mends.
    """
    if code in NOTHING_LEFT:
        return Kind.DENIED
    match status:
        case 401 | 402 | 403 | 456:
            return Kind.DENIED
        case 429 | 529:
            return Kind.BUSY
        case 408 | 409:
            return Kind.TRANSIENT
        case _ if status >= 500:
            return Kind.TRANSIENT
        case _:
            return Kind.REFUSED


def kind_of_close(code: int | None) -> Kind:
    """Class of a WebSocket close code; None and 1006 mean that the connection just broke.

    Source: RFC 6455 section 7.4.1; Deepgram's STT troubleshooting page.
    """
    match code:
        case 1002 | 1003 | 1007 | 1008 | 1009:
            return Kind.REFUSED
        case _:
            return Kind.TRANSIENT


def printable(text: str, *, secret: str = "") -> str:
    """What a peer wrote, made safe for a log line: one line, at most 200 characters, no query, no
    `secret`, nothing that was given to `conceal`.

    A server may echo the request it refuses; so every text that goes from the wire into a
    `ProviderError` passes through here.
    """
    for known in (*_concealed, secret):
        if len(known) >= 6:
            text = text.replace(known, "***")
    text = _QUERY.sub(r"\1", text[:2000])
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= 200 else text[:199] + "…"


def legible(text: str) -> str:
    """A text for a terminal or a log: what is no letter (an escape, C1, a line separator, an override of direction)
    is written as an escape. Blanks of other widths (French has them before `!`) and the joiners of Indic and Persian
    words stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or _HARMLESS.match(c) else repr(c)[1:-1] for c in text)


_HARMLESS = re.compile("[\u00a0\u1680\u2000-\u200a\u200c\u200d\u202f\u205f\u3000]")


def complaints(error: Exception) -> Iterator[str]:
    """The lines that a command prints of it: a name in a file or a server's answer may hold what drives a
    terminal."""
    for line in str(error).splitlines() or [type(error).__name__]:
        yield f"translink: {legible(line)}\n"


def conceal(secrets: Iterable[str]) -> None:
    """Have `printable` strike out these values too, from now on and in the whole process.

    Stream errors cannot be matched to a request, so all secrets are masked here, where every text
    from outside passes.
    """
    global _concealed
    _concealed = tuple(sorted(secrets, key=len, reverse=True))


NOTHING_LEFT = frozenset({"insufficient_quota", "quota_exceeded", "billing_hard_limit_reached"})
"""Names of an error that only a payment mends, under whatever status."""
_concealed: tuple[str, ...] = ()
_QUERY = re.compile(r"(\w://[^\s?#]*)[?#]\S*")
