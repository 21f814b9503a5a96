"""A few at once, the others in order, one too many refused."""

from __future__ import annotations

import asyncio

import pytest

from translink.errors import Kind
from translink.providers.gate import Gate, GateFull


async def test_the_gate_lets_a_few_through_at_once_in_order_of_arrival() -> None:
    gate = Gate("deepgram.prerecorded", limit=3)
    began: list[int] = []

    async def work(number: int) -> None:
        async with gate:
            began.append(number)
            await asyncio.sleep(0.01)

    await asyncio.gather(*(work(n) for n in range(20)))
    assert began == list(range(20))
    assert (gate.peak, gate.active, gate.waiting, gate.waited, gate.refused) == (3, 0, 0, 17, 0)


async def test_one_too_many_before_the_gate_is_refused_and_counted() -> None:
    gate = Gate("p", limit=1, waiting=1)
    leave = asyncio.Event()

    async def work() -> None:
        async with gate:
            await leave.wait()

    inside, waiting = asyncio.create_task(work()), asyncio.create_task(work())
    await asyncio.sleep(0)
    with pytest.raises(GateFull) as caught:
        await work()
    assert caught.value.kind is Kind.BUSY
    assert gate.refused == 1
    leave.set()
    await asyncio.gather(inside, waiting)


async def test_a_request_that_leaves_the_queue_holds_up_no_other() -> None:
    gate = Gate("p", limit=1)
    leave = asyncio.Event()

    async def work() -> None:
        async with gate:
            await leave.wait()

    tasks = [asyncio.create_task(work()) for _ in range(3)]
    await asyncio.sleep(0)
    assert gate.waiting == 2
    tasks[1].cancel()
    leave.set()
    await asyncio.wait_for(tasks[2], 20)
    assert (gate.active, gate.waiting) == (0, 0)
