"""One worker's place: its process is started there, and started again when it ends unasked.

A place keeps its name and its part of the settings over all the processes that serve there.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from translink.errors import TranslinkError
from translink.process.child import ChildProcess
from translink.process.restarts import Restarts
from translink.workers.worker import WorkOrder, packed

log = structlog.get_logger("translink.workers")

WORKER_COMMAND: Final = (sys.executable, "-m", "translink.workers")
WORKER_READY: Final = 60.0
"""Seconds that a worker may take until calls may come; one or two are usual."""
CALLS_OF_A_LIFE: Final = 1_000_000
"""Names of calls of one process: the next one in the same place goes on behind them."""


class Berth:
    """`run` it. What happens is reported by `on_serving` and `on_ended`."""

    def __init__(
        self, name: str, environ: Mapping[str, str], order: Callable[[int], WorkOrder]
    ) -> None:
        """`order(first_call)`: what the next process there is to be; `environ`: all that it sees."""
        self.name = name
        self.url = ""
        """Of the admin server of the process there; empty: calls cannot come."""
        self.starts = 0
        """Processes that were started."""
        self.exit_code: int | None = None
        """Of the last process there, once it is not to be started again."""
        self.on_serving: Callable[[Berth], None] = lambda _: None
        self.on_ended: Callable[[Berth, int], None] = lambda _, __: None
        """Called when a process that served has ended, with its exit code, before another one is started."""
        self._order = order
        self._process = ChildProcess(WORKER_COMMAND, environ=environ, piped=True)
        self._leaving = asyncio.Event()
        self._prepared = False

    @property
    def pid(self) -> int | None:
        """None: there is no process."""
        return self._process.pid

    async def prepare(self) -> None:
        """Start the first process, which has then loaded everything and waits for its orders. Raises
        `TranslinkError`."""
        try:
            async with asyncio.timeout(WORKER_READY):
                await self._wake()
        except (OSError, TimeoutError):
            raise TranslinkError(f"worker {self.name} did not start") from None
        self._prepared = True

    async def _wake(self) -> None:
        """Raises `OSError`."""
        await self._process.start()
        if not await self._process.line():
            raise ConnectionError("it has ended")

    async def run(self) -> None:
        """Keep a process there until one has ended that was ordered to. Raises `TranslinkError` when the first
        one does not start: its reason is in the log, and the next one would have it too."""
        restarts = Restarts()
        while True:
            began = time.monotonic()
            started = await self._start()
            if started:
                self.on_serving(self)
            elif self.starts == 1 and not self._leaving.is_set():
                raise TranslinkError(f"worker {self.name} did not start")
            code = await self._process.wait()
            self.url = ""
            restarts.ended(time.monotonic() - began)
            if started:
                self.on_ended(self, code)
            await self._process.stop(0.0)
            if self._leaving.is_set():
                self.exit_code = code if started else 0  # it was told to end before it could listen
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), restarts.pause())
            if self._leaving.is_set():
                self.exit_code = 0
                return

    async def _start(self) -> bool:
        """False: it has ended, or was ended, before calls could come."""
        first = 1 + CALLS_OF_A_LIFE * self.starts
        self.starts += 1
        try:
            async with asyncio.timeout(WORKER_READY):
                if not self._prepared:
                    await self._wake()
                self._prepared = False
                await self._process.send(packed(self._order(first)))
                self.url = (await self._process.line()).decode().strip()
        except TimeoutError:
            log.error("a worker does not get ready", worker=self.name, seconds=WORKER_READY)
            self.signal(signal.SIGKILL)
        except OSError:
            pass  # it ended, and that is noticed
        return bool(self.url)

    def leave(self) -> None:
        """The end of the process there, whenever it comes, is the last one."""
        self._leaving.set()

    def signal(self, number: signal.Signals) -> None:
        """Pass a signal on to the process, if there is one."""
        self._process.signal(number)

    async def tell(self) -> None:
        """Give the process new settings, if there is one."""
        try:
            await self._process.send(packed(self._order(1)))
        except OSError as error:
            log.warning("a worker got no new settings", worker=self.name, reason=str(error))

    async def stop(self) -> None:
        """End the process at once. Idempotent."""
        await self._process.stop(0.0)
