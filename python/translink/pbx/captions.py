"""What a page is sent beside its audio: who is there, and what both sides say.

JSON messages, `of` is `me` or `other`:

- `{"type": "state", "state": "waiting" | "talking" | "over", "language": "en"}`;
- `{"type": "interim", "of", "text"}`: an unfinished sentence so far; the next one replaces it;
- `{"type": "said", "of", "segment", "text"}`: as it was said;
- `{"type": "translated", "of", "segment", "text"}`: as it is spoken to the other side;
- `{"type": "untranslated", "of", "segment"}`.

They go through the leg's connection, which bounds them: one that finds no room is dropped and counted.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from translink.calls.leg import Leg
    from translink.observe.journal import Event, Journal

CAPTION_EVENTS = {
    "interim": "interim",
    "segment": "said",
    "translation": "translated",
    "untranslated": "untranslated",
}
"""Events of the journal to messages."""


class PageCaptions:
    """Of one page, until closed."""

    def __init__(self, journal: Journal, leg: Leg) -> None:
        self._leg = leg
        self._stop = journal.listen(self._take)

    def begin(self) -> None:
        """Say how it is now."""
        self._state("waiting" if self._leg.call is None else "talking")

    def close(self) -> None:
        """Send nothing more. Idempotent."""
        stop, self._stop = self._stop, lambda: None
        stop()

    def _take(self, event: Event) -> None:
        if event.leg not in (self._leg.name, self._leg.other):
            legs = event.data.get("legs")
            if event.type == "call" and isinstance(legs, list) and self._leg.name in legs:
                self._state("talking" if event.data.get("state") == "begun" else "over")
            return
        of = "me" if event.leg == self._leg.name else "other"
        if (shown := CAPTION_EVENTS.get(event.type)) is not None:
            message: dict[str, object] = {"type": shown, "of": of}
            for key in ("segment", "text"):
                if key in event.data:
                    message[key] = event.data[key]
            self._say(message)
        elif event.type == "settings" and "language" in event.data:
            self._state("talking" if self._leg.call is not None else "waiting")

    def _state(self, state: str) -> None:
        self._say({"type": "state", "state": state, "language": self._leg.language})

    def _say(self, message: dict[str, object]) -> None:
        with contextlib.suppress(LookupError, RuntimeError, BlockingIOError):
            self._leg.media.say(orjson.dumps(message).decode())
