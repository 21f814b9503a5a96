"""What happened, in order: one bounded list for the post-mortem, and subscriptions for
live watchers.

The journal is synchronous and never waits: a subscriber that does not keep up is cut off, with
the reason; the calls notice nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import islice

from translink.process.clock import unix

EVENT_VERSION = 1
"""Of the event's shape. Fields are added without notice; meanings are not changed without a new
number."""

SPOKEN_FIELDS = frozenset({"text", "source"})
"""Fields that hold speech."""

Scalar = str | int | float | bool | None
Value = Scalar | dict[str, Scalar] | list[Scalar]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. Which types there are, and what each says: `admin.panel.event_types`."""

    type: str
    at: float
    """Unix seconds."""
    call: str | None = None
    leg: str | None = None
    data: Mapping[str, Value] = field(default_factory=dict)

    def number(self, key: str) -> float | None:
        """What stands under `key` as a number; None: nothing, or something else."""
        value = self.data.get(key)
        return float(value) if isinstance(value, (int, float)) else None

    def as_dict(self) -> dict[str, Value | int]:
        """Flat JSON object, as on `/api/events`."""
        return {
            "v": EVENT_VERSION,
            "type": self.type,
            "at": self.at,
            "call": self.call,
            "leg": self.leg,
            **self.data,
        }


class Subscription:
    """Events as they happen. Iteration ends when the subscriber was too slow (see `cut_off`) or the
    journal closed."""

    def __init__(
        self, wanted: Callable[[Event], bool], limit: int, leave: Callable[[Subscription], None]
    ) -> None:
        self._wanted = wanted
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(limit + 1)
        self._leave = leave
        self._limit = limit
        self.cut_off: str | None = None
        """Why iteration ended early."""

    def offer(self, event: Event) -> None:
        """Take an event if it is wanted; full = the subscriber is cut off."""
        if self.cut_off or not self._wanted(event):
            return
        if self._queue.qsize() >= self._limit:
            self.cut_off = f"more than {self._limit} events behind"
            self.close()
        else:
            self._queue.put_nowait(event)

    def close(self) -> None:
        """End the iteration after what is already queued. Idempotent."""
        self._leave(self)
        if not self._queue.full():
            self._queue.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while (event := await self._queue.get()) is not None:
            yield event


class Journal:
    """All events of the process."""

    def __init__(self, keep: int = 10_000, *, redact: Callable[[str], str] | None = None) -> None:
        """`redact` is applied to all that was said (`SPOKEN_FIELDS`) before anybody sees it."""
        self.events: deque[Event] = deque(maxlen=keep)
        self.counts: Counter[str] = Counter()
        """Events by type since the start."""
        self._subscriptions: set[Subscription] = set()
        self._listeners: list[Callable[[Event], None]] = []
        self._redact = redact

    def emit(
        self,
        type_: str,
        data: Mapping[str, Value],
        *,
        call: str | None = None,
        leg: str | None = None,
    ) -> None:
        """Keep an event and offer it to the subscribers."""
        if self._redact is not None:
            data = {
                key: self._redact(value)
                if key in SPOKEN_FIELDS and isinstance(value, str)
                else value
                for key, value in data.items()
            }
        event = Event(type_, unix(), call, leg, data)
        self.counts[type_] += 1
        if type_ != "interim":
            self.events.append(event)
        for subscription in tuple(self._subscriptions):
            subscription.offer(event)
        for listener in tuple(self._listeners):
            listener(event)

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Have `listener` called with each event from now on, at once; it must be quick and not
        raise. Returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def recent(self, call: str | None = None, limit: int = 200) -> list[Event]:
        """The newest `limit` events that are kept, oldest first, of all calls, or of `call`; empty: of none."""
        of = call or None
        wanted = (event for event in reversed(self.events) if call is None or event.call == of)
        return list(islice(wanted, limit))[::-1]

    def forget(self, calls: Collection[str]) -> None:
        """Drop what is kept of these calls."""
        kept = [event for event in self.events if event.call not in calls]
        self.events.clear()
        self.events.extend(kept)

    def subscribe(
        self, *, call: str | None = None, leg: str | None = None, limit: int = 1000
    ) -> Subscription:
        """Watch from now on; `call` and `leg` narrow it down."""

        def wanted(event: Event) -> bool:
            return (call is None or event.call == call) and (leg is None or event.leg == leg)

        subscription = Subscription(wanted, limit, self._subscriptions.discard)
        self._subscriptions.add(subscription)
        return subscription

    def close(self) -> None:
        """End every subscription."""
        for subscription in tuple(self._subscriptions):
            subscription.close()
