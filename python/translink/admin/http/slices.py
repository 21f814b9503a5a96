"""Long work in short slices, between which the loop serves the calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

import orjson

from translink.admin.http.responses import json

T = TypeVar("T")
SLICE_SECONDS = 0.002
"""Seconds of work after which others get their turn; a call's frames come every 20 ms. All who work in
slices share it: each of them works once in a turn of the loop."""


class _Workers:
    """How many work in slices at this moment."""

    count = 0


async def sliced(items: Iterable[T]) -> AsyncIterator[T]:
    """The items, made on demand, with a pause for others whenever the slice is used up; what is done
    with an item counts, too, so nothing else may be awaited meanwhile. There is one before the first
    item and one after the last, so that what is done before and afterwards adds to no slice."""
    _Workers.count += 1
    until = 0.0
    try:
        for item in items:
            if not until:
                await asyncio.sleep(0)
                until = time.monotonic() + SLICE_SECONDS / _Workers.count
            yield item
            if time.monotonic() >= until:
                await asyncio.sleep(0)
                until = time.monotonic() + SLICE_SECONDS / _Workers.count
        if until:
            await asyncio.sleep(0)
    finally:
        _Workers.count -= 1


async def fragments(values: Iterable[object]) -> list[orjson.Fragment]:
    """The values as JSON, for an answer that has them in a list; made in slices."""
    return [orjson.Fragment(json(value)) async for value in sliced(values)]
