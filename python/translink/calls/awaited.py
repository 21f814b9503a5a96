"""The language of a party who has not been heard yet: what is to be said to them waits for it, for a
while."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable


class AwaitedLanguage:
    """One party's, in one call."""

    def __init__(self, wait: float, on_given_up: Callable[[], None]) -> None:
        """`wait` = seconds from the first time that it was needed; what comes later does not wait any
        more. `on_given_up`: called once when they are over."""
        self._wait = wait
        self._on_given_up = on_given_up
        self._deadline: float | None = None
        self._known = asyncio.Event()

    def known(self) -> None:
        """It is, or nobody looks for it any more."""
        self._known.set()

    async def wait(self) -> None:
        """Until it is known, bounded."""
        if self._known.is_set():
            return
        now = time.monotonic()
        self._deadline = self._deadline or now + self._wait
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._deadline - now):
                await self._known.wait()
        if not self._known.is_set():
            self._known.set()
            self._on_given_up()
