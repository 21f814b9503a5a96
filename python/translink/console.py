"""What the admin API asks of the running program, gathered from those who know it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from translink import __version__
from translink.quickstart import Pauses

if TYPE_CHECKING:
    from translink.journal import Journal, Subscription
    from translink.lineup import Lineup
    from translink.settings import Settings
    from translink.switchboard import Switchboard


@dataclass(slots=True)
class Condition:
    """How the program is. Written by the app, read by the console."""

    began: float = field(default_factory=time.time)
    """Unix seconds."""
    serving: bool = False
    """The start is over: calls may come."""
    draining: bool = False
    """The end has begun: no call may come any more."""
    pauses: Pauses = field(default_factory=Pauses)
    """The garbage collector's."""
    died: bool = False
    """The media thread died, of a bug: no call will ever be heard again."""


class Console:
    """An `AdminSource`: the program as it is seen and worked from outside."""

    def __init__(
        self,
        settings: Settings,
        condition: Condition,
        *,
        switchboard: Switchboard,
        lineup: Lineup,
        journal: Journal,
        offline: str | None,
    ) -> None:
        """`offline` = URL of the offline engines, if they run."""
        self._settings = settings
        self._condition = condition
        self._switchboard = switchboard
        self._lineup = lineup
        self._journal = journal
        self._offline = offline

    # --- Seeing ---

    def stats(self) -> Mapping[str, Any]:
        """Counters, delays and providers."""
        board, gate = self._switchboard, self._lineup.gate
        return {
            "version": __version__,
            "uptime": round(time.time() - self._condition.began, 3),
            "mode": board.mode,
            "offline": self._offline,
            "legs": board.leg_stats(),
            "totals": board.totals(),
            "stages_ms": board.stages.summary(),
            "providers": self._lineup.breakers(),
            "prerecorded_queue": {
                "active": gate.active,
                "waiting": gate.waiting,
                "waited": gate.waited,
                "refused": gate.refused,
            },
            "events": dict(self._journal.counts),
            "pressure": board.pressure.summary(),
            "collector": self._condition.pauses.summary(),
        }

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        """Alive?"""
        died = self._condition.died
        return not died, {"media": "dead" if died else "running"}

    def ready(self) -> tuple[bool, Mapping[str, Any]]:
        """Would a call that begins now be translated?"""
        condition = self._condition
        down = self._lineup.down()
        dead = sorted(self._switchboard.out_of_service)
        load = self._switchboard.pressure.unready(len(self._switchboard.calls))
        ok = not (down or dead or condition.died or condition.draining or load)
        return ok, {
            "down": down,
            "legs_out_of_service": dead,
            "draining": condition.draining,
            "load": load,
            "offline": self._offline,
        }

    def settings(self) -> Mapping[str, Any]:
        """In force, secrets masked."""
        board = self._switchboard
        masked = self._settings.masked() | {"mode": board.mode, "streaming_share": board.share}
        for leg in masked["legs"]:
            own = board.mode_of(leg["name"])
            leg["mode"] = None if own == board.mode else own
        return masked

    def calls(self) -> list[Mapping[str, Any]]:
        """Running calls."""
        return list(self._switchboard.call_records())

    def subscribe(self, *, call: str | None = None, leg: str | None = None) -> Subscription:
        """Events from now on."""
        return self._journal.subscribe(call=call, leg=leg)

    # --- Doing ---

    async def set_mode(
        self, leg: str | None, mode: str | None = None, share: float | None = None
    ) -> None:
        """Raises `KeyError` for an unknown leg."""
        match mode:
            case None | "auto" | "streaming" | "prerecorded":
                self._switchboard.set_mode(mode, leg, share)
            case _:
                raise ValueError(mode)

    async def end_call(self, call: str) -> bool:
        """False when there is no such call."""
        if call not in self._switchboard.calls:
            return False
        self._switchboard.end_call(call, "asked to end")
        return True

    def reloaded(self, settings: Settings) -> None:
        """Settings were read again: modes and share take effect now."""
        self._settings = settings
        own = {leg.name: leg.mode for leg in settings.legs if leg.mode is not None}
        self._switchboard.set_modes(settings.mode, own, settings.streaming_share)
