"""Waiting for what may not come, and for what was ordered to end."""

from __future__ import annotations

import asyncio
import contextlib


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, no longer than this. Whether it is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()
    return event.is_set()


def forget(task: asyncio.Task[None]) -> None:
    """Of a task that was cancelled: drop its error, which has the task's frames, and they have the task
    and the error (a group's do, before Python 3.13)."""
    if task.cancelled():
        try:
            task.result()
        except asyncio.CancelledError as error:
            error.__traceback__ = None
