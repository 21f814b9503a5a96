"""The garbage collector, kept out of the calls' way and watched.

Theory of operation
    Only cycles need the collector, and neither a call nor a request leaves one (`tests/calls/test_freed.py`,
    `tests/admin/test_leaves_nothing.py`). What is left is a closed WebSocket's forty objects and what
    libraries leave. But Python counts objects that are made less those that are freed, and looks, every 700, at
    all that were made since it last looked: with 1,000 legs that is 14,000 whose timers were set anew, in 14 ms, six
    times a second. Hence:

    * it looks when there are `YOUNG` more objects than when it last did, which a request does not make;
    * what was there when the server was ready stays for ever, and what it has looked at once stays for as
      long as its call: both are *frozen*, so that nobody looks at them again;
    * when no call has run for `QUIET_SECONDS` seconds and it has looked at something meanwhile, everything is
      collected, the frozen ones, too, and what is left is frozen. Where it is never quiet, that is done after
      `OVERDUE` looks, and counted as a pause: some 70 ms with 1,000 legs, after 4,000 calls or more.

    Python 3.14.0 collects in steps; these thresholds are when it takes one.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Mapping

YOUNG = 10_000
"""Objects more than before at which Python looks for garbage: twenty new calls, or 250 visits of a dashboard."""
QUIET_SECONDS = 5.0
"""Seconds without a call after which a full collection is due."""
OVERDUE = 200
"""Looks after which it is due although calls run: what is frozen and garbage by now has a bound."""
LOOKS = 1.0
"""Seconds between two looks whether it is quiet."""


class Pauses:
    """How often and how long the garbage collector stopped everything, since `watch`."""

    def __init__(self) -> None:
        self.count = 0
        self.longest = 0.0
        """Seconds."""
        self.total = 0.0
        self.full = 0
        """Full collections that were made at quiet moments."""
        self._began = 0.0
        self._thresholds: tuple[int, int, int] | None = None
        self._quiet_since: float | None = None
        self._tidied = 0
        """`count` after the last full collection at a quiet moment."""
        self._frozen = 0
        """`count` when what is left was last frozen."""
        self._ours = False
        """The collection that runs was asked for at a quiet moment."""

    def watch(self) -> None:
        """The start is over: what is there stays for ever and is looked at no more; collections
        are rare, and counted from here on. Idempotent."""
        gc.freeze()
        if self._thresholds is None:
            self._thresholds = gc.get_threshold()
            gc.set_threshold(YOUNG, *self._thresholds[1:])
            gc.callbacks.append(self._collection)

    def close(self) -> None:
        """Count no more; all is as it was before `watch`. Idempotent."""
        if self._thresholds is not None:
            gc.callbacks.remove(self._collection)
            gc.set_threshold(*self._thresholds)
            self._thresholds = None
            gc.unfreeze()

    async def tidy(self, busy: Callable[[], object]) -> None:
        """Collect everything at moments when nobody would hear it. Runs for ever. `busy()`: a call runs."""
        while True:
            await asyncio.sleep(LOOKS)
            if self.due(time.monotonic(), busy=bool(busy())):
                self.collect()
            elif self.count - self._tidied >= OVERDUE:
                self.collect(quiet=False)
            elif self.count > self._frozen:
                self._frozen = self.count
                gc.freeze()

    def due(self, now: float, *, busy: bool) -> bool:
        """Whether everything should be collected now (monotonic seconds); tell it every second or so
        whether a call runs."""
        if busy:
            self._quiet_since = None
            return False
        if self._quiet_since is None:
            self._quiet_since = now
        return now - self._quiet_since >= QUIET_SECONDS and self.count > self._tidied

    def collect(self, *, quiet: bool = True) -> None:
        """Collect everything, also what was frozen, and freeze what is left; a pause, unless it is `quiet`."""
        self._ours = quiet
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._ours = False
        self._tidied = self._frozen = self.count
        self.full += quiet

    def summary(self) -> Mapping[str, float]:
        """Count, total and longest pause in milliseconds, and how many full collections were made at
        quiet moments (those are in none of the others), for `/api/stats`."""
        return {
            "count": self.count,
            "total_ms": round(self.total * 1000, 3),
            "longest_ms": round(self.longest * 1000, 3),
            "full_when_quiet": self.full,
        }

    def _collection(self, phase: str, _: Mapping[str, int]) -> None:
        if self._ours:
            return
        now = time.perf_counter()
        if phase == "start":
            self._began = now
            return
        took = now - self._began
        self.count += 1
        self.total += took
        self.longest = max(self.longest, took)
