"""What one direction of a call leaves behind: events, times, counts, log lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from structlog.typing import FilteringBoundLogger

from translink.observe.record import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from translink.calls.awaited import AwaitedLanguage
    from translink.observe.journal import Journal, Value
    from translink.observe.stages import Stages


@dataclass(frozen=True, slots=True)
class Direction:
    """Whose speech is translated for whom, from which language into which."""

    call: str
    leg: str
    """The talker's leg."""
    hearer: str
    """The hearer's leg."""
    language: str
    """What the talker speaks when the call begins."""
    target: str
    """What the hearer hears."""
    voice: str | None = None
    """In which voice: see `providers.wanted`."""
    ledger_seconds: float = 60.0
    keyterm: tuple[str, ...] = ()
    """What the talker is likely to say."""
    candidates: tuple[str, ...] = ()
    """The talker may speak any of these; `language` is the first, and holds until another is found."""
    awaited: AwaitedLanguage | None = None
    """The hearer's, while it is not known."""


class DirectionBooks:
    """The books of one direction."""

    def __init__(self, direction: Direction, journal: Journal, stages: Sequence[Stages]) -> None:
        """`stages` = where times are counted (process, call)."""
        self.tally = Tally()
        log: FilteringBoundLogger = structlog.get_logger("translink")
        self.log = log.bind(call=direction.call, leg=direction.leg)
        self._direction = direction
        self._journal = journal
        self._stages = stages

    def time(self, stage: str, seconds: float) -> None:
        """Count how long a stage took. Raises `KeyError` for a stage that `stages` does not know."""
        for stages in self._stages:
            stages.observe(stage, seconds)

    def emit(self, type_: str, **data: Value) -> None:
        """Write an event of this direction into the journal."""
        self._journal.emit(type_, data, call=self._direction.call, leg=self._direction.leg)
