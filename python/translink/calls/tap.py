"""Listening in on a leg: what is said there, or what its ear hears, as it comes.

Only what is new is handed out. A reader that pauses misses what is older than `LONGEST_READ`. It ends with its
call: the next one on the leg is other people's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from translink.results import RATE

if TYPE_CHECKING:
    from translink.calls.call import Call
    from translink.calls.leg import Leg

Lane = Literal["said", "heard"]
"""Of a leg: what its microphone said, what its ear heard."""
LONGEST_READ = RATE
"""Samples handed out at once at most: 1 s."""


class Tap:
    """One listener on one lane of one leg. Close it."""

    def __init__(
        self, leg: Leg, lane: Lane, on_call: Callable[[str], None], on_closed: Callable[[], None]
    ) -> None:
        """`on_call(name)`: the leg was in no call, and this one began. Raises `LookupError` when the leg is out of
        service."""
        self._call: Call | None = leg.call
        self._on_call = on_call
        self._leg = leg
        self._lane = lane
        self._on_closed = on_closed
        self._open = True
        leg.listen_in(lane)
        self._cursor = self._head()

    def read(self) -> bytes:
        """s16le, 16 kHz, mono: what came since the last time. Raises `LookupError` when the call is over, or the
        leg is gone."""
        if (call := self._leg.call) is not self._call:
            if call is None or self._call is not None:
                raise LookupError("the call is over")
            self._call = call
            self._on_call(call.name)
        head = self._head()
        start = max(self._cursor, head - LONGEST_READ)
        if self._lane == "said":
            first, pcm = self._leg.media.history(start, head)
        else:
            first, pcm = self._leg.media.heard(start, head)
        # Nothing came: later on the pause is of no interest, only what follows it.
        self._cursor = first + len(pcm) // 2 if pcm else head
        return pcm

    def close(self) -> None:
        """Listen no more. Idempotent."""
        if not self._open:
            return
        self._open = False
        self._leg.listen_no_more(self._lane)
        self._on_closed()

    def _head(self) -> int:
        if self._lane == "said":
            return self._leg.head
        return time.monotonic_ns() * 16 // 1_000_000
