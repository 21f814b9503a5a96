"""What a line may hold: nothing that forges another line or drives a terminal, and no more of what people
say than the settings allow.

Control characters, line separators, bidirectional overrides and lone surrogates are written as
escapes, in every field.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, MutableMapping
from typing import TextIO

import orjson
import structlog

from translink.errors import legible


def one_line(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> Mapping[str, object]:
    """A transcript or a provider's reason must not forge a line or drive the terminal."""
    for key, value in event.items():
        if isinstance(value, str) and value.isprintable():
            continue  # nearly all of them
        if not key.startswith("_") and key != "exc_info":
            event[key] = _escaped(value)
    return event


def _escaped(value: object, depth: int = 4) -> object:
    if isinstance(value, str):
        return legible(value)
    if isinstance(value, Mapping):
        return {
            _escaped(key): _escaped(inner, depth - 1) if depth else repr(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_escaped(inner, depth - 1) if depth else repr(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _escaped(repr(value))


def traceback_lines(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> Mapping[str, object]:
    """Tracebacks keep their lines, and nothing else that moves a cursor."""
    for key in ("exception", "stack"):
        if isinstance(text := event.get(key), str):
            event[key] = _escaped_lines(text)
    return event


def plain_traceback(stream: TextIO, exc_info: structlog.typing.ExcInfo) -> None:
    """For `ConsoleRenderer`: a traceback without colours, escaped."""
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    stream.write(_escaped_lines(text.getvalue()))


def _escaped_lines(text: str) -> str:
    return "\n".join(str(_escaped(line)) for line in text.split("\n"))


_SAID_LINE = re.compile(r'(transcript \([^)]*\): )"(.*)"', re.DOTALL)
"""Lines that operators grep for, whose wording is kept."""


class Discretion:
    """The log without anybody's words (their length is left), or without the digits in them."""

    def __init__(self, *, text: bool) -> None:
        self._text = text

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, object]
    ) -> Mapping[str, object]:
        if isinstance(text := event.get("text"), str):
            event["text"] = self._of(text)
        message = event.get("event")
        if isinstance(message, str):
            event["event"] = _SAID_LINE.sub(lambda said: f'{said[1]}"{self._of(said[2])}"', message)
        return event

    def _of(self, said: str) -> str:
        if self._text:
            return "".join("#" if letter.isdigit() else letter for letter in said)
        return f"({len(said)} letters)"


def first_things_first(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> Mapping[str, object]:
    """`at level message`, then the fields."""
    first = {key: event.pop(key) for key in ("at", "level", "message") if key in event}
    return first | dict(event)


def as_json(event: object, **_: object) -> str:
    """One line of JSON; what JSON has no form for is written as its `repr`."""
    try:
        return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # an integer beyond 64 bits, or what some repr made of itself
        return json.dumps(event, default=repr, skipkeys=True)
