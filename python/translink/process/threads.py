"""Threads beside the loop that hold up nothing: neither for good, nor for long at a time."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
SHARE = 0.001
"""Seconds for which a thread has the interpreter while another waits for it. Python's own 5 ms are a
quarter of a frame for each turn of the calls' loop."""


def share_the_interpreter() -> None:
    """Let the loop have it soon, whatever threads there are."""
    sys.setswitchinterval(SHARE)


async def in_thread(work: Callable[[], T], seconds: float) -> T:
    """What `work`, which may hang (as reading a pipe does), returns or raises. Raises `TimeoutError`;
    the thread is then left behind, and does not keep the process from ending. Raises `OSError` where
    there is no memory for a thread."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(outcome: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone
            loop.call_soon_threadsafe(lambda: None if done.done() else outcome())

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            problem = error
            tell(lambda: done.set_exception(problem))
        else:
            tell(lambda: done.set_result(result))

    thread = threading.Thread(target=run, name="aside", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise OSError(str(error)) from None
    async with asyncio.timeout(seconds):
        return await done
