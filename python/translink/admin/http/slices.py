"""Long work in short slices, between which the loop serves the calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")
SLICE_SECONDS = 0.002
"""Seconds of work after which others get their turn; a call's frames come every 20 ms."""


async def sliced(items: Iterable[T]) -> AsyncIterator[T]:
    """The items, made on demand, with a pause for others whenever `SLICE_SECONDS` is used up."""
    until = time.monotonic() + SLICE_SECONDS
    for item in items:
        yield item
        if time.monotonic() >= until:
            await asyncio.sleep(0)
            until = time.monotonic() + SLICE_SECONDS
