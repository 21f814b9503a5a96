"""No flood of equal lines: of one warning or error, for one leg, `SAME_A_MINUTE` a minute; the rest is
counted, and the next line says how many (`unlogged`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, MutableMapping

import structlog

SAME_A_MINUTE = 5
"""More than one, so that a fault that comes twice is seen twice."""


class RateLimit:
    """For what happens all the time, like datagram errors: logged once, then counted.

    Time is an argument: `if (unlogged := limit.due("receive", now)) is not None: log.warning(…,
    unlogged=unlogged)`. Holds one entry a key and forgets them all beyond `KEYS`.
    """

    KEYS = 2_000

    def __init__(self, interval: float = 60.0, burst: int = 1) -> None:
        """`burst`: lines that may be logged in each interval, in seconds."""
        self._interval = interval
        self._burst = burst
        self._windows: dict[Hashable, list[float]] = {}
        """Key to the window's beginning, lines logged in it and lines counted since the last one."""

    def due(self, key: Hashable, now: float) -> int | None:
        """How many went unlogged since the last line; None when this one must not be logged."""
        if key not in self._windows and len(self._windows) >= self.KEYS:
            self._windows.clear()
        window = self._windows.setdefault(key, [now, 0, 0])
        if now - window[0] >= self._interval:
            window[:2] = now, 0
        if window[1] >= self._burst:
            window[2] += 1
            return None
        window[1] += 1
        unlogged, window[2] = window[2], 0
        return int(unlogged)


class Flood:
    """The limit of equal lines: structlog's by their message before anything is filled in, the
    standard library's by their format.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._limit = RateLimit(burst=SAME_A_MINUTE)
        self._clock = clock

    def processor(
        self, logger: object, method: str, event: MutableMapping[str, object]
    ) -> MutableMapping[str, object]:
        if method in ("warning", "warn", "error", "exception"):
            key = (getattr(logger, "name", ""), event.get("event"), event.get("leg"))
            unlogged = self._limit.due(tuple(map(str, key)), self._clock())
            if unlogged is None:
                raise structlog.DropEvent
            if unlogged:
                event["unlogged"] = unlogged
        return event

    def filter(self, record: logging.LogRecord) -> bool:
        ours = not isinstance(record.msg, str)  # an event of structlog, which was looked at
        if ours or not logging.WARNING <= record.levelno < logging.CRITICAL:
            return True
        unlogged = self._limit.due((record.name, record.msg), self._clock())
        if unlogged:
            record.unlogged = unlogged
        return unlogged is not None
