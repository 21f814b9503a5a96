"""Work that several ask for at once is done once, and never older than the question."""

from __future__ import annotations

import asyncio

from translink.admin.http.shared import Shared


async def test_who_asks_meanwhile_gets_the_next_one_together_with_all_others() -> None:
    begun = 0
    go_on = asyncio.Event()

    async def make() -> int:
        nonlocal begun
        begun += 1
        number = begun
        await go_on.wait()
        return number

    shared = Shared(make)
    first = asyncio.create_task(shared.get())
    while not begun:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0)
    late = [asyncio.create_task(shared.get()) for _ in range(5)]
    hung_up = asyncio.create_task(shared.get())
    await asyncio.sleep(0)
    hung_up.cancel()
    assert begun == 1, "never two at the same time"
    go_on.set()
    assert await first == 1
    assert await asyncio.gather(*late) == [2] * 5
    assert await shared.get() == 3
