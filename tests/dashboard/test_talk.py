"""A call from a browser: a Chromium whose microphone is a file of beacon words, over and over; what its ear
plays is read back. The other side is a client that others wrote, so that one browser is enough."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, WebSocket, async_playwright, expect

from benches.kit.dashboards import chromium_program
from tests.dashboard.conftest import ARGS, PATIENCE, Visit, faults, shoot
from tests.support.page_talker import PageTalker
from tests.support.serve import Serve, ServerPlan, pairs
from translink._core import BeaconDecoder, beacon_encode
from translink.callers.wav import write_wav

pytestmark = [
    pytest.mark.alone,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]

SERVER = ServerPlan(legs=pairs(("3333", "4444")), extra="drain_timeout = 3.0")
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
    const tap = new AudioWorkletNode(this.context, "mouth", {numberOfOutputs: 0});
    tap.port.onmessage = ({data}) => window.played.push(new Int16Array(data));
    connect.call(this, tap);
  }
  return connect.call(this, to, ...more);
};
"""
"""Keeps what is played, by the page's own worklet, and what it asked the browser for."""

QUESTION_OPEN = """() => {
const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await asked(wanted);
  await new Promise((allow) => (window.allow = allow));
  window.allowed = stream;
  return stream;
};
}"""
"""The browser's question for the microphone stays open until `allow()`."""

SINCE_OVER = """() => new MutationObserver(() => {
  if (document.body.dataset.state === "over") window.played.length = 0;
}).observe(document.body, {attributes: true})"""
"""`played` is what is played behind the end of the call."""

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
        self.came: list[int] = []
        """Words that came over its WebSocket."""
        self.heard: list[int] = []
        """Words that it has played."""
        self._coming, self._playing = BeaconDecoder(), BeaconDecoder()
        page.on("websocket", self._watch)

    async def listen(self) -> list[int]:
        """Words that it has played so far."""
        for piece in await self.page.evaluate(PIECES):
            pcm = base64.b64decode(piece)
            self.heard += [number for number, _, _ in self._playing.push(pcm)]
        return self.heard

    def _watch(self, line: WebSocket) -> None:
        line.on("framereceived", self._receive)

    def _receive(self, message: bytes | str) -> None:
        if isinstance(message, bytes):
            self.came += [number for number, _, _ in self._coming.push(message)]

    async def talk(self, language: str) -> None:
        await self.page.locator("#language").select_option(language)
        await self.page.locator("#go").click()


Open = Callable[..., Awaitable[Browser]]


@pytest_asyncio.fixture(loop_scope="session")
async def browse(tmp_path: Path) -> AsyncIterator[Open]:
    """Open a page in a browser of its own that says words over and over."""
    program = chromium_program(shell=True)
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


def is_run_of(heard: list[int], words: tuple[int, ...]) -> bool:
    """Word after word, round and round, from wherever it begins: none lost, none doubled."""
    at = [words.index(word) for word in heard if word in words]
    return len(at) == len(heard) and all(
        (one + 1) % len(words) == two for one, two in itertools.pairwise(at)
    )


async def patiently(condition: Callable[[], Awaitable[object]], state: Callable[[], str]) -> None:
    end = asyncio.get_running_loop().time() + 60.0
    while not await condition():
        assert asyncio.get_running_loop().time() < end, state()
        await asyncio.sleep(0.2)


async def whole(browser: Browser) -> bool:
    """An utterance was played without a gap."""
    heard = await browser.listen()
    return any(tuple(heard[at : at + 4]) == FRENCH for at in range(len(heard)))


async def test_a_browser_and_the_other_side_hear_each_other(server: Serve, browse: Open) -> None:
    one = await browse(server.url, ENGLISH, viewport={"width": 390, "height": 844})
    body = one.page.locator("body")
    await one.page.goto(server.url + "/talk")
    await shoot(one.page, "talk-begin-phone")
    await one.page.locator("#create").click()
    await expect(one.page.locator("#link")).to_have_value(re.compile("/talk#."))
    link = await one.page.locator("#link").input_value()
    assert link.startswith(server.url + "/talk#")
    assert link != one.page.url
    await shoot(one.page, "talk-link-phone")
    await one.talk("en")
    await expect(body).to_have_attribute("data-state", "waiting")
    await shoot(one.page, "talk-waiting-phone")

    two = PageTalker()
    async with two.at(link, "fr") as line:
        await expect(body).to_have_attribute("data-state", "talking")
        said = FRENCH * 3
        for _ in range(3):
            await two.say(line, *FRENCH)

        async def both_heard() -> bool:
            await one.listen()
            return len(one.came) >= len(said) and len(two.heard) >= len(ENGLISH)

        await patiently(both_heard, lambda: f"{one.came} {two.heard} {server.tail(20)}")
        assert one.came == list(said)
        # A browser without a sound card plays when it has time: on a busy machine words break. Those that are
        # whole are in their order, and one utterance of three is.
        await patiently(lambda: whole(one), lambda: f"{one.heard}")
        rest = iter(said)
        assert all(word in rest for word in one.heard), one.heard
        # And its fake microphone skips now and then.
        assert sum(is_run_of(two.heard[at : at + 4], ENGLISH) for at in range(len(two.heard))) > 0
        wanted = await one.page.evaluate("window.wanted.audio")
        assert wanted["echoCancellation"] is True
        captions = one.page.locator("#captions")
        await expect(captions.locator("[data-of=me]").first).to_be_visible()
        await expect(captions.locator("[data-of=other]").first).to_be_visible()
        assert not await faults(one.page)
        await shoot(one.page, "talk-phone")
        await one.page.emulate_media(color_scheme="dark")
        await one.page.set_viewport_size({"width": 1280, "height": 800})
        assert not await faults(one.page)
        await shoot(one.page, "talk-dark")

        legs = [name for name in (await server.get("/api/stats"))["legs"] if "talk" in name]
        for name in legs:
            counted = await server.leg(name)
            assert (counted["drops_text"], counted["drops_ring"]) == (0, 0)
        await one.page.locator("#mute").click()
        mine = next(name for name in legs if name.endswith(".1"))

        async def is_muted() -> bool:
            return bool((await server.get(f"/api/legs/{mine}"))["muted"])

        await patiently(is_muted, server.tail)
        await one.page.evaluate(SINCE_OVER)
    await expect(body).to_have_attribute("data-state", "over")
    # What the ear has in hand when the server hangs up is heard: some 25 pieces of 20 ms.
    heard_on = "window.played.length > 5"
    await patiently(lambda: one.page.evaluate(heard_on), lambda: "silent with the end of the call")
    await shoot(one.page, "talk-over-dark")
    await server.idle()

    # The links stay: they make the next call.
    await one.talk("en")
    async with two.at(link, "fr"):
        await expect(body).to_have_attribute("data-state", "talking")
        await one.page.locator("#leave").click()
        await expect(body).to_have_attribute("data-state", "over")
    await server.idle()


async def test_hanging_up_while_the_browser_asks_for_the_microphone_connects_nobody(
    server: Serve, browse: Open
) -> None:
    one = await browse(server.url + "/talk", ENGLISH)
    page, body = one.page, one.page.locator("body")
    await page.evaluate(QUESTION_OPEN)
    lines: list[str] = []
    page.on("websocket", lambda line: lines.append(line.url))
    await page.locator("#create").click()
    await one.talk("en")
    await patiently(lambda: page.evaluate("!!window.allow"), server.tail)
    await page.locator("#leave").click()
    await expect(body).to_have_attribute("data-state", "over")
    await page.evaluate("window.allow()")
    given_back = "!!window.allowed?.getTracks().every((track) => track.readyState === 'ended')"
    await patiently(lambda: page.evaluate(given_back), lambda: f"connected to {lines}")
    await expect(body).to_have_attribute("data-state", "over")
    assert lines == []


async def test_a_link_that_is_none_says_so(server: Serve, browse: Open) -> None:
    page = (await browse(server.url + "/talk#nonsense", ENGLISH, color_scheme="dark")).page
    await page.locator("#go").click()
    await expect(page.locator("#trouble")).to_contain_text("no such link")
    await shoot(page, "talk-refused-dark")


async def test_the_empty_dashboard_leads_there(server: Serve, visit: Visit) -> None:
    page = await visit(server.url)
    # Beside the last call, where another test has made one.
    link = page.get_by_role("link", name="Talk from two browsers").locator("visible=true")
    await expect(link).to_have_attribute("href", "/talk")
