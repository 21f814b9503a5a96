"""The garbage collector, kept out of the server's way and watched.

Measured: a full collection at 30 calls looks at 73,000 objects in 20 ms, of which 65,000 were there
before the first call and stay for ever; frozen, it takes about 2 ms.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping


class Pauses:
    """How often and how long the garbage collector stopped everything, since `watch`."""

    def __init__(self) -> None:
        self.count = 0
        self.longest = 0.0
        """Seconds."""
        self.total = 0.0
        self._began = 0.0

    def watch(self) -> None:
        """The start is over: what is there stays for ever and is looked at no more; count from
        here on."""
        gc.freeze()
        if self._told not in gc.callbacks:
            gc.callbacks.append(self._told)

    def close(self) -> None:
        """Count no more; all objects are ordinary again. Idempotent."""
        if self._told in gc.callbacks:
            gc.callbacks.remove(self._told)
            gc.unfreeze()

    def summary(self) -> Mapping[str, float]:
        """Count, total and longest pause in milliseconds, for `/api/stats`."""
        return {
            "count": self.count,
            "total_ms": round(self.total * 1000, 3),
            "longest_ms": round(self.longest * 1000, 3),
        }

    def _told(self, phase: str, _: Mapping[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self._began = now
            return
        took = now - self._began
        self.count += 1
        self.total += took
        self.longest = max(self.longest, took)
