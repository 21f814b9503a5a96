"""What of newly read settings takes effect in a server that runs."""

from __future__ import annotations

from typing import Final

from translink.settings.legs import Mode
from translink.settings.model import Settings

RELOAD: Final = 5.0
"""Seconds that reading the settings again may take."""
STOP_GRACE: Final = 20.0
"""Seconds beyond `drain_timeout` for which a supervisor is asked to wait, again and again while calls run."""


def with_modes_of(new: Settings, old: Settings) -> Settings:
    """`old` as far as it cannot change in a running server, the rest of `new`."""
    modes = {leg.name: leg.mode for leg in new.legs}
    legs = tuple(leg.model_copy(update={"mode": modes.get(leg.name, leg.mode)}) for leg in old.legs)
    share = new.streaming_share
    return old.model_copy(update={"mode": new.mode, "streaming_share": share, "legs": legs})


def modes_in(settings: Settings) -> dict[str, Mode]:
    """The mode of each leg."""
    return {leg.name: leg.mode or settings.mode for leg in settings.legs}


def same_modes(new: Settings, old: Settings) -> bool:
    """Was nothing of that edited? Then what was switched in the running server stays."""
    one, other = (
        (each.mode, each.streaming_share, {leg.name: leg.mode for leg in each.legs})
        for each in (new, old)
    )
    return one == other
