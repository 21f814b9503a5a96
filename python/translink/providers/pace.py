"""How fast audio may go into a stream. Sans-IO.

Deepgram refuses a backlog that comes faster than `PACE` times real time. Real time earns the right
to send, up to `SLACK`: a talker that was silent for a minute has not earned a minute that could be
sent in one burst when their gateway, or this machine, comes out of a stall.
"""

from __future__ import annotations

from translink.results import RATE

PACE = 1.25
"""Fastest sending relative to real time (Deepgram's documented limit for a backlog)."""
SLACK = 0.2
"""Seconds of audio that may go out at once on top of the pace."""


class Pace:
    """A bucket of samples. One message may overdraw it; the next one waits."""

    __slots__ = ("_at", "_credit")

    def __init__(self, now: float) -> None:
        """`now`: when the stream was opened (monotonic seconds)."""
        self._credit = SLACK * RATE
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until the next message may go; 0.0 = at once."""
        credit = self._credit + (now - self._at) * (PACE * RATE)
        self._credit = credit if credit < _FULL_CREDIT else _FULL_CREDIT
        self._at = now
        return 0.0 if credit > 0.0 else -credit / (PACE * RATE)

    def spend(self, samples: int) -> None:
        """So many were sent."""
        self._credit -= samples


_FULL_CREDIT = SLACK * RATE
