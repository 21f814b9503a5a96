"""SIGHUP: the settings are read again, and whatever comes of it is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import structlog

from translink.errors import SettingsError
from translink.process.threads import in_thread
from translink.settings.reloading import RELOAD, modes_in, same_modes, with_modes_of

if TYPE_CHECKING:
    from translink.settings.legs import Mode
    from translink.settings.model import Settings

log = structlog.get_logger("translink")


async def read_again(reread: Callable[[], Settings], now: Settings) -> Settings | None:
    """`now`, with what of the newly read settings takes effect in a server that runs. None: they cannot be
    read, which is logged.

    A settings file may be a pipe, or lie on a disk that does not answer: it is read in a thread that
    nobody waits for longer than `RELOAD` seconds.
    """
    try:
        new = await in_thread(reread, RELOAD)
    except (SettingsError, OSError) as error:
        said = str(error) or type(error).__name__
        if isinstance(error, TimeoutError):  # which is an `OSError`
            said = f"reading them took more than {RELOAD:g} s"
        log.error("settings not reloaded", reason=said)
        return None
    except Exception:
        log.exception("settings not reloaded: a bug in translink")
        return None
    then = with_modes_of(new, now)
    overruled = [
        warning
        for name, warning in new.notes.overruled
        if name.rpartition(".")[2] in ("mode", "streaming_share")
    ]
    if then.model_dump() != new.model_dump():
        log.warning("settings reloaded: modes and share; the rest needs a restart")
    elif same_modes(then, now) and not overruled:
        # The file that was edited may be another one, or a copy may have been read.
        files = list(map(str, new.notes.files))
        log.info("settings read again: nothing in them was edited", files=files)
    for warning in overruled:
        log.warning(warning)
    return then


def tell_what_stays(read: Settings, *, mode: Mode, share: float, legs: Mapping[str, Mode]) -> None:
    """Warn where `read`, in which no mode was edited, says something else than what is in force: a SIGHUP
    that was to roll back would do nothing, in silence. `legs`: the mode of each."""
    said = modes_in(read)
    own = {name: now for name, now in legs.items() if now != said.get(name)}
    if mode == read.mode and share == read.streaming_share and not own:
        return
    if mode != read.mode:  # legs that went with the system are not named one by one
        own = {name: now for name, now in own.items() if now != mode}
    log.warning(
        "settings read again: no mode in them was edited, so what was switched live stays; "
        "translink mode switches it",
        mode=mode,
        share=share,
        settings_mode=read.mode,
        settings_share=read.streaming_share,
        **({"legs": own} if own else {}),
    )
