"""A call from two browsers: each a Chromium of its own whose microphone is a file of beacon words, over and
over; what its ear plays is read back."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright, expect

from tests.dashboard.conftest import ARGS, PATIENCE, Visit, faults, shoot
from tests.fakes.providers import FakeProviders, fake_providers
from tests.support.serve import Serve, pairs, serving
from translink._core import BeaconDecoder, beacon_encode
from translink.callers.wav import write_wav

pytestmark = [
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]

ENGLISH, FRENCH = (101, 102, 103, 104), (201, 202, 203, 204)
EAR = """
window.played = [];
const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = (wanted) => {
  window.wanted = wanted;
  // Beacons are no voice: what makes a voice clearer takes them for noise.
  return asked({audio: {echoCancellation: false, noiseSuppression: false, autoGainControl: false}});
};
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...more) {
  if (to === this.context.destination && this instanceof AudioWorkletNode) {
    const tap = this.context.createScriptProcessor(16384, 1, 1);
    tap.onaudioprocess = ({inputBuffer}) =>
      window.played.push(Int16Array.from(inputBuffer.getChannelData(0), (x) => 32767 * x));
    connect.call(this, tap);
    connect.call(tap, this.context.destination);
  }
  return connect.call(this, to, ...more);
};
"""
"""Keeps what is played, by the page's own worklet, and what it asked the browser for."""


PIECES = """window.played.splice(0).map((piece) => {
  const bytes = new Uint8Array(piece.buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return btoa(text);
})"""


class Browser:
    """One with a microphone of its own, at a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.heard: list[int] = []
        self._decoder = BeaconDecoder()

    async def listen(self) -> list[int]:
        """Words that it has played so far."""
        for piece in await self.page.evaluate(PIECES):
            pcm = base64.b64decode(piece)
            self.heard += [number for number, _, _ in self._decoder.push(pcm)]
        return self.heard

    async def talk(self, language: str) -> None:
        await self.page.locator("#language").select_option(language)
        await self.page.locator("#go").click()


Open = Callable[..., Awaitable[Browser]]


@pytest_asyncio.fixture(loop_scope="session")
async def browse(tmp_path: Path) -> AsyncIterator[Open]:
    """Open a page in a browser of its own that says words over and over."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no chromium here: apt-get install chromium")
    async with contextlib.AsyncExitStack() as stack:
        playwright = await stack.enter_async_context(async_playwright())

        async def open_page(url: str, words: tuple[int, ...], **more: Any) -> Browser:
            file = tmp_path / f"{words[0]}.wav"
            said = b"".join(beacon_encode(word, amplitude=12_000, gap_ms=120) for word in words)
            write_wav(file, bytes(16_000) + said + bytes(80_000))
            browser = await playwright.chromium.launch(
                executable_path=program,
                args=[
                    *ARGS,
                    "--use-fake-device-for-media-stream",
                    "--use-fake-ui-for-media-stream",
                    f"--use-file-for-fake-audio-capture={file}",
                    "--autoplay-policy=no-user-gesture-required",
                ],
            )
            stack.push_async_callback(browser.close)
            context = await browser.new_context(permissions=["microphone"], **more)
            context.set_default_timeout(PATIENCE)
            page = await context.new_page()
            await page.add_init_script(EAR)
            await page.goto(url)
            return Browser(page)

        yield open_page


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fake() -> AsyncIterator[FakeProviders]:
    async with fake_providers() as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(
    fake: FakeProviders, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Serve]:
    folder = tmp_path_factory.mktemp("talk")
    async with serving(folder, fake, pairs(("3333", "4444")), extra="drain_timeout = 3.0") as made:
        yield made


def is_run_of(heard: list[int], words: tuple[int, ...]) -> bool:
    """Word after word, round and round, from wherever it begins: none lost, none doubled."""
    at = [words.index(word) for word in heard if word in words]
    return len(at) == len(heard) and all(
        (one + 1) % len(words) == two for one, two in itertools.pairwise(at)
    )


async def hears(browser: Browser, words: tuple[int, ...], server: Serve) -> None:
    end = asyncio.get_running_loop().time() + 45.0
    while len(await browser.listen()) < 2 * len(words):
        assert asyncio.get_running_loop().time() < end, (browser.heard, server.tail(30))
        await asyncio.sleep(0.3)
    understood = [each["text"] for each in server.happened("segment")]
    assert is_run_of(browser.heard, words), (browser.heard, understood)


async def test_two_browsers_hear_and_read_each_other(server: Serve, browse: Open) -> None:
    one = await browse(server.url, ENGLISH, viewport={"width": 390, "height": 844})
    await one.page.goto(server.url + "/talk")
    await shoot(one.page, "talk-begin-phone")
    await one.page.locator("#create").click()
    link = await one.page.locator("#link").input_value()
    assert link.startswith(server.url + "/talk#")
    assert link != one.page.url
    await shoot(one.page, "talk-link-phone")
    await one.talk("en")
    await expect(one.page.locator("body")).to_have_attribute("data-state", "waiting")
    await shoot(one.page, "talk-waiting-phone")

    two = await browse(link, FRENCH, color_scheme="dark", viewport={"width": 1280, "height": 800})
    await two.talk("fr")
    for each in (one, two):
        await expect(each.page.locator("body")).to_have_attribute("data-state", "talking")
    await asyncio.gather(hears(one, FRENCH, server), hears(two, ENGLISH, server))
    wanted = await one.page.evaluate("window.wanted.audio")
    assert wanted["echoCancellation"] is True
    for each in (one, two):
        captions = each.page.locator("#captions")
        await expect(captions.locator("[data-of=me]").first).to_be_visible()
        await expect(captions.locator("[data-of=other]").first).to_be_visible()
        assert not await faults(each.page)
    await shoot(one.page, "talk-phone")
    await shoot(two.page, "talk-dark")
    legs = [name for name in (await server.get("/api/stats"))["legs"] if "talk" in name]
    for name in legs:
        counted = await server.leg(name)
        assert counted["drops_text"] == 0
        assert counted["drops_ring"] == 0

    await one.page.locator("#mute").click()
    leg = next(name for name in legs if name.endswith(".1"))
    end = asyncio.get_running_loop().time() + 10.0
    while not (await server.get(f"/api/legs/{leg}"))["muted"]:
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.1)
    await one.page.locator("#leave").click()
    await expect(two.page.locator("body")).to_have_attribute("data-state", "over")
    await shoot(two.page, "talk-over-dark")
    await server.idle()

    # The links stay: they make the next call.
    await two.talk("fr")
    await one.talk("en")
    for each in (one, two):
        await expect(each.page.locator("body")).to_have_attribute("data-state", "talking")
    await one.page.close()
    await expect(two.page.locator("body")).to_have_attribute("data-state", "over")
    await server.idle()


async def test_a_link_that_is_none_says_so(server: Serve, browse: Open) -> None:
    page = (await browse(server.url + "/talk#nonsense", ENGLISH, color_scheme="dark")).page
    await page.locator("#go").click()
    await expect(page.locator("#trouble")).to_contain_text("no such link")
    await shoot(page, "talk-refused-dark")


async def test_the_empty_dashboard_leads_there(server: Serve, visit: Visit) -> None:
    page = await visit(server.url)
    link = page.get_by_role("link", name="Talk from two browsers")
    await expect(link).to_have_attribute("href", "/talk")
