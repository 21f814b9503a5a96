"""No secret in any line: registered values, and what looks like a credential, are masked.

It works on the finished line, wherever that came from: message, fields, the traceback of an
exception, the standard library's loggers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

MASK = "********"

_KEYS = re.compile(
    r"(?i:\b(?P<scheme>token|bearer|deepl-auth-key)(?P<gap>[\s:=]+))(?P<key>[A-Za-z0-9._~+/:-]{16,})"
    r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}:fx"
)
"""What looks like a credential even when no setting holds it: a DeepL free key, an auth header."""
_SIGNS = ("token", "bearer", "deepl-auth-key", ":fx")
"""No text without one of these, in small letters, has anything for `_KEYS`."""


class Redaction:
    """Takes secrets out of a text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {
            spelling
            for secret in secrets
            if len(secret) >= 4  # a shorter one would blank out ordinary words
            # As it is, in an error's or a dict's repr, and each of them in JSON.
            for plain in (secret, repr(secret)[1:-1])
            for spelling in (
                plain,
                *(json.dumps(plain, ensure_ascii=ascii)[1:-1] for ascii in (True, False)),
            )
        }
        longest_first = sorted(spellings, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if spellings else None

    def __call__(self, text: str) -> str:
        """The text with every registered secret and everything that looks like one masked."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        folded = text.lower()
        if any(sign in folded for sign in _SIGNS):
            # Looking at every place of every line took longer than rendering it.
            text = _KEYS.sub(_masked, text)
        return text


def _masked(match: re.Match[str]) -> str:
    return f"{match['scheme']}{match['gap']}{MASK}" if match["scheme"] else MASK
