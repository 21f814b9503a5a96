"""What the keys of a telephone do during a call (`settings.dtmf`): repeat, louder, original, end.

Nothing of it outlives the call: the next party at that leg hears as if no key had been pressed. What an
operator has set since stays. Which key was pressed is never reported, what it did is: keys may be a card's.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog

if TYPE_CHECKING:
    from translink.calls.call import Call
    from translink.calls.leg import Leg
    from translink.observe.journal import Journal
    from translink.settings.lag import Original
    from translink.settings.prompts import DtmfSettings

log = structlog.get_logger("translink")
T = TypeVar("T")

VOLUME_STEP = 2**0.5
"""3 dB: the second one is the loudest."""
LOUDEST = 2.0
"""+6 dB: what the engine allows."""


@dataclass(slots=True)
class _Touched:
    """What keys have changed at an ear: how it was without them, and as what the last one left it."""

    volume: tuple[float, float] | None = None
    original: tuple[Original, Original] | None = None


class Controls:
    """What the keys of a telephone do, for all calls."""

    def __init__(self, settings: DtmfSettings, journal: Journal) -> None:
        self._does = {
            key: what
            for what in ("repeat", "louder", "original", "end")
            if (key := getattr(settings, what)) is not None
        }
        self._journal = journal
        self._touched: dict[tuple[str, str], _Touched] = {}
        """By call and leg."""

    def pressed(self, leg: Leg, key: str) -> None:
        """The party at `leg` pressed a key."""
        call, what = leg.call, self._does.get(key)
        if call is None or what is None:
            return
        touched = self._touched.setdefault((call.name, leg.name), _Touched())
        with contextlib.suppress(LookupError, RuntimeError):  # the leg may be out of service
            value = self._act(what, leg, call, touched)
            log.info("a key was pressed", call=call.name, leg=leg.name, control=what)
            self._journal.emit(
                "control", {"what": what, "value": value}, call=call.name, leg=leg.name
            )

    def begins(self, leg: Leg) -> None:
        """Another call begins at the leg, while the one before it may still drain."""
        for call in leg.calls:
            self.over(call, leg)

    def over(self, call: Call, leg: Leg) -> None:
        """The call has ended: the leg is as it would be without the keys. Idempotent."""
        touched = self._touched.pop((call.name, leg.name), None)
        if touched is not None:
            with contextlib.suppress(LookupError, RuntimeError):
                leg.set_sound(volume=_own(leg.media.volume, touched.volume), muted=None)
                original = _own(leg.hearing.original, touched.original)
                leg.set_hearing(original=original, echo_guard=None)

    def _act(self, what: str, leg: Leg, call: Call, touched: _Touched) -> str | None:
        """What is so now."""
        if what == "repeat":
            return "again" if call.say_again(leg.name) else "nothing yet"
        if what == "louder":
            usual = _own(leg.media.volume, touched.volume)
            volume = min(leg.media.volume * VOLUME_STEP, LOUDEST)
            if leg.media.volume >= LOUDEST:
                volume = usual if usual < LOUDEST else 1.0
            leg.set_sound(volume=volume, muted=None)
            touched.volume = usual, leg.media.volume
            return f"{leg.media.volume:.2f}"
        if what == "original":
            own = _own(leg.hearing.original, touched.original)
            through = leg.hearing.original == "through"
            back: Original = own if own != "through" else "replace"
            leg.set_hearing(original=back if through else "through", echo_guard=None)
            touched.original = own, leg.hearing.original
            return leg.hearing.original
        call.end("a party pressed the key for it")
        return None


def _own(now: T, touched: tuple[T, T] | None) -> T:
    """How it would be without the keys: as it is now, unless that is what a key has made of it."""
    return touched[0] if touched is not None and touched[1] == now else now
