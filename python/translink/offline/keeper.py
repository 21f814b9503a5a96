"""Keeps the offline server alive: an end that nobody asked for is said, and it is started again.

The engines are other people's programs in a process of their own; the kernel may end it for memory,
an operator by mistake. Calls fall back, or wait, by their breakers; what is owed here is that the
end is noticed at once, that operators read why, and that it does not stay that way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from translink.errors import TranslinkError
from translink.process.restarts import Restarts, reason_of

log = structlog.get_logger("translink")


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
    restarts: Restarts | None = None,
) -> None:
    """Watch a started server until cancelled; start it again whenever it ends.

    `on_change(False)` is called when it is gone, `on_change(True)` when it serves again. The caller
    stops it in the end.
    """
    restarts = restarts or Restarts()
    while True:
        began = time.monotonic()
        code = await server.ended()
        restarts.ended(time.monotonic() - began)
        on_change(False)
        log.error("the local engines ended and are started again", reason=reason_of(code))
        await _again(server, restarts)
        log.info("the local engines are back")
        on_change(True)


async def _again(server: Restartable, restarts: Restarts) -> None:
    while True:
        await server.stop()
        await asyncio.sleep(restarts.pause())
        try:
            await server.start()
        except (TranslinkError, OSError) as error:
            log.error("the local engines do not start", reason=str(error), tries=restarts.in_a_row)
        else:
            return
