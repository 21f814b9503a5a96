r"""A provider's JSON, read although a letter of it is half a pair.

`"\ud83d"` alone is JSON by its grammar (RFC 8259, section 8.2) and no text; orjson refuses the whole message for it.
The words around it are worth more than that letter, which becomes U+FFFD.
"""

from __future__ import annotations

import re

import orjson

_ESCAPED = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.",
    re.DOTALL,
)
"""A pair, half of one, any other escape: so that the `u` behind an escaped backslash is none."""
_HALF = len(rb"\ud83d")


def read_json(message: str | bytes) -> object:
    """Its value. Raises `orjson.JSONDecodeError`."""
    try:
        value: object = orjson.loads(message)
    except orjson.JSONDecodeError:
        body = message.encode(errors="replace") if isinstance(message, str) else message
        whole = _ESCAPED.sub(_whole, body)
        if whole == body:
            raise
        value = orjson.loads(whole)
    return value


def _whole(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if len(escape[0]) == _HALF else escape[0]
