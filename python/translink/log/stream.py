"""Lines go to standard error through a thread of their own: a terminal that was stopped or a pipe that
nobody reads must not stop the calls.

`LOG_BACKLOG` lines may wait; more are dropped and counted, and the count is the next thing written.
"""

from __future__ import annotations

import atexit
import queue
import sys
import threading
from typing import TextIO

LOG_BACKLOG = 10_000
"""Lines that may wait for standard error; at 200 bytes, 2 MB."""
FLUSH_TIME = 0.2
"""Seconds that the process waits at its end for the last lines to be taken."""


class QueuedStream:
    """Enough of a text stream for a log handler: queues lines at once, writes them when it can."""

    def __init__(self, stream: TextIO, backlog: int = LOG_BACKLOG) -> None:
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


def standard_error() -> QueuedStream:
    """The process's one, made when it is first asked for."""
    global _queued
    if _queued is None:
        _queued = QueuedStream(sys.stderr)
        atexit.register(_queued.close)
    return _queued


def close() -> None:
    """Write what waits, within `FLUSH_TIME`, before the process ends in an unusual way. Idempotent."""
    if _queued is not None:
        _queued.close()
