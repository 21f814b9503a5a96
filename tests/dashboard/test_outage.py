"""The page in front of a real `translink serve` whose providers refuse it."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.dashboard.conftest import Visit, live, manners_of, shoot
from tests.fakes.providers import FakeProviders
from tests.support.serve import DEEPGRAM_KEY, DEEPL_KEY, Serve, ServerPlan, call, pairs

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

ONE, TWO = "3333", "4444"
SERVER = ServerPlan(legs=pairs((ONE, TWO)), extra="idle_timeout = 5.0")
PATIENCE = 60_000


@pytest.fixture(scope="module")
def fake(fake: FakeProviders) -> FakeProviders:
    """They refuse everything."""
    fake.refuse = {"listen": 401, "prerecorded": 401, "translate": 456, "speak": 401}
    return fake


async def test_refused_keys_are_shown_with_what_waits_and_what_to_do(
    server: Serve, visit: Visit
) -> None:
    async with call(server, ONE, TWO) as (one, _):
        talking = asyncio.create_task(one.say(1, 2, 3, 4, 5, 6))
        page = await visit(f"http://127.0.0.1:{server.admin}", height=960)
        await live(page)
        banner = page.locator("#banner")
        await expect(banner).to_contain_text("Recognition is down", timeout=PATIENCE)
        await expect(banner).to_contain_text("Deepgram refused the key (401).")
        await expect(banner).to_contain_text("Set DEEPGRAM_API_KEY to a valid key")
        await expect(banner).to_contain_text("kept for 60 s")
        await expect(banner.locator(".since").first).to_have_text(re.compile(r"since \d\d:\d\d"))
        # What was said waits, and nothing of it is lost yet.
        waiting, lost = (banner.locator(".banner-figures dd").nth(index) for index in (0, 1))
        await expect(waiting).to_have_text(re.compile(r"^[1-9]\d*(\.\d)? s$"), timeout=PATIENCE)
        await expect(lost).to_have_text("0 ms")
        figure = page.locator(".call-figures [data-figure=waiting] dd")
        await expect(figure).to_have_text(re.compile(r"^[1-9]\d*(\.\d)? s$"))
        html = await page.content()
        assert DEEPGRAM_KEY not in html
        assert DEEPL_KEY not in html
        await shoot(page, "outage-serve")
        await talking
    manners_of(page).while_down = True
