"""Unix time that does not jump while calls run.

The machine's clock may be set meanwhile: by an operator, or by NTP after a start with a wrong one.
Durations and the order of a transcript's lines must not follow. So the time of day is read when the
process starts, and goes on with the monotonic clock from there. That one stands still while the machine
sleeps, and knows nothing of what was set: between calls, when nothing depends on it, the time of day
is read again (`keep_time`). What has to last through that (an uptime, a retention) is measured with
`time.monotonic()`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

CLOCK_LOOK = 1.0
"""Seconds between two looks at the machine's clock."""
CLOCK_STEP = 1.0
"""Seconds of difference that are left alone: NTP's small corrections are in the monotonic clock, too."""


class _Offset:
    """From the monotonic clock to Unix time."""

    seconds = time.time() - time.monotonic()


def unix(monotonic: float | None = None) -> float:
    """Unix seconds of a moment of `time.monotonic()`; None = now."""
    return _Offset.seconds + (time.monotonic() if monotonic is None else monotonic)


def follow() -> None:
    """Go by the machine's clock as it is now. Only while no call runs."""
    before = time.monotonic()
    now = time.time()
    if time.monotonic() - before > CLOCK_STEP / 10:
        return  # something came between: the two are not of one moment
    if abs(now - before - _Offset.seconds) > CLOCK_STEP:
        _Offset.seconds = now - before


async def keep_time(idle: Callable[[], bool]) -> None:
    """Follow the machine's clock while `idle` says that no call runs. Runs for ever."""
    while True:
        if idle():
            follow()
        await asyncio.sleep(CLOCK_LOOK)
