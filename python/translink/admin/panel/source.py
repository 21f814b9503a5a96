"""What the admin server asks of the program behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from typing import Any, Literal, Protocol

from translink.admin.panel.metrics import Measures
from translink.calls.exchange import LegWish
from translink.observe.views import CallDetail, CallRow, CreatedCall, LegLive

Lane = Literal["said", "heard"]
"""Of a leg: its microphone, its ear."""


class Event(Protocol):
    """Something that happened."""

    @property
    def type(self) -> str:
        """What kind of thing."""

    @property
    def call(self) -> str | None:
        """Where, if in a call."""

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


class Listening(Protocol):
    """An open tap."""

    def read(self) -> bytes:
        """s16le, 16 kHz, mono: what came since the last time. Raises `LookupError` when the leg is
        gone."""

    def close(self) -> None:
        """Listen no more. Idempotent."""


class AdminSource(Protocol):
    """The running program, seen from outside. Everything it returns can be written as JSON."""

    # --- Seeing ---

    def stats(self) -> Mapping[str, Any]:
        """Counters: `legs.<name>.…`, `legs.<name>.stt.…`, `totals.…`, and stages' delays."""

    def measures(self) -> Measures:
        """All that `/metrics` is made of."""

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        """Is the process alive and its media thread running?"""

    def ready(self) -> tuple[bool, Mapping[str, Any]]:
        """Would a call that begins now be translated?"""

    def settings(self) -> Mapping[str, Any]:
        """`Settings.masked()`."""

    def calls(self, state: str = "running") -> Sequence[CallRow]:
        """Rows of the calls that are `running`, have `ended`, or `all`."""

    def row(self, call: str) -> CallRow:
        """One of them. Raises `KeyError`."""

    async def search(self, text: str) -> Collection[str]:
        """Names of the calls in which it was said."""

    def call(self, call: str) -> CallDetail:
        """A running or kept call. Raises `KeyError`."""

    def stages(self, call: str) -> Mapping[str, Any]:
        """Delays of its stages, ms. Raises `KeyError`."""

    def legs(self) -> Collection[str]:
        """Names of the open legs."""

    def leg(self, leg: str) -> LegLive:
        """As it is now. Raises `KeyError`."""

    def system(self) -> Mapping[str, Any]:
        """Load, memory, providers, delays of all calls."""

    def hurried(self) -> bool:
        """The process gives up what is not needed for calls: interims, levels, frequent
        updates."""

    def left_out(self, updates: int) -> None:
        """So many updates were not made for that reason."""

    def envelope(self, leg: str, lane: Lane, start: int) -> tuple[int, bytes]:
        """What was said or heard from slot `start` on: (first slot, a minimum and a maximum, each
        one signed byte, per 20 ms). Raises `LookupError`."""

    def subscribe(self, *, call: str | None = None, leg: str | None = None) -> EventFeed:
        """Events from now on, narrowed down to a call or a leg."""

    def recent(self, call: str | None, limit: int) -> Sequence[Event]:
        """The newest events, oldest first; of all calls if `call` is None."""

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Have `listener` called with each event, at once. Returns what ends it."""

    # --- Doing ---

    async def set_mode(
        self, leg: str | None, mode: str | None = None, share: float | None = None
    ) -> None:
        """Switch the system (None) or one leg to `mode`; None leaves the mode as it is.

        `share` = share of calls that stream in mode `auto`, from 0 to 1; it is the system's. Raises
        `KeyError` for a leg that does not exist.
        """

    def create_call(self, legs: tuple[LegWish, LegWish]) -> CreatedCall:
        """A running call whose sockets are open. Raises `exchange.Refused`."""

    async def end_call(self, call: str) -> bool:
        """End a call; False when there is none of that name."""

    def change_leg(
        self,
        leg: str,
        *,
        mode: Literal["auto", "streaming", "prerecorded"] | None = None,
        language: str | None = None,
        volume: float | None = None,
        muted: bool | None = None,
    ) -> LegLive:
        """Change what is not None; the leg as it is then. Raises `LookupError`."""

    def tap(self, leg: str, lane: Lane) -> Listening:
        """Listen in; close it. Raises `LookupError`."""

    def flush(self, leg: str) -> float:
        """Drop what waits for its ear; milliseconds of it. Raises `LookupError`."""
