"""Where a token is needed the page asks for it, and keeps nothing of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.dashboard.conftest import Visit, manners_of, shoot
from tests.fakes.admin import Program
from translink.admin import AdminServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKEN = "open sesame"


@pytest_asyncio.fixture(loop_scope="session")
async def guarded() -> AsyncIterator[AdminServer]:
    server = AdminServer(Program(), port=0, token=TOKEN)
    await server.start()
    yield server
    await server.close()


async def test_the_token_opens_the_page_and_is_kept_by_nobody(
    guarded: AdminServer, visit: Visit
) -> None:
    page = await visit(guarded.url)
    manners = manners_of(page)
    await expect(page.locator("#login")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.locator("#token").fill("a guess")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#login")).to_contain_text("wrong token")
    await shoot(page, "login")
    await page.locator("#token").fill(TOKEN)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#link")).to_have_text("live · control")
    await expect(page.locator("#login")).to_be_hidden()

    kept = await page.evaluate(
        "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href,"
        " document.documentElement.outerHTML, document.getElementById('token').value])"
    )
    assert TOKEN not in kept
    assert "a guess" not in kept

    await page.reload()
    await expect(page.locator("#link")).to_have_text("live · control")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.locator("#login")).to_be_visible()
    # A browser tells of every 401; those are what this is about.
    manners.reported = [each for each in manners.reported if "401" not in each]


async def test_without_a_token_there_is_no_login(visit: Visit) -> None:
    server = AdminServer(Program(), port=0)
    await server.start()
    try:
        page = await visit(server.url)
        await expect(page.locator("#link")).to_have_attribute("data-state", "open")
        await expect(page.locator("#login")).to_be_hidden()
        await expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
        manners_of(page).while_down = True
    finally:
        await server.close()
