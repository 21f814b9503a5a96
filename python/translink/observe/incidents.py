"""What went wrong, call by call, kept for as long as the call's transcript is.

The journal keeps the newest events of all calls; an hour later those of one bad call are gone. Here
only what a post-mortem asks for is kept, without what was said: at most `PER_CALL` of a call (its
first ones; further ones are counted) and `OF_ALL` that concern no single call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from translink.observe.journal import SPOKEN_FIELDS
from translink.observe.record import Incident, Plain

if TYPE_CHECKING:
    from translink.observe.journal import Event, Journal

PER_CALL = 400
OF_ALL = 1_000
WANTED_STATES = {
    "connection": frozenset({"opened", "failed"}),
    "speech": frozenset({"failed", "flushed"}),
}
WANTED_TYPES = frozenset(
    {
        *("mode", "connection", "failover", "replay", "breaker", "loss", "untranslated"),
        *("speech", "pause", "source", "rtp", "settings", "pressure", "quota"),
    }
)


@dataclass(slots=True)
class _CallIncidents:
    """Of one call."""

    kept: list[Incident] = field(default_factory=list)
    dropped: int = 0


class Incidents:
    """Keeps the events of the journal that a post-mortem may want, call by call."""

    def __init__(self, journal: Journal) -> None:
        self._calls: dict[str, _CallIncidents] = {}
        self._of_all: deque[Incident] = deque(maxlen=OF_ALL)
        journal.listen(self._event)

    def of(self, call: str, began: float, ended: float) -> tuple[tuple[Incident, ...], int]:
        """In order of time, with those of the whole program between two Unix seconds; and how many
        were not kept."""
        own = self._calls.get(call) or _CallIncidents()
        shared = [one for one in self._of_all if began <= one.at <= ended]
        found = sorted((*own.kept, *shared), key=lambda one: one.at)
        return tuple(found), own.dropped

    def forget(self, calls: Collection[str]) -> None:
        """Drop what is kept of these calls."""
        for call in calls:
            self._calls.pop(call, None)

    def _event(self, event: Event) -> None:
        if event.type == "call" and event.call and event.data.get("state") == "begun":
            self._calls[event.call] = _CallIncidents()
        if event.type not in WANTED_TYPES:
            return
        states = WANTED_STATES.get(event.type)
        if states is not None and event.data.get("state") not in states:
            return
        if event.call is None:
            self._of_all.append(_incident(event))
        elif (of_call := self._calls.get(event.call)) is not None:
            if len(of_call.kept) < PER_CALL:
                of_call.kept.append(_incident(event))
            else:
                of_call.dropped += 1


def _incident(event: Event) -> Incident:
    data: dict[str, Plain] = {
        key: value
        for key, value in event.data.items()
        if key not in SPOKEN_FIELDS and not isinstance(value, (dict, list))
    }
    return Incident(event.at, event.type, event.leg, data)
