"""Long work lets the calls have their turns."""

from __future__ import annotations

import asyncio
import time

from translink.admin.http.slices import SLICE_SECONDS, sliced


async def test_others_get_their_turn_between_slices() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def slow(number: int) -> int:
        time.sleep(SLICE_SECONDS / 2)
        return number

    task = asyncio.create_task(others())
    got = [item async for item in sliced(map(slow, range(20)))]
    task.cancel()
    assert got == list(range(20))
    assert turns >= 5


async def test_nothing_is_no_work() -> None:
    nothing: tuple[int, ...] = ()
    assert [item async for item in sliced(nothing)] == []
