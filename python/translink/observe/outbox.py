"""Messages that wait for a receiver: in order, bounded, tried again more and more slowly.

Sans-IO: time and chance come in as arguments. The first of the queue is tried alone. A failure makes all
of them wait, since there is one receiver: 1 s, then twice as long each time up to 60 s, or as long as
it asked for. A message is given up after `attempts` answers that refuse it, so that one bad message
does not hold up the others, or when it is older than `keep`. Each that is dropped or given up is
counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

FIRST_WAIT = 1.0
LONGEST_RETRY_WAIT = 60.0


@dataclass(slots=True)
class HookMessage:
    """One message, as often as it is sent."""

    id: str
    """The same in every attempt: receivers know repetitions by it."""
    type: str
    at: float
    """When it happened, Unix seconds."""
    data: Mapping[str, object] = field(default_factory=dict)
    refusals: int = 0


class Outbox:
    """The queue of messages."""

    def __init__(self, *, size: int, attempts: int, keep: float, rng: Random | None = None) -> None:
        """`keep` in seconds; see `settings.webhook`."""
        self.delivered = self.failed = self.given_up = self.dropped = 0
        """Messages that were taken; attempts that failed; messages given up; messages that found the
        queue full."""
        self.trouble = ""
        """Why the newest attempt failed; empty: it did not."""
        self._size = size
        self._attempts = attempts
        self._keep = keep
        self._rng = rng or Random()
        self._waiting: deque[tuple[float, HookMessage]] = deque()
        """With when each was put in."""
        self._failures = 0
        """In a row."""
        self._not_before = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, message: HookMessage, now: float) -> None:
        """Put it at the end; a full queue loses its oldest."""
        if len(self._waiting) >= self._size:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append((now, message))

    def next(self, now: float) -> HookMessage | float | None:
        """The message to send now, or the seconds until then, or None: there is nothing to send."""
        while self._waiting and now - self._waiting[0][0] > self._keep:
            self._waiting.popleft()
            self.given_up += 1
        if not self._waiting:
            return None
        if now < self._not_before:
            return self._not_before - now
        return self._waiting[0][1]

    def sent(self, message: HookMessage) -> None:
        """The receiver has taken it."""
        self.delivered += 1
        self._failures, self._not_before, self.trouble = 0, 0.0, ""
        self._remove(message)

    def refused(
        self,
        message: HookMessage,
        now: float,
        why: str,
        *,
        answered: bool,
        retry_after: float | None = None,
        for_good: bool = False,
    ) -> None:
        """The attempt failed. `answered`: by the receiver, with something else than 2xx; `for_good`:
        it wants it no more."""
        self.failed += 1
        self.trouble = why
        message.refusals += answered
        if for_good or message.refusals >= self._attempts:
            self.given_up += 1
            self._remove(message)
        wait = min(FIRST_WAIT * 2 ** min(self._failures, 10), LONGEST_RETRY_WAIT)
        wait = self._rng.uniform(0.5 * wait, wait)
        self._failures += 1
        self._not_before = now + min(max(wait, retry_after or 0.0), self._keep)

    def _remove(self, message: HookMessage) -> None:
        """It may have been dropped meanwhile."""
        if self._waiting and self._waiting[0][1] is message:
            self._waiting.popleft()
