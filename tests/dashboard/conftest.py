"""A real Chromium, and pages that are held to what every page must keep to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from aiohttp import web
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    async_playwright,
    expect,
)

from benches.kit.dashboards import chromium_program
from tests.dashboard.board import TalkBoard
from tests.fakes.providers import FakeProviders, fake_providers
from tests.fakes.web import served
from tests.support.serve import Serve, ServerPlan

ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--process-per-site",
]
"""The last: pages of one context share a process, whose start is half of what a page costs (0.9 of 1.8 s of
processor time)."""
PATIENCE = 60_000
"""Milliseconds for what takes one second on an idle machine."""
expect.set_options(timeout=PATIENCE)
CALM = """{
  const { requestAnimationFrame } = window;
  window.requestAnimationFrame = (draw) => setTimeout(() => requestAnimationFrame(draw), 200);
  addEventListener('DOMContentLoaded', () => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('* { animation: none !important; transition: none !important }');
    document.adoptedStyleSheets.push(sheet);
  });
}"""
"""Five pictures a second do for what is not about motion: 60, painted without a graphics card, are 0.8 of a
core for as long as a page is open, ten 0.3."""
SHOTS = Path(__file__).parent / "shots"
"""Screenshots, to be looked at. Not in the repository: every run makes them anew."""


@dataclass
class Manners:
    """What a page did that it should not."""

    origin: str
    reported: list[str] = field(default_factory=list)
    """Errors and warnings on the console, exceptions, violations of the policy."""
    strangers: list[str] = field(default_factory=list)
    """Requests to elsewhere."""
    while_down: bool = False
    """The server is away on purpose: that the browser says so is no fault of the page."""
    no_icon: bool = False
    """A picture that stands alone: Chromium asks for a /favicon.ico, which there is not, and says so when it
    likes, be it at the end of the test."""

    def console(self, message: ConsoleMessage) -> None:
        connection = "ERR_CONNECTION" in message.text or "WebSocket" in message.text
        if self.no_icon and message.location["url"].endswith("/favicon.ico"):
            return
        if message.type in ("error", "warning") and not (self.while_down and connection):
            self.reported.append(f"{message.type}: {message.text}")

    def request(self, url: str) -> None:
        if not url.startswith((self.origin, self.origin.replace("http", "ws", 1), "blob:")):
            self.strangers.append(url)


Visit = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all tests, with a profile of its own."""
    program = chromium_program(shell=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def board() -> AsyncIterator[TalkBoard]:
    """Three calls that never end."""
    board = TalkBoard(3)
    await board.start()
    yield board
    await board.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fake() -> AsyncIterator[FakeProviders]:
    """As for every module, on the browser's loop."""
    async with fake_providers() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(
    request: pytest.FixtureRequest, fake: FakeProviders, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Serve]:
    """As for every module, as its `SERVER` says, on the browser's loop."""
    plan: ServerPlan = request.module.SERVER
    async with plan.served(tmp_path_factory.mktemp("dashboard"), fake) as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def desk(chromium: Browser) -> AsyncIterator[BrowserContext]:
    """Where pages are opened that want nothing special of the browser. One stays open: it keeps their process."""

    async def empty(_: web.Request) -> web.Response:
        return web.Response(content_type="text/html")

    app = web.Application()
    app.router.add_get("/", empty)
    async with served(app) as url:
        context = await chromium.new_context()
        context.set_default_timeout(PATIENCE)
        page = await context.new_page()
        await page.goto(url)
        yield context
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(chromium: Browser, desk: BrowserContext) -> AsyncIterator[Visit]:
    """Open a page; at the end of the test it must have kept its manners."""
    opened: list[tuple[Page, BrowserContext, Manners]] = []

    async def open_page(
        url: str,
        *,
        width: int = 1440,
        height: int = 900,
        scheme: Literal["light", "dark"] = "dark",
        motion: bool = False,
        no_icon: bool = False,
        **more: Any,
    ) -> Page:
        context = await chromium.new_context(**more) if more else desk
        context.set_default_timeout(PATIENCE)
        parts = urlsplit(url)
        manners = Manners(f"{parts.scheme}://{parts.netloc}", no_icon=no_icon)
        page = await context.new_page()
        opened.append((page, context, manners))
        await page.set_viewport_size({"width": width, "height": height})
        await page.emulate_media(color_scheme=scheme)
        page.on("console", manners.console)
        page.on("pageerror", lambda error: manners.reported.append(f"exception: {error}"))
        page.on("request", lambda request: manners.request(request.url))
        page.on("websocket", lambda socket: manners.request(socket.url))
        await page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) => "
            "console.error('policy violated: ' + e.violatedDirective + ' ' + e.blockedURI))"
        )
        if not motion:
            await page.add_init_script(CALM)
        page.__dict__["manners"] = manners
        await page.goto(url)
        return page

    yield open_page
    for page, context, manners in opened:
        if context is desk:
            # Servers may choose the port of one that was: nothing of a page is found by another one.
            await page.evaluate("localStorage.clear(); sessionStorage.clear()")
            await page.close()
            await desk.clear_cookies()
        else:
            await context.close()
        assert manners.reported == []
        assert manners.strangers == []


def manners_of(page: Page) -> Manners:
    """To excuse it for a while."""
    found = page.__dict__["manners"]
    assert isinstance(found, Manners)
    return found


async def live(page: Page) -> None:
    """Wait until the page is connected and shows a call."""
    await page.locator("#link[data-state=open]").wait_for()
    await page.locator(".call-body").wait_for()


async def shoot(page: Page, name: str, *, whole: bool = False) -> None:
    """Keep a picture; `whole`: also of what is below the fold."""
    SHOTS.mkdir(exist_ok=True)
    await page.screenshot(path=SHOTS / f"{name}.png", full_page=whole)


SETTLED = """() => Promise.allSettled(
  document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished))"""
"""What passes from one colour to another is done with it; a transition that is cut short counts."""


async def faults(page: Page) -> list[str]:
    """What axe finds."""
    await page.evaluate(SETTLED)
    found = await Axe().run(page)
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]
