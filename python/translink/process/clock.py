"""Unix time that never jumps.

The machine's clock may be set while calls run: by an operator, or by NTP after a start with a wrong
one. Durations, the order of a transcript's lines and retention must not follow. So the time of day
is read once, when the process starts, and goes on with the monotonic clock from there.
"""

from __future__ import annotations

import time

_OFFSET = time.time() - time.monotonic()


def unix(monotonic: float | None = None) -> float:
    """Unix seconds of a moment of `time.monotonic()`; None = now."""
    return _OFFSET + (time.monotonic() if monotonic is None else monotonic)
