"""Tells a test that failed from one whose machine stood still.

Telephones, providers and servers of a test share two cores with other tests, and a talker who gets no
processor for 50 ms does not say the word that the test waits for, and a server that gets none for 100 ms
breaks the word that it is playing. So a thread on each core looks every 20 ms how late it is: a host
that takes one core away from a virtual machine does not touch what runs on the other, and one thread
that goes where there is room sees nothing of it. A test or fixture that fails while one of them was late
by more than `LIMIT` fails with `MachineStoodStill`, and is run again, twice at most (`--only-rerun` in
pyproject.toml); the summary names it as rerun. On a machine that was on time a failure is a failure.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

LIMIT = 0.04
"""Seconds. With `STEP`: no 60 ms, which is what an ear has in store, pass unseen."""
STEP = 0.02


class MachineStoodStill(AssertionError):
    """The test failed, and this worker had no processor for a while meanwhile."""


class Stillness:
    """How late a thread of this process was woken up on any core, at worst."""

    def __init__(self) -> None:
        self.worst = 0.0
        """Seconds, since it was last set to zero."""
        for core in os.sched_getaffinity(0):
            name = f"stillness-{core}"
            threading.Thread(target=self._look, args=(core,), name=name, daemon=True).start()

    def blame(self, failure: BaseException) -> None:
        """Raises `MachineStoodStill` if it may have been the machine's fault."""
        if self.worst > LIMIT:
            raise MachineStoodStill(f"for {self.worst * 1000:.0f} ms: {failure}") from failure

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """`blame`, for what fails in here."""
        self.worst = 0.0
        try:
            yield
        except (Exception, pytest.fail.Exception) as failure:
            self.blame(failure)
            raise

    def _look(self, core: int) -> None:
        os.sched_setaffinity(0, {core})  # 0: this thread, and no other of the process
        while True:
            due = time.perf_counter() + STEP
            time.sleep(STEP)
            self.worst = max(self.worst, time.perf_counter() - due)
