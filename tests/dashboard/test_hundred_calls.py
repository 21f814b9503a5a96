"""A hundred calls at once: the page stays smooth and asks for no more than it shows."""

from __future__ import annotations

import asyncio

import pytest

from tests.dashboard.board import Board
from tests.dashboard.conftest import Visit, live, manners_of, shoot

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLS = 100
WATCHED_FOR = 3.0
FRAMES = """async (seconds) => {
  const stamps = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) stamps.push(await new Promise(requestAnimationFrame));
  const gaps = stamps.slice(1).map((at, index) => at - stamps[index]).sort((a, b) => a - b);
  return {frames: stamps.length / seconds, p95: gaps[Math.floor(gaps.length * 0.95)]};
}"""


async def test_a_hundred_calls_stay_smooth(visit: Visit) -> None:
    board = Board(CALLS)
    await board.start()
    try:
        page = await visit(board.url)
        await live(page)
        await asyncio.sleep(1.0)
        measured = await page.evaluate(FRAMES, WATCHED_FOR)
        delay = float(await page.locator(".page-facts").get_attribute("data-delay") or "nan")
        print(
            f"\n{CALLS} calls: {measured['frames']:.0f} frames/s, "
            f"95 % of them within {measured['p95']:.0f} ms; events shown after {delay:.0f} ms (p95)"
        )
        await shoot(page, "hundred-calls")
        assert measured["frames"] >= 30
        assert delay <= 100
        strips = await page.locator(".strip").count()
        assert 5 < strips < 40, "only what is on screen exists"
        assert max(len(watch["calls"]) for watch in board.watched) == 1
        assert max(len(watch["levels"]) for watch in board.watched) == 2
        await page.locator("#list").evaluate("list => list.scrollTo(0, 1e6)")
        last = max(board.calls.values(), key=lambda row: row["began"])["call"]
        await page.locator(f"#call-{last}").wait_for()
        assert await page.locator(".strip").count() < 40
        manners_of(page).while_down = True
    finally:
        await board.close()
