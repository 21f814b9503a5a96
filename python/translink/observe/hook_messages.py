"""What the receiver of webhooks is sent: made from the journal's events, without a word of what was said.

`call.trouble` comes once for each kind of trouble, call and leg (or provider), at once; what repeats it
within `REPEAT_SECONDS` is counted, and reported with the next one (`count`). How often what happened in a
call is in `troubles` of its `call.ended`. What takes a trouble back (`provider_back`) comes once for each
that was reported, however soon: a receiver that does not hear it would believe it for ever.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from translink.observe.outbox import HookMessage

if TYPE_CHECKING:
    from translink.observe.journal import Event

REPEAT_SECONDS = 30.0
MOST_TROUBLES = 10_000
"""Kinds of trouble that are remembered, of all calls; one more forgets the oldest."""
TOLD_EVENTS = frozenset(
    {"call", "loss", "untranslated", "speech", "failover", "breaker", "rtp", "pressure", "quota"}
)


@dataclass(slots=True)
class _HookCall:
    """What is known of a running call."""

    began: float
    legs: object
    troubles: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class ReportedTrouble:
    """One kind of trouble in one place."""

    reported: float
    since: int = 0
    """That were not reported yet."""


class HookMessages:
    """Makes messages of events."""

    def __init__(
        self,
        wanted: Collection[str],
        link: Callable[[str], str],
        new_id: Callable[[], str],
        node: str = "",
    ) -> None:
        """`wanted` = types of messages; `link(call)` = where its transcript is; `node` = which of several
        this is, each of which tells of itself; empty: there are no others."""
        self._wanted = frozenset(wanted)
        self._link = link
        self._new_id = new_id
        self._node = {"node": node} if node else {}
        self._calls: dict[str, _HookCall] = {}
        self._reported: OrderedDict[tuple[str, str, str], ReportedTrouble] = OrderedDict()
        self._down: set[str] = set()
        """Providers that were reported as down, and not yet as back."""

    def of(self, event: Event) -> HookMessage | None:
        """The message that tells of it, if there is one."""
        if event.type not in TOLD_EVENTS:
            return None
        if event.type == "call" and event.call is not None:
            if event.data.get("state") == "begun":
                return self._begun(event, event.call)
            return self._ended(event, event.call)
        kind = _trouble(event.type, event.data)
        return self._trouble(event, kind) if kind else None

    def _begun(self, event: Event, call: str) -> HookMessage | None:
        self._calls[call] = _HookCall(event.at, event.data.get("legs"))
        return self._message("call.started", event, {"legs": event.data.get("legs")})

    def _ended(self, event: Event, call: str) -> HookMessage | None:
        kept = self._calls.pop(call, None)
        for key in [key for key in self._reported if key[1] == call]:
            del self._reported[key]
        summary = {key: value for key, value in event.data.items() if key != "state"}
        legs = summary.pop("legs", None)  # is there where the call was another process's
        return self._message(
            "call.ended",
            event,
            {
                "legs": kept.legs if kept else legs,
                "began": kept.began if kept else None,
                "reason": summary.pop("reason", ""),
                "seconds": summary.pop("seconds", None),
                "troubles": dict(kept.troubles) if kept else {},
                "summary": summary,
                "transcript": self._link(call),
            },
        )

    def _trouble(self, event: Event, kind: str) -> HookMessage | None:
        where = event.leg or str(event.data.get("provider") or "")
        key = kind, event.call or "", where
        if kind == "provider_back":
            # Else it only wanted fewer requests, or was down so briefly that nobody heard of it.
            if where not in self._down:
                return None
            self._down.remove(where)
            self._reported.pop(key, None)
        if event.call in self._calls:
            self._calls[event.call].troubles[kind] += 1
        reported = self._reported.get(key)
        if reported is not None and event.at - reported.reported < REPEAT_SECONDS:
            reported.since += 1
            return None
        count = 1 + (reported.since if reported else 0)
        self._reported[key] = ReportedTrouble(event.at)
        self._reported.move_to_end(key)
        if kind == "provider_down":
            self._down.add(where)
        while len(self._reported) > MOST_TROUBLES:
            self._reported.popitem(last=False)
        more = {
            name: event.data[name]
            for name in ("provider", "reason", "ms", "segment", "format", "port", "used", "limit")
            if event.data.get(name) is not None
        }
        return self._message("call.trouble", event, {"trouble": kind, "count": count, **more})

    def _message(self, type_: str, event: Event, data: Mapping[str, object]) -> HookMessage | None:
        if type_ not in self._wanted:
            return None
        whose = {"call": event.call, "leg": event.leg, **self._node}
        return HookMessage(self._new_id(), type_, event.at, {**whose, **data})


def _trouble(type_: str, data: Mapping[str, object]) -> str:
    """Its name; empty: it is none."""
    match type_, data.get("state") or data.get("to") or data.get("level"):
        case "call", "refused":
            return "call_refused"
        case "loss", _:
            return "speech_lost"
        case "untranslated", _:
            return "untranslated"
        case "speech", "failed":
            return "unspoken"
        case "failover", "prerecorded":
            return "no_stream"
        case "breaker", "open":
            return "provider_down"
        case "breaker", "closed":
            return "provider_back"
        case "rtp", _ if not data.get("heard"):
            return "leg_unheard"
        case "pressure", "refuse":
            return "overloaded"
        case "quota", _:
            return "quota"
    return ""
