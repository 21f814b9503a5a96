"""Ends a process that hangs where pytest-timeout does not look.

It stops its clock when a test has failed, in case somebody debugs it. A fixture that then waits in its teardown
for what the test left undone would wait for ever.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import threading
from collections.abc import Iterator

import pytest

TEARDOWN = 120.0
"""Seconds for all fixtures of a test, and of its file when it is the last one there."""


@contextlib.contextmanager
def bounded(seconds: float, config: pytest.Config) -> Iterator[None]:
    """What takes longer inside ends the process, which says first where it was; xdist starts another one."""
    clock = threading.Timer(seconds, _end, (config,))
    clock.daemon = True
    clock.start()
    try:
        yield
    finally:
        clock.cancel()


def _end(config: pytest.Config) -> None:
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend_global_capture(
            in_=True
        )  # else what is said is kept for a report that never comes
    os.write(2, b"\nthe teardown of a test hangs\n")
    faulthandler.dump_traceback(2)
    os._exit(1)
