"""How late the loop is and how busy its thread: measured here, judged by `pressure`.

Busy is the time that the kernel says the thread ran *or waited for a processor* (schedstat), as a
share of the time gone by: a thread that shares its processor with others is full when the two
together are 1, long before it has run all the time. Where the kernel does not tell, the time it ran
must do; lateness says the rest. One measurement costs about 3 µs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING

from translink.process.pressure import STEP_SECONDS, Level

if TYPE_CHECKING:
    from collections.abc import Callable

    from translink.process.pressure import Pressure

_SCHEDSTAT = "/proc/thread-self/schedstat"
"""Nanoseconds run, nanoseconds waited, turns."""


class LoadMeter:
    """Tells `pressure` about the loop on which `run` runs, until cancelled."""

    def __init__(
        self,
        pressure: Pressure,
        on_change: Callable[[Level, Level], None] | None = None,
        period: float = STEP_SECONDS,
        aside: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`on_change(before, now)` is called at each change of level. `aside()`: seconds of the thread
        so far that are no call's, and no reason to refuse one."""
        self._pressure = pressure
        self._on_change = on_change
        self._period = period
        self._aside = aside

    async def run(self) -> None:
        """Measure every `period` seconds. Runs for ever."""
        clock = ThreadClock()
        try:
            due = last = time.monotonic()
            before, aside = clock.wanted(), self._aside()
            while True:
                due = max(due + self._period, last)
                await asyncio.sleep(due - time.monotonic())
                now, wanted, other = time.monotonic(), clock.wanted(), self._aside()
                busy = max(0.0, wanted - before - (other - aside)) / max(1e-6, now - last)
                self._tell(now, max(0.0, now - due), busy)
                last, before, aside = now, wanted, other
        finally:
            clock.close()

    def _tell(self, now: float, lag: float, busy: float) -> None:
        was = self._pressure.level
        level = self._pressure.observe(now, lag, busy)
        if level is not was and self._on_change is not None:
            self._on_change(was, level)


class ThreadClock:
    """Time that the thread which made it wanted a processor. For that thread only."""

    def __init__(self) -> None:
        self._file: int | None = None
        with contextlib.suppress(OSError):
            self._file = os.open(_SCHEDSTAT, os.O_RDONLY | os.O_CLOEXEC)

    def wanted(self) -> float:
        """Seconds run and waited so far; only the seconds run where the kernel does not tell."""
        if self._file is not None:
            with contextlib.suppress(OSError, ValueError, IndexError):
                ran, waited, *_ = os.pread(self._file, 96, 0).split()
                return (int(ran) + int(waited)) / 1e9
            self.close()
        return time.thread_time()

    def close(self) -> None:
        """Close the kernel's file. Idempotent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
