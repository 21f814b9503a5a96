"""Waiting for an event that may not come. Virtual time."""

from __future__ import annotations

import asyncio

from tests.support.virtual import run_virtually
from translink.process.waiting import set_within


def test_an_event_is_waited_for_and_no_longer_than_that() -> None:
    async def run() -> None:
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        began = loop.time()
        assert not await set_within(event, 2.0)
        assert 2.0 <= loop.time() - began < 2.1
        loop.call_later(1.0, event.set)
        assert await set_within(event, 2.0)
        assert loop.time() - began < 3.1
        assert await set_within(event, -1.0), "it is set already"

    run_virtually(run())
