"""Logging for the process: structlog over the standard library, one handler.

The message stays as it was given, so that operators can grep for the lines they know. `call` and `leg`
come from the context:

    log = structlog.get_logger(__name__)
    with log_context(call="3333-1", leg="3333"):
        log.info('[WEBSOCKET] FINAL transcript (3333): "hello world"', ms=212)

What ends the process or a thread by a bug is logged as well.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TextIO

import structlog

from translink.log.flood import Flood
from translink.log.redaction import Redaction
from translink.log.rendering import (
    Discretion,
    as_json,
    first_things_first,
    one_line,
    plain_traceback,
    traceback_lines,
)
from translink.log.stream import standard_error


def configure(
    *,
    level: str = "info",
    format: str = "auto",
    secrets: Iterable[str] = (),
    text: bool = True,
    digits: bool = True,
    worker: str | None = None,
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
        worker: Its name, in every line; None = there is one process only.
        stream: None = standard error, through a thread; another one is written to directly.
        clock: Seconds, for the limit of equal lines.
    """
    out = stream or standard_error()
    # What no line of ours shows (the caller's file and line, thread and process) need not be looked
    # for; these switches are the library's own, and save a fifth of what a line costs.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    flood = Flood(clock)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", key="at"),
        one_line,
        *([] if worker is None else [_named(worker)]),
        *([] if text and digits else [Discretion(text=text)]),
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
            traceback_lines,
            structlog.processors.EventRenamer("message"),
            first_things_first,
            structlog.processors.JSONRenderer(serializer=as_json),
        ]
    else:
        last = [
            structlog.dev.ConsoleRenderer(
                colors=out.isatty() and not os.environ.get("NO_COLOR"),
                pad_event_to=0,
                timestamp_key="at",
                exception_formatter=plain_traceback,
            )
        ]
    handler = logging.StreamHandler(out)
    handler.addFilter(flood.filter)
    handler.setFormatter(
        _Redacting(
            foreign_pre_chain=shared,
            last=last,
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


def _named(worker: str) -> structlog.typing.Processor:
    def processor(
        _: object, __: str, line: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        line["worker"] = worker
        return line

    return processor


class _Redacting(structlog.stdlib.ProcessorFormatter):
    def __init__(
        self,
        *,
        foreign_pre_chain: list[structlog.typing.Processor],
        last: list[structlog.typing.Processor],
        redact: Redaction,
    ) -> None:
        super().__init__(
            foreign_pre_chain=foreign_pre_chain, processors=[self.remove_processors_meta, *last]
        )
        self._last = last
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        if hasattr(record, "_logger") and isinstance(record.msg, dict):
            return self._redact(self._rendered(record.msg))
        return self._redact(super().format(record))

    def _rendered(self, event: structlog.typing.EventDict) -> str:
        """A line of structlog's. The library would copy the record, of which nothing is shown, and format it once
        more: a third of what a line costs."""
        line: structlog.typing.ProcessorReturnValue = dict(event)
        for processor in self._last:
            assert isinstance(line, dict)
            line = processor(None, "", line)
        assert isinstance(line, str)
        return line


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
