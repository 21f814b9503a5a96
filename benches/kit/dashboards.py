"""Dashboards to look at calls with: the page in a Chromium, and a bare WebSocket client; and a hundred
made-up calls to look at.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import shutil
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.support.console import ConsoleDesk
from translink.calls.exchange import LegWish

CHROMIUM_ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FRAMES = """async (seconds) => {
  const end = performance.now() + seconds * 1000;
  let frames = 0;
  while (performance.now() < end) {
    await new Promise(requestAnimationFrame);
    frames += 1;
  }
  return frames / seconds;
}"""
TICK_SECONDS = 0.1
"""In which something may happen once in each call; few of them at a time."""
CALLS_AT_ONCE = 10
EVENTS_PER_SECOND = {
    "interim": 1.6,
    "final": 0.4,
    "segment": 0.4,
    "translation": 0.4,
    "speech": 0.8,
}
"""Of a call in which both talk by turns, an utterance each 2.5 s."""


def chromium_program(*, shell: bool = False) -> str:
    """The whole one, which users have, else its headless shell; `shell`: the other way round. Skips the
    test where there is neither.

    The shell draws and runs pages alike, and has no windows, tabs and toolbars, which Chromium makes also where
    nobody sees them: 0.4 instead of 1.7 s of processor time to start, 0.17 instead of 0.3 to 1.0 a page.
    """
    programs = ["chromium", "chromium-browser"]
    programs.insert(0 if shell else 2, "chromium-headless-shell")
    for program in programs:
        if found := shutil.which(program):
            return found
    pytest.skip("no chromium here: apt-get install chromium-headless-shell")


@contextlib.asynccontextmanager
async def chromium(program: str) -> AsyncIterator[Browser]:
    """A browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGS)
        yield browser
        await browser.close()


@contextlib.asynccontextmanager
async def looking(browser: Browser, url: str) -> AsyncIterator[Page]:
    """The dashboard, connected and with a call on it."""
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    await page.goto(url)
    await page.locator("#link[data-state=open]").wait_for()
    await page.locator(".call-body").wait_for()
    yield page
    await page.close()


async def smoothness(page: Page, seconds: float) -> tuple[float, float | None]:
    """Frames a second for a while, and then the p95 in ms of what the page says an event took until
    it was shown.
    """
    frames = float(await page.evaluate(FRAMES, seconds))
    late = await page.locator(".page-facts").get_attribute("data-delay")
    return frames, float(late) if late else None


def watch(url: str, watching: dict[str, Any], seconds: float) -> tuple[float, float]:
    """Watch `/api/live` as the page would: messages and KiB a second. For a process of its own."""
    return asyncio.run(_watch(url, watching, seconds))


async def _watch(url: str, watching: dict[str, Any], seconds: float) -> tuple[float, float]:
    messages = size = 0
    async with aiohttp.ClientSession() as http, http.ws_connect(url, max_msg_size=0) as socket:
        await socket.send_json({"watch": watching})
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                size += len(await socket.receive_str(timeout=left))
                messages += 1
    return messages / seconds, size / seconds / 1024


class MadeUpCalls:
    """Real calls and legs without sockets, in which events happen as in a lively conversation."""

    def __init__(self, calls: int) -> None:
        self.desk = ConsoleDesk(
            calls={"ports": "24000-24999", "max_created": calls},
            transcripts={"lines": 2000},
            idle_timeout=3600,
        )
        for _ in range(calls):
            self.desk.console.create_call((LegWish("en"), LegWish("fr")))
        self.calls = list(self.desk.board.switchboard.calls.values())
        self._random = random.Random(1)
        self._segment = 0

    async def talk(self) -> None:
        """For ever."""
        began, each = time.monotonic(), TICK_SECONDS / len(self.calls)
        for turn, call in enumerate(itertools.cycle(self.calls)):
            leg = self._random.choice(call.legs)
            for type_, rate in EVENTS_PER_SECOND.items():
                if self._random.random() < rate * TICK_SECONDS:
                    self._emit(type_, call, leg)
            for name in call.legs:
                self.desk.opened[name].head += int(16_000 * TICK_SECONDS)
            if turn % CALLS_AT_ONCE == 0:
                await asyncio.sleep(max(0.0, began + turn * each - time.monotonic()))

    def _emit(self, type_: str, call: Any, leg: str) -> None:
        self._segment += 1
        data: dict[str, Any] = {
            "text": "So then we went to the station and waited.",
            "segment": self._segment,
        }
        if type_ == "segment":
            data |= {"began": time.time() - 2, "ended": time.time(), "language": "en"}
            tally = call.interpreters[leg].tally
            tally.segments += 1
            tally.words += 9
        for stage in ("own", "mouth_to_ear", "ring_to_wire"):
            call.stages.observe(stage, self._random.random())
        self.desk.board.journal.emit(type_, data, call=call.name, leg=leg)
