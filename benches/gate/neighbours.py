"""Which other programs used our processors while something was measured.

`/proc/stat` has what every processor did, the host's theft of it included; what our own processes
took of it is known when they have ended. The rest is the neighbours'.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")
BUSY = (0, 1, 2, 5, 6, 7)
"""Columns that are work: user, nice, system, both kinds of interrupts, stolen."""


class Neighbours:
    """Counts from when it is made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._before = _foreign_seconds()

    def cores(self) -> float:
        """How many of our processors others kept busy on average, children of ours that still run
        included.
        """
        return (_foreign_seconds() - self._before) / max(1e-9, time.monotonic() - self._began)


def busy_seconds(stat: str, cores: set[int], ticks: int) -> float:
    """Of these processors, in the words of `/proc/stat`."""
    total = 0
    for line in stat.splitlines():
        name, *columns = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cores:
            total += sum(int(columns[place]) for place in BUSY)
    return total / ticks


def foreign(stat: str, ours: os.times_result, cores: set[int], ticks: int) -> float:
    """The same, without what we and our children that have ended took."""
    return busy_seconds(stat, cores, ticks) - sum(ours[:4])


def _foreign_seconds() -> float:
    cores, ticks = os.sched_getaffinity(0), os.sysconf("SC_CLK_TCK")
    return foreign(STAT.read_text(), os.times(), cores, ticks)
