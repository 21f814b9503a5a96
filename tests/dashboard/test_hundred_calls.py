"""A hundred calls at once: the page draws and asks for no more than it shows.

How smooth that is depends on the machine: `make bench` measures it.
"""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from tests.dashboard.board import TalkBoard
from tests.dashboard.conftest import Visit, live, manners_of, shoot

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

CALLS = 100
PATIENCE = 60.0


async def test_a_hundred_calls_cost_what_is_on_screen(visit: Visit) -> None:
    board = TalkBoard(CALLS)
    await board.start()
    try:
        page = await visit(board.url)
        await live(page)
        await expect(page.locator('.script ol > li[data-state="spoken"]').first).to_be_visible(
            timeout=PATIENCE * 1000
        )
        async with asyncio.timeout(PATIENCE):
            while not any(watch["levels"] for watch in board.watched):  # noqa: ASYNC110 - the page says when
                await asyncio.sleep(0.05)
        await shoot(page, "hundred-calls")
        await page.locator(".strip").nth(5).wait_for()
        assert await page.locator(".strip").count() < 40, "only what is on screen exists"
        assert max(len(watch["calls"]) for watch in board.watched) == 1
        assert max(len(watch["levels"]) for watch in board.watched) == 2
        await page.locator("#list").evaluate("list => list.scrollTo(0, 1e6)")
        last = max(board.calls.values(), key=lambda row: row["began"])["call"]
        await page.locator(f"#call-{last}").wait_for()
        assert await page.locator(".strip").count() < 40
        manners_of(page).while_down = True
    finally:
        await board.close()
