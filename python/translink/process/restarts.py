"""A process that ended: why, and how long it is until its successor is started. Not long at first, then longer
and longer."""

from __future__ import annotations

import signal

RESTART_PAUSES = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before the first, second, … start in a row; the last one for all further ones."""
STEADY_SECONDS = 60.0
"""Of service, after which the next end counts as the first."""


class Restarts:
    """Of one process."""

    def __init__(self, pauses: tuple[float, ...] = RESTART_PAUSES) -> None:
        self._pauses = pauses
        self.in_a_row = 0
        """Starts that were waited for since it last served for long."""

    def ended(self, served: float) -> None:
        """The process has ended after so many seconds."""
        if served >= STEADY_SECONDS:
            self.in_a_row = 0

    def pause(self) -> float:
        """Seconds to wait before the start that comes next."""
        seconds = self._pauses[min(self.in_a_row, len(self._pauses) - 1)]
        self.in_a_row += 1
        return seconds


def reason_of(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"killed by {name}" + (" (out of memory?)" if -code == signal.SIGKILL else "")
