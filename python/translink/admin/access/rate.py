"""How fast requests are answered, all clients together: sans-IO, time as an argument.

Requests are answered on the loop that serves the calls, at some 0.2 ms each. Who asks faster than
`RATE` is not refused but waits his turn, with his connection: of those there are so many, so nothing
grows, and a dashboard that asks now and then waits for half a second at the worst.
"""

from __future__ import annotations

RATE = 300.0
"""Requests a second, in the long run."""
BURST = 300
"""Answered at once after a quiet second."""


class Pace:
    """Of one server."""

    def __init__(self, rate: float = RATE, burst: int = BURST) -> None:
        self._every = 1 / rate
        self._ahead = burst / rate
        self._due = 0.0
        self.delayed = 0
        """Requests that had to wait, since the start."""

    def wait(self, now: float) -> float:
        """Seconds until the turn of one more request; 0.0 = now. It counts as asked."""
        self._due = max(self._due, now - self._ahead) + self._every
        wait = self._due - now
        if wait <= 0:
            return 0.0
        self.delayed += 1
        return wait
