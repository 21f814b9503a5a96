"""How loaded this process is, and what it gives up first.

In order of what a caller would miss least: captions of unfinished speech and updates of the
dashboard, then small messages to the recogniser (fewer, longer ones cost less), then new calls. No
running call loses audio for another.
"""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """What is given up; each level includes the ones below it."""

    CALM = 0
    SHED = 1
    """Interims and dashboard updates are left out."""
    COALESCE = 2
    """Audio goes to the recogniser in longer messages."""
    REFUSE = 3
    """No new calls."""


class Pressure:
    """One per process; handed to whoever can give something up."""

    def __init__(self) -> None:
        self.level = Level.CALM
        self.frames_per_message = 1
        """20 ms frames in one message to the recogniser: 1, 2, 3 or 5."""
