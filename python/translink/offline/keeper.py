"""Keeps the offline server alive: an end that nobody asked for is said, and it is started again.

The engines are other people's programs in a process of their own; the kernel may end it for memory,
an operator by mistake. Calls fall back, or wait, by their breakers; what is owed here is that the
end is noticed at once, that operators read why, and that it does not stay that way.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from translink.errors import TranslinkError

log = structlog.get_logger("translink")

PAUSES = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before the first, second, … start in a row; the last one for all further ones."""
STEADY = 60.0
"""Seconds of service after which the next end counts as the first."""


class Restartable(Protocol):
    """What is kept: `offline.child.ServerChild`."""

    async def start(self) -> str:
        """Ready when it returns. Raises `TranslinkError`, `OSError`."""

    async def stop(self) -> None:
        """Stop the child process. Idempotent."""

    async def ended(self) -> int:
        """Its exit code, once it has ended."""


async def keep(
    server: Restartable,
    on_change: Callable[[bool], None] = lambda _: None,
    pauses: tuple[float, ...] = PAUSES,
) -> None:
    """Watch a started server until cancelled; start it again whenever it ends.

    `on_change(False)` is called when it is gone, `on_change(True)` when it serves again. The caller
    stops it in the end.
    """
    tries = 0
    while True:
        began = time.monotonic()
        code = await server.ended()
        if time.monotonic() - began >= STEADY:
            tries = 0
        on_change(False)
        log.error("the local engines ended and are started again", reason=reason_of(code))
        tries = await _again(server, pauses, tries)
        log.info("the local engines are back")
        on_change(True)


async def _again(server: Restartable, pauses: tuple[float, ...], tries: int) -> int:
    """Returns how many starts in a row there were."""
    while True:
        await server.stop()
        await asyncio.sleep(pauses[min(tries, len(pauses) - 1)])
        tries += 1
        try:
            await server.start()
        except (TranslinkError, OSError) as error:
            log.error("the local engines do not start", reason=str(error), tries=tries)
        else:
            return tries


def reason_of(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"killed by {name}" + (" (out of memory?)" if -code == signal.SIGKILL else "")
