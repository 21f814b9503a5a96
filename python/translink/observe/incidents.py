"""What went wrong, call by call, kept for as long as the call's transcript is.

The journal keeps the newest events of all calls; an hour later those of one bad call are gone. Here
only what a post-mortem asks for is kept, without what was said: at most `PER_CALL` of a call, and as many
that fell into it and concern no single call (the first ones; further ones are counted). Of what lasts the
journal tells only the changes: what had lasted when a call began is kept with it, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from translink.observe.journal import SPOKEN_FIELDS
from translink.observe.record import SHORT_OF_TIME, Incident, Plain

if TYPE_CHECKING:
    from translink.observe.journal import Event, Journal

PER_CALL = 400
OF_ALL = 1_000
"""That concern no single call, for calls that run; what falls out before their end is counted."""
AROUND = 5.0
"""Seconds before a call's beginning in which what happened to the whole program concerns it, too."""
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

    since: float
    """From when on what happened to the whole program concerns it."""
    first: int
    """Number of the first such incident."""
    kept: list[Incident] = field(default_factory=list)
    dropped: int = 0
    shared: list[Incident] | None = None
    """What happened to the whole program, once the call has ended."""


class Incidents:
    """Keeps the events of the journal that a post-mortem may want, call by call."""

    def __init__(self, journal: Journal) -> None:
        self._calls: dict[str, _CallIncidents] = {}
        self._of_all: deque[Incident] = deque(maxlen=OF_ALL)
        self._numbered = 0
        """Of all that were in `_of_all`."""
        self._down: dict[str, Incident] = {}
        """By provider that is out of service: since when."""
        self._down_until: dict[str, float] = {}
        """When it is asked again: without a call nobody asks, and nothing is wrong."""
        self._strain: Incident | None = None
        """Since when the machine is short of time."""
        journal.listen(self._event)

    def of(self, call: str, began: float, ended: float) -> tuple[tuple[Incident, ...], int]:
        """In order of time, with those of the whole program between two Unix seconds; and how many
        were not kept."""
        own = self._calls.get(call) or _CallIncidents(began, self._numbered)
        known = self._of_all if own.shared is None else own.shared
        shared = [one for one in known if began <= one.at <= ended]
        found = sorted((*own.kept, *shared), key=lambda one: one.at)
        return tuple(found), own.dropped + (self._lost(own) if own.shared is None else 0)

    def forget(self, calls: Collection[str]) -> None:
        """Drop what is kept of these calls."""
        for call in calls:
            self._calls.pop(call, None)

    def _event(self, event: Event) -> None:
        if event.type == "call" and event.call:
            self._call(event, event.call)
        if event.type not in WANTED_TYPES:
            return
        states = WANTED_STATES.get(event.type)
        if states is not None and event.data.get("state") not in states:
            return
        if event.call is None:
            incident = _incident(event)
            self._of_all.append(incident)
            self._numbered += 1
            self._lasts(incident)
        elif (of_call := self._calls.get(event.call)) is not None:
            if len(of_call.kept) < PER_CALL:
                of_call.kept.append(_incident(event))
            else:
                of_call.dropped += 1

    def _call(self, event: Event, call: str) -> None:
        """It begins, or has ended."""
        if event.data.get("state") == "begun":
            since = event.at - AROUND
            recent = sum(1 for one in self._of_all if one.at >= since)
            lasting = [one for name, one in self._down.items() if self._down_until[name] > event.at]
            lasting += [self._strain] if self._strain is not None else []
            earlier = [one for one in lasting if one.at < since]
            self._calls[call] = _CallIncidents(since, self._numbered - recent, earlier)
        elif (own := self._calls.get(call)) is not None and event.data.get("state") == "ended":
            shared = [one for one in self._of_all if one.at >= own.since]
            own.dropped += self._lost(own) + max(0, len(shared) - PER_CALL)
            own.shared = shared[:PER_CALL]

    def _lost(self, own: _CallIncidents) -> int:
        """Incidents of the whole program that were the call's, too, and are not kept any more."""
        return max(0, self._numbered - len(self._of_all) - own.first)

    def _lasts(self, incident: Incident) -> None:
        """Remember what begins with it, until it is over."""
        if incident.type == "pressure":
            short = incident.data.get("level") in SHORT_OF_TIME
            self._strain = (self._strain or incident) if short else None
        elif incident.type == "breaker":
            provider, state = str(incident.data.get("provider")), incident.data.get("state")
            if state == "open":
                self._down.setdefault(provider, incident)
                self._down_until[provider] = float(incident.data.get("until") or 0)
            elif state == "closed":
                self._down.pop(provider, None)


def _incident(event: Event) -> Incident:
    data: dict[str, Plain] = {
        key: value
        for key, value in event.data.items()
        if key not in SPOKEN_FIELDS and not isinstance(value, (dict, list))
    }
    return Incident(event.at, event.type, event.leg, data)
