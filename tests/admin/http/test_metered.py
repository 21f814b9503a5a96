"""What a task costs is counted without what others do meanwhile."""

from __future__ import annotations

import asyncio
import time

import pytest

from translink.admin.http.metered import Metered


def busy(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def test_others_work_between_two_steps_is_not_counted() -> None:
    async def work() -> str:
        busy(0.02)
        await asyncio.sleep(0.05)
        busy(0.02)
        return "done"

    async def others() -> None:
        await asyncio.sleep(0.01)
        busy(0.5)

    reported: list[float] = []
    task = Metered(work(), reported.append)
    other = asyncio.create_task(others())
    assert await task == "done"
    await other
    assert 0.04 <= task.seconds < 0.3
    assert sum(reported) == pytest.approx(task.seconds)
    assert len(reported) == 2


async def test_what_the_work_raises_is_raised_and_it_can_be_cancelled() -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    with pytest.raises(KeyError):
        await Metered(fails())
    ended = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append(True)
            raise

    async def run() -> None:
        await Metered(waits())

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended
