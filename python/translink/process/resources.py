"""What this process uses of the machine: its share of a processor, and memory."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SHORTEST_INTERVAL = 0.5
"""Seconds that a share is taken over at least."""


@dataclass(frozen=True, slots=True)
class Used:
    """`cpu_percent` of one core: 200 = two cores busy."""

    cpu_percent: float
    rss_mb: float


class ProcessResources:
    """Of this process, since the last reading."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._cpu = time.process_time()
        self._used = Used(0.0, _rss_mb())

    def read(self, now: float) -> Used:
        """As it is at `now` (monotonic); the same answer for `SHORTEST_INTERVAL` seconds."""
        wall = now - self._at
        if wall >= SHORTEST_INTERVAL:
            cpu = time.process_time()
            self._used = Used(round((cpu - self._cpu) / wall * 100, 1), _rss_mb())
            self._at, self._cpu = now, cpu
        return self._used


def _rss_mb() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return round(pages * PAGE_BYTES / 1e6, 1)
