"""Tells a test that failed from one whose machine stood still.

Telephones, providers and servers of a test share two cores with other tests, and a talker who gets no
processor for 50 ms does not say the word that the test waits for, and a server that gets none for 100 ms
breaks the word that it is playing. So a thread looks every 10 ms how
late it is. A test or fixture that fails while that thread was late by more than `LIMIT` fails with
`MachineStoodStill`, and is run again, twice at most (`--only-rerun` in pyproject.toml); the summary
names it as rerun. On a machine that was on time a failure is a failure.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

LIMIT = 0.05
"""Seconds: less than the 60 ms that an ear has in store."""
STEP = 0.01


class MachineStoodStill(AssertionError):
    """The test failed, and this worker had no processor for a while meanwhile."""


class Stillness:
    """How late a thread of this process was woken up, at worst."""

    def __init__(self) -> None:
        self.worst = 0.0
        """Seconds, since it was last set to zero."""
        threading.Thread(target=self._look, name="stillness", daemon=True).start()

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

    def _look(self) -> None:
        while True:
            due = time.perf_counter() + STEP
            time.sleep(STEP)
            self.worst = max(self.worst, time.perf_counter() - due)
