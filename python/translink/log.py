"""Logging: structlog over the standard library, one handler, no secret in any line.

The message comes first and stays as it was given, so that operators can grep for the lines they
know; everything else stands behind it as fields. `call` and `leg` come from the context:

    log = structlog.get_logger(__name__)
    with log_context(call="3333-1", leg="3333"):
        log.info('[WEBSOCKET] FINAL transcript (3333): "hello world"', ms=212)

Redaction works on the finished line, wherever it came from: message, fields, the traceback of an
exception, the standard library's loggers.

What comes from a peer (a transcript, a provider's reason, a name) can neither forge a line nor drive
a terminal: control characters, line separators, bidirectional overrides and lone surrogates are
written as escapes, in every field. Nor can a peer flood the log: of one warning or error, for one
leg, `SAME_A_MINUTE` lines a minute are written; the rest is counted, and the next line says how many
(`unlogged`).

Lines go to standard error through a thread of their own: a terminal that was stopped or a pipe that
nobody reads must not stop the calls. `BACKLOG` lines may wait; more are dropped and counted, and the
count is the next thing written.
"""

from __future__ import annotations

import atexit
import io
import json
import logging
import os
import queue
import re
import sys
import threading
import time
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TextIO

import orjson
import structlog

MASK = "********"
SAME_A_MINUTE = 5
"""More than one, so that a fault that comes twice is seen twice."""
BACKLOG = 10_000
"""Lines that may wait for standard error; at 200 bytes, 2 MB."""
FLUSH_TIME = 2.0
"""Seconds that the process waits at its end for the last lines to be taken."""

_KEYS = re.compile(
    r"(?i:\b(?P<scheme>token|bearer|deepl-auth-key)(?P<gap>[\s:=]+))(?P<key>[A-Za-z0-9._~+/:-]{16,})"
    r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}:fx"
)
"""What looks like a credential even when no setting holds it: a DeepL free key, an auth header."""
_SIGNS = ("token", "bearer", "deepl-auth-key", ":fx")
"""No text without one of these, in small letters, has anything for `_KEYS`."""


def configure(
    *,
    level: str = "info",
    format: str = "auto",
    secrets: Iterable[str] = (),
    text: bool = True,
    digits: bool = True,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Set up logging for the process. Call it again after a reload.

    What ends the process or a thread by a bug is logged as well, instead of being printed without
    redaction.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        format: `console`, `json` (one object a line, keys `at level logger message …`) or `auto`.
        secrets: Values that must never be written.
        text: False = what people say is left out of every line.
        digits: False = every digit in what they say is written as `#`.
        stream: None = standard error, through a thread; another one is written to directly.
        clock: Seconds, for the limit of equal lines.
    """
    out = stream or _standard_error()
    # What no line of ours shows (the caller's file and line, thread and process) need not be looked
    # for; these switches are the library's own, and save a fifth of what a line costs.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    flood = _Flood(clock)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", key="at"),
        _one_line,
        *([] if text and digits else [_Discretion(text=text)]),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            flood.processor,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    last: list[structlog.typing.Processor]
    if format == "json":
        last = [
            structlog.processors.format_exc_info,
            _traceback_lines,
            structlog.processors.EventRenamer("message"),
            _first_things_first,
            structlog.processors.JSONRenderer(serializer=_json),
        ]
    else:
        last = [
            structlog.dev.ConsoleRenderer(
                colors=out.isatty() and not os.environ.get("NO_COLOR"),
                pad_event_to=0,
                timestamp_key="at",
                exception_formatter=_plain_traceback,
            )
        ]
    handler = logging.StreamHandler(out)
    handler.addFilter(flood.filter)
    handler.setFormatter(
        _Redacting(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
            redact=Redaction(secrets),
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    if stream is None:
        sys.excepthook = _died
        threading.excepthook = _thread_died
        sys.unraisablehook = _unraisable
    root.setLevel(level.upper())
    for noisy in ("websockets", "aiohttp.access", "asyncio"):
        # Their info lines are about every request; their debug lines hold headers.
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def log_context(**fields: object) -> AbstractContextManager[None]:
    """Fields that every line logged inside carries, across awaits, as `call` and `leg`."""
    return structlog.contextvars.bound_contextvars(**fields)


class Redaction:
    """Takes secrets out of a text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {
            spelling
            for secret in secrets
            if len(secret) >= 4  # a shorter one would blank out ordinary words
            for spelling in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1])
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


class RateLimit:
    """For what happens all the time, like datagram errors: logged once, then counted.

    Time is an argument: `if (unlogged := limit.due("receive", now)) is not None: log.warning(…,
    unlogged=unlogged)`. Holds one entry a key and forgets them all beyond `KEYS`.
    """

    KEYS = 2_000

    def __init__(self, interval: float = 60.0, burst: int = 1) -> None:
        """`burst`: lines that may be logged in each interval, in seconds."""
        self._interval = interval
        self._burst = burst
        self._windows: dict[Hashable, list[float]] = {}
        """Key to the window's beginning, lines logged in it and lines counted since the last one."""

    def due(self, key: Hashable, now: float) -> int | None:
        """How many went unlogged since the last line; None when this one must not be logged."""
        if key not in self._windows and len(self._windows) >= self.KEYS:
            self._windows.clear()
        window = self._windows.setdefault(key, [now, 0, 0])
        if now - window[0] >= self._interval:
            window[:2] = now, 0
        if window[1] >= self._burst:
            window[2] += 1
            return None
        window[1] += 1
        unlogged, window[2] = window[2], 0
        return int(unlogged)


class _Flood:
    """The limit of equal lines: structlog's by their message before anything is filled in, the
    standard library's by their format.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._limit = RateLimit(burst=SAME_A_MINUTE)
        self._clock = clock

    def processor(
        self, logger: object, method: str, event: MutableMapping[str, object]
    ) -> MutableMapping[str, object]:
        if method in ("warning", "warn", "error", "exception"):
            key = (getattr(logger, "name", ""), event.get("event"), event.get("leg"))
            unlogged = self._limit.due(tuple(map(str, key)), self._clock())
            if unlogged is None:
                raise structlog.DropEvent
            if unlogged:
                event["unlogged"] = unlogged
        return event

    def filter(self, record: logging.LogRecord) -> bool:
        ours = not isinstance(record.msg, str)  # an event of structlog, which was looked at
        if ours or not logging.WARNING <= record.levelno < logging.CRITICAL:
            return True
        unlogged = self._limit.due((record.name, record.msg), self._clock())
        if unlogged:
            record.unlogged = unlogged
        return unlogged is not None


class QueuedStream:
    """Enough of a text stream for a log handler: queues lines at once, writes them when it can."""

    def __init__(self, stream: TextIO, backlog: int = BACKLOG) -> None:
        self._stream = stream
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._backlog = backlog
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self.dropped = 0
        """Lines dropped because the stream took none, since the start."""
        self._reported = 0
        self._thread.start()

    def write(self, text: str) -> int:
        """Queue a line; full = dropped and counted. Never waits."""
        if self._lines.qsize() < self._backlog:
            self._lines.put(text)
        else:
            self.dropped += 1
        return len(text)

    def flush(self) -> None:
        """Nothing to do: the thread flushes after each line."""

    def isatty(self) -> bool:
        """Whether lines go to a terminal."""
        return self._stream.isatty()

    def close(self) -> None:
        """Write what waits, within `FLUSH_TIME`. Idempotent."""
        self._lines.put(None)
        self._thread.join(FLUSH_TIME)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                if self.dropped > self._reported:
                    self._stream.write(f"{self.dropped - self._reported} log lines were dropped\n")
                    self._reported = self.dropped
                self._stream.write(line)
                self._stream.flush()
            except (OSError, ValueError):
                self.dropped += 1  # the reader is gone, or the stream was closed under us


_queued: QueuedStream | None = None


def _standard_error() -> QueuedStream:
    global _queued
    if _queued is None:
        _queued = QueuedStream(sys.stderr)
        atexit.register(_queued.close)
    return _queued


class _Redacting(structlog.stdlib.ProcessorFormatter):
    def __init__(
        self,
        *,
        foreign_pre_chain: list[structlog.typing.Processor],
        processors: list[structlog.typing.Processor],
        redact: Redaction,
    ) -> None:
        super().__init__(foreign_pre_chain=foreign_pre_chain, processors=processors)
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))


def _one_line(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> Mapping[str, object]:
    """A transcript or a provider's reason must not forge a line or drive the terminal."""
    for key, value in event.items():
        if not key.startswith("_") and key != "exc_info":
            event[key] = _escaped(value)
    return event


def _escaped(value: object, depth: int = 4) -> object:
    if isinstance(value, str):
        return value if value.isprintable() else "".join(map(_letter, value))
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


def _letter(letter: str) -> str:
    # Blanks of other widths (French has them before `!`) and the joiners of Indic and Persian words.
    harmless = letter in "\u200c\u200d" or unicodedata.category(letter) == "Zs"
    return letter if harmless or letter.isprintable() else repr(letter)[1:-1]


def _traceback_lines(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> Mapping[str, object]:
    for key in ("exception", "stack"):
        if isinstance(text := event.get(key), str):
            event[key] = _escaped_lines(text)
    return event


def _plain_traceback(stream: TextIO, exc_info: structlog.typing.ExcInfo) -> None:
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    stream.write(_escaped_lines(text.getvalue()))


def _escaped_lines(text: str) -> str:
    return "\n".join(str(_escaped(line)) for line in text.split("\n"))


_SAID = re.compile(r'(transcript \([^)]*\): )"(.*)"', re.DOTALL)
"""Lines that operators grep for, whose wording is kept."""


class _Discretion:
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
            event["event"] = _SAID.sub(lambda said: f'{said[1]}"{self._of(said[2])}"', message)
        return event

    def _of(self, said: str) -> str:
        if self._text:
            return "".join("#" if letter.isdigit() else letter for letter in said)
        return f"({len(said)} letters)"


def _died(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger("translink").critical("ended by a bug", exc_info=(kind, error, trace))


def _thread_died(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        trace = (args.exc_type, args.exc_value, args.exc_traceback)
        name = args.thread.name if args.thread else ""
        structlog.get_logger("translink").critical("a thread died", thread=name, exc_info=trace)


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    error = args.exc_value
    trace = (args.exc_type, error, args.exc_traceback) if error is not None else None
    structlog.get_logger("translink").error("an error that nobody can catch", exc_info=trace)


def _first_things_first(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> Mapping[str, object]:
    first = {key: event.pop(key) for key in ("at", "level", "message") if key in event}
    return first | dict(event)


def _json(event: object, **_: object) -> str:
    try:
        return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # an integer beyond 64 bits, or what some repr made of itself
        return json.dumps(event, default=repr, skipkeys=True)


def _masked(match: re.Match[str]) -> str:
    return f"{match['scheme']}{match['gap']}{MASK}" if match["scheme"] else MASK
