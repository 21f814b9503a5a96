"""A bound on the requests that are under way at once with one provider."""

from __future__ import annotations

import asyncio
from typing import Self

from translink.errors import Kind, ProviderError


class GateFull(ProviderError):
    """Too many wait already; the provider was not asked."""


class Gate:
    """At most `limit` at once, first come first served, for one provider and endpoint.

    At most `waiting` wait their turn; one more is refused with `GateFull` and counted. Use it
    around the whole attempt, so that an attempt's time-out does not run while it waits:

        async with gate:
            result = await transcriber.transcribe(pcm, language)
    """

    def __init__(self, name: str, *, limit: int, waiting: int = 200) -> None:
        self.name = name
        self.limit = limit
        self.active = 0
        self.peak = 0
        """Most that ever were active at once."""
        self.waiting = 0
        self.waited = 0
        """How many had to wait."""
        self.refused = 0
        """How many found the waiting room full."""
        self._room = waiting
        self._semaphore = asyncio.Semaphore(limit)

    async def __aenter__(self) -> Self:
        if self._semaphore.locked():
            await self._wait()
        else:
            await self._semaphore.acquire()
        self.active += 1
        self.peak = max(self.peak, self.active)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.active -= 1
        self._semaphore.release()

    async def _wait(self) -> None:
        if self.waiting >= self._room:
            self.refused += 1
            raise GateFull(
                f"{self.waiting} requests wait already", provider=self.name, kind=Kind.BUSY
            )
        self.waiting += 1
        self.waited += 1
        try:
            await self._semaphore.acquire()
        finally:
            self.waiting -= 1
