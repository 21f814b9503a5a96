"""What the admin server asks of the program behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol


class Event(Protocol):
    """Something that happened."""

    def as_dict(self) -> Mapping[str, Any]:
        """Its JSON object: `type`, `at` (Unix seconds), `call`, `leg`, and what its type has."""


class EventFeed(Protocol):
    """Events as they happen, queued within bounds by the one who makes them."""

    cut_off: str | None
    """Why the feed ended early, if it did."""

    def __aiter__(self) -> AsyncIterator[Event]:
        """Ends when the feed was closed or cut off."""

    def close(self) -> None:
        """No more events, please. Idempotent."""


class AdminSource(Protocol):
    """The running program, seen from outside. Everything it returns can be written as JSON."""

    def stats(self) -> Mapping[str, Any]:
        """Counters: `legs.<name>.…`, `legs.<name>.stt.…`, `totals.…`, and stages' delays."""

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        """Is the process alive and its media thread running?"""

    def ready(self) -> tuple[bool, Mapping[str, Any]]:
        """Would a call that begins now be translated?"""

    def settings(self) -> Mapping[str, Any]:
        """`Settings.masked()`."""

    def calls(self) -> list[Mapping[str, Any]]:
        """The calls that are going on."""

    async def set_mode(
        self, leg: str | None, mode: str | None = None, share: float | None = None
    ) -> None:
        """Switch the system (None) or one leg to `mode`; None leaves the mode as it is.

        `share` = share of calls that stream in mode `auto`, from 0 to 1; it is the system's. Raises
        `KeyError` for a leg that does not exist.
        """

    async def end_call(self, call: str) -> bool:
        """End a call; False when there is none of that name."""

    def subscribe(self, *, call: str | None = None, leg: str | None = None) -> EventFeed:
        """Events from now on, narrowed down to a call or a leg."""
