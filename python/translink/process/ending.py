"""The end of the process: soon, whatever is in its way.

Measured (Python 3.11, two shared cores): with a server's modules loaded the interpreter takes 0.3 s
to take itself apart, 1 s on a busy machine, and nobody has anything from it. A library that hangs
while it closes, or a name that no resolver answers for, would take for ever.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import NoReturn

CLOSING_SECONDS = 0.7
"""Seconds for closing what is open; a supervisor's own patience counts whole seconds."""


def leave(code: int, *last: Callable[[], None]) -> NoReturn:
    """End now, with `code`, as it is: no clean-up but `last` is run. What is printed is written."""
    for act in last:
        with contextlib.suppress(Exception):
            act()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(code & 0xFF)


def leave_within(seconds: float, code: int, *last: Callable[[], None]) -> None:
    """End so in `seconds`, if the process has not ended by then; at once where no memory is left for the
    thread that waits. May be called in a signal handler, which a `threading.Thread` may not: its locks
    may be held by what was interrupted."""

    def wait() -> None:
        time.sleep(seconds)
        leave(code, *last)

    try:
        _thread.start_new_thread(wait, ())
    except (RuntimeError, MemoryError):
        leave(code, *last)
