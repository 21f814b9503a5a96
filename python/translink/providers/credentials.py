"""Where a provider is and the key that opens it, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from translink.errors import SettingsError

SHAPE = "http(s)://host[:port][/prefix], without credentials or query"


def checked_url(
    url: str, *, setting: str, schemes: Collection[str] = ("http", "https")
) -> SplitResult:
    """The parts of a base URL, its path without a slash at the end.

    Raises:
        SettingsError: it is none, or holds credentials, a query or a fragment, which a base URL must
            not. What is shown of it is its scheme and host.
    """
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
        host = parts.hostname
    except ValueError:
        raise SettingsError(f"{setting} is '(not a URL)'; it must be {SHAPE}") from None
    if parts.scheme not in schemes or not host or parts.username or parts.query or parts.fragment:
        shown = f"{parts.scheme}://{host or ''}"
        raise SettingsError(f"{setting} is {shown!r}; it must be {SHAPE}")
    return parts._replace(path=parts.path.rstrip("/"))


def checked_key(key: str, *, setting: str) -> str:
    """The key without blanks around it; empty stays empty, for servers that ask for none.

    Raises:
        SettingsError: characters that no header can carry. The key itself is not shown.
    """
    key = key.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(f"{setting} holds blanks, line ends or non-ASCII characters")
    return key
