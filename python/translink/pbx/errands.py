"""Requests of ARI and the times at which to act. Sans-IO; time is an argument.

What must come to an end is asked for again: a thing that is to be taken away, until it is gone; what may be
asked for twice, when there was no answer.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from translink.pbx.line import Answer

TRIES, TRY_AGAIN = 6, 0.7
"""Of taking something away; seconds between."""
GONE_ALREADY = (200, 204, 404)


@dataclass(frozen=True, slots=True)
class AriRequest:
    """One request of ARI's REST interface."""

    number: int
    method: str
    path: str
    """With its query, if it stands there."""
    query: Mapping[str, str]


class Errands:
    """What is to be asked, what was asked, and what is to be done when."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        """Of requests, and of all that needs one that nobody else has."""
        self.now = 0.0
        """Of the newest thing that happened."""
        self._requests: deque[AriRequest] = deque()
        self._waiting: dict[int, Answer] = {}
        self._alarms: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def happened(self, now: float) -> None:
        """Something did, at `now`."""
        self.now = now

    def answered(self, number: int, status: int, body: object, now: float) -> None:
        """A request's status (0 = no answer) and JSON."""
        self.happened(now)
        if (then := self._waiting.pop(number, None)) is not None:
            then(status, body)

    def wake(self, now: float) -> None:
        """The time of `deadline` has come."""
        self.happened(now)
        due = sorted(alarm for alarm in self._alarms if alarm[0] <= now)
        self._alarms = [alarm for alarm in self._alarms if alarm[0] > now]
        for _, _, act in due:
            act()

    def deadline(self) -> float | None:
        """When to wake it."""
        return min((at for at, _, _ in self._alarms), default=None)

    def take(self) -> list[AriRequest]:
        """What is to be asked."""
        requests = list(self._requests)
        self._requests.clear()
        return requests

    @property
    def idle(self) -> bool:
        """Nothing is to be asked, and nothing was asked that was not answered."""
        return not (self._requests or self._waiting)

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        then: Answer | None = None,
        tries: int = 1,
    ) -> None:
        """See `Asking`."""
        if tries > 1:
            last = then or _nothing

            def once(status: int, body: object) -> None:
                if status:
                    last(status, body)
                else:
                    self.at(TRY_AGAIN, lambda: self.ask(method, path, query, last, tries - 1))

            self.ask(method, path, query, once)
            return
        number = next(self.numbers)
        self._requests.append(AriRequest(number, method, path, query or {}))
        self._waiting[number] = then or _nothing

    def delete(self, path: str) -> None:
        """See `Asking`."""
        self._delete(path, TRIES)

    def at(self, seconds: float, act: Callable[[], None]) -> None:
        """Do it in so many seconds."""
        self._alarms.append((self.now + seconds, next(self._order), act))

    def _delete(self, path: str, tries: int) -> None:
        def then(status: int, _: object) -> None:
            if status not in GONE_ALREADY and tries > 1:
                self.at(TRY_AGAIN, lambda: self._delete(path, tries - 1))

        self.ask("DELETE", path, None, then)


def _nothing(_status: int, _body: object) -> None:
    pass
