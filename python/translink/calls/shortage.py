"""Calls that are refused because this process gets no more memory: counted, and said once a minute."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from translink.log import RateLimit

if TYPE_CHECKING:
    from translink.process.pressure import Pressure

log = structlog.get_logger("translink")

NO_MEMORY = "there is no memory for another call"


class MemoryShortage:
    """What those who open legs for one call say when the engine has no room for them."""

    def __init__(self, pressure: Pressure) -> None:
        self._pressure = pressure
        self._limit = RateLimit()

    def refused(self, *legs: str) -> None:
        """Note a call that was refused. Anybody with a token can ask for more of them as fast as they
        like: one line a minute says how many went unsaid."""
        self._pressure.give_up("calls")
        if (unlogged := self._limit.due("memory", time.monotonic())) is not None:
            log.error(
                "call refused",
                legs=list(legs),
                reason=NO_MEMORY,
                mend="a higher limit (LimitAS, ulimit -v, the container's), fewer calls at once "
                "(pressure.max_calls), or a shorter ledger_seconds",
                **({"unlogged": unlogged} if unlogged else {}),
            )
