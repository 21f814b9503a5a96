"""What is said when the load rises or falls: operators should know why captions or calls are missing."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from translink.observe.journal import Journal
from translink.process.pressure import Level, Pressure

log = structlog.get_logger("translink")

_GIVEN_UP = {
    Level.CALM: "nothing is given up",
    Level.SHED: "no captions of unfinished speech",
    Level.COALESCE: "no captions of unfinished speech, audio goes out in longer messages",
    Level.REFUSE: "no new calls; those that run go on",
}


class StrainReport:
    """A line in the log and an event, for each level that is entered."""

    def __init__(self, pressure: Pressure, journal: Journal, calls: Callable[[], int]) -> None:
        """`calls`: how many run."""
        self._pressure = pressure
        self._journal = journal
        self._calls = calls

    def changed(self, was: Level, now: Level) -> None:
        """Say it."""
        pressure = self._pressure
        say = log.warning if now > was else log.info
        say(
            f"load: {_GIVEN_UP[now]}",
            busy=round(pressure.busy, 2),
            late_ms=round(pressure.lag * 1000),
            calls=self._calls(),
        )
        self._journal.emit(
            "pressure",
            {
                "level": now.name.lower(),
                "before": was.name.lower(),
                "busy": round(pressure.busy, 3),
            },
        )
