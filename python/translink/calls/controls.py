"""What the keys of a telephone do during a call (`settings.dtmf`): repeat, louder, original, end.

Nothing of it outlives the call: the next party at that leg hears as the settings say. Which key was pressed
is never reported, what it did is: keys may be a card's.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from translink.calls.call import Call
    from translink.calls.leg import Leg
    from translink.observe.journal import Journal
    from translink.settings.lag import Original
    from translink.settings.prompts import DtmfSettings

log = structlog.get_logger("translink")

VOLUME_STEP = 2**0.5
"""3 dB: the second one is the loudest."""
LOUDEST = 2.0
"""+6 dB: what the engine allows."""


@dataclass(slots=True)
class _Before:
    """How an ear was before its party touched a key."""

    volume: float
    original: Original


class Controls:
    """What the keys of a telephone do, for all calls."""

    def __init__(self, settings: DtmfSettings, journal: Journal) -> None:
        self._does = {
            key: what
            for what in ("repeat", "louder", "original", "end")
            if (key := getattr(settings, what)) is not None
        }
        self._journal = journal
        self._before: dict[tuple[str, str], _Before] = {}
        """By call and leg."""

    def pressed(self, leg: Leg, key: str) -> None:
        """The party at `leg` pressed a key."""
        call, what = leg.call, self._does.get(key)
        if call is None or what is None:
            return
        before = self._before.setdefault(
            (call.name, leg.name), _Before(leg.media.volume, leg.hearing.original)
        )
        with contextlib.suppress(LookupError, RuntimeError):  # the leg may be out of service
            value = self._act(what, leg, call, before)
            log.info("a key was pressed", call=call.name, leg=leg.name, control=what)
            self._journal.emit(
                "control", {"what": what, "value": value}, call=call.name, leg=leg.name
            )

    def over(self, call: Call, leg: Leg) -> None:
        """The call has ended: the leg is as it was."""
        before = self._before.pop((call.name, leg.name), None)
        if before is not None:
            with contextlib.suppress(LookupError, RuntimeError):
                leg.set_sound(volume=before.volume, muted=None)
                leg.set_hearing(original=before.original, echo_guard=None)

    def _act(self, what: str, leg: Leg, call: Call, before: _Before) -> str | None:
        """What is so now."""
        if what == "repeat":
            return "again" if call.say_again(leg.name) else "nothing yet"
        if what == "louder":
            volume = min(leg.media.volume * VOLUME_STEP, LOUDEST)
            if leg.media.volume >= LOUDEST:
                volume = before.volume if before.volume < LOUDEST else 1.0
            leg.set_sound(volume=volume, muted=None)
            return f"{leg.media.volume:.2f}"
        if what == "original":
            through = leg.hearing.original == "through"
            own: Original = before.original if before.original != "through" else "replace"
            leg.set_hearing(original=own if through else "through", echo_guard=None)
            return leg.hearing.original
        call.end("a party pressed the key for it")
        return None
