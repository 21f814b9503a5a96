"""Work in a thread: its result, its errors, and no waiting for what hangs."""

from __future__ import annotations

import threading
import time

import pytest

from translink.process.threads import in_thread


async def test_the_result_comes_back() -> None:
    assert await in_thread(threading.get_ident, 10.0) != threading.get_ident()


async def test_an_error_is_raised_where_it_was_asked_for() -> None:
    def work() -> None:
        raise OSError("no such file")

    with pytest.raises(OSError, match="no such file"):
        await in_thread(work, 10.0)


async def test_work_that_hangs_is_left_behind() -> None:
    hangs = threading.Event()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await in_thread(hangs.wait, 0.05)
    assert time.monotonic() - began < 10
    (left,) = (thread for thread in threading.enumerate() if thread.name == "aside")
    assert left.daemon, "it does not keep the process from ending"
    hangs.set()
    left.join(10)
