"""The page in front of a real `translink serve`: what it shows is so, and each control does what it
says, by the server's own account."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import playwright.async_api as playwright
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.dashboard.conftest import Visit, live, manners_of, shoot
from tests.support.serve import Phone, Serve, ServerPlan, call, pairs

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

ONE, TWO = "3333", "4444"
SERVER = ServerPlan(
    legs=pairs((ONE, TWO)),
    extra="idle_timeout = 5.0",  # talkers pause for 0.5 s, and a busy machine makes more of it
    env=["TRANSLINK_ADMIN__LISTEN_IN=true"],
)
PATIENCE = 60.0
SECOND = 32_000
"""Bytes of sound."""
SWING = """([lane, name, from, to]) => {
  const canvas = document.querySelectorAll('.tape canvas')[lane];
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.color = `var(${name})`;
  const hue = getComputedStyle(probe).color.match(/\\d+/g).join();
  probe.remove();
  const top = Math.round((from < 0 ? canvas.height + from : from));
  const copy = Object.assign(document.createElement('canvas'), {width: canvas.width, height: to - from});
  const context = copy.getContext('2d', {willReadFrequently: true});
  context.drawImage(canvas, 0, -top);
  const {data} = context.getImageData(0, 0, copy.width, copy.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] === 255 && `${data[i]},${data[i + 1]},${data[i + 2]}` === hue) count += 1;
  }
  return count;
}"""
"""Pixels of a colour of the page between two heights of a lane's picture; from the foot, if negative."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def talk(server: Serve) -> AsyncIterator[None]:
    """Two people who go on and on, in turn."""
    async with call(server, ONE, TWO) as (one, two):
        talking = asyncio.create_task(_talk(one, two))
        yield
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        if talking.done() and not talking.cancelled():
            talking.result()
    await server.idle()


@pytest_asyncio.fixture(loop_scope="session")
async def page(server: Serve, talk: None, visit: Visit) -> Page:
    """Looking at their call."""
    page = await visit(f"http://127.0.0.1:{server.admin}", height=960)
    await live(page)
    return page


async def _talk(*phones: Phone) -> None:
    words = itertools.count(1)
    for phone in itertools.cycle(phones):
        await phone.say(*itertools.islice(words, 4))
        await asyncio.sleep(0.5)


async def becomes(get: Callable[[], Awaitable[Any]], wanted: object) -> None:
    """Wait until the server says so."""
    value: object = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while (value := await get()) != wanted:  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(0.05)
    assert value == wanted


def of_leg(server: Serve, leg: str, key: str) -> Callable[[], Awaitable[Any]]:
    async def get() -> Any:
        return (await server.get(f"/api/legs/{leg}"))[key]

    return get


def of_settings(server: Serve, key: str) -> Callable[[], Awaitable[Any]]:
    async def get() -> Any:
        return (await server.get("/api/settings"))[key]

    return get


async def test_a_call_is_explained_where_it_is_looked_at(page: Page) -> None:
    # What is explained is what was so far: before the first word is heard there is no delay.
    await page.locator('.script ol > li[data-state="spoken"]').first.wait_for()
    await page.get_by_role("button", name="Explain", exact=True).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Why call")
    await expect(dialog.locator(".parts tr")).to_have_count(6)
    await expect(dialog).to_contain_text("recognition")
    await expect(dialog).to_contain_text("the call goes on")
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_have_count(0)


async def test_captions_appear_and_sounds_are_drawn(page: Page) -> None:
    line = page.locator('.script ol > li[data-state="spoken"]').first
    await line.wait_for()
    assert (await line.locator(".text").inner_text()).startswith("b")
    # It may come with the account of what was before the page was opened.
    await expect(line.locator(".translation")).to_have_text(re.compile("^t"))
    assert await line.locator(".journey .mark:not(.open)").count() == 4
    await expect(page.locator(".call-figures [data-figure=lost] dd")).to_have_text("0 ms")
    await expect(page.locator("#stages tbody tr").first).to_be_visible()

    # Above the middle line of what was said, and of what was heard: only sound reaches there.
    async def drawn(where: list[Any]) -> bool:
        return int(await page.evaluate(SWING, where)) > 20

    said = [0, "--a", 8, 16]
    heard = [0, "--b", -32, -24]
    await becomes(lambda: drawn(said), True)
    await becomes(lambda: drawn(heard), True)

    async def picture() -> str:
        shown = await page.locator(".tape canvas").first.evaluate("canvas => canvas.toDataURL()")
        return str(shown)

    before = await picture()

    async def moved() -> bool:
        return await picture() != before

    await becomes(moved, True)
    await shoot(page, "serve")


async def test_the_mode_of_the_system_and_the_share(page: Page, server: Serve) -> None:
    mode = page.locator("#mode")
    await mode.get_by_role("radio", name="Prerecorded").click()
    await becomes(of_settings(server, "mode"), "prerecorded")
    await expect(mode.get_by_role("radio", name="Prerecorded")).to_be_checked()
    await mode.get_by_role("radio", name="Auto").click()
    await becomes(of_settings(server, "mode"), "auto")
    share = mode.get_by_role("slider")
    await expect(share).to_be_enabled()
    await share.focus()
    await page.keyboard.press("Home")
    await becomes(of_settings(server, "streaming_share"), 0.0)
    await page.keyboard.press("End")
    await becomes(of_settings(server, "streaming_share"), 1.0)


async def test_the_controls_of_a_leg(page: Page, server: Serve) -> None:
    mic = page.locator(".mic", has_text=ONE).first
    await mic.get_by_role("radio", name="Prerecorded").click()
    await becomes(of_leg(server, ONE, "setting"), "prerecorded")
    await expect(mic.locator(".badge").first).to_have_text("prerecorded")
    await mic.get_by_role("radio", name="Auto").click()
    await becomes(of_leg(server, ONE, "setting"), "auto")

    await mic.get_by_role("button", name="Mute").click()
    await becomes(of_leg(server, ONE, "muted"), True)
    await expect(mic.get_by_role("button", name="Unmute")).to_have_attribute("aria-pressed", "true")
    await mic.get_by_role("button", name="Unmute").click()
    await becomes(of_leg(server, ONE, "muted"), False)

    spoken = mic.get_by_role("combobox", name=f"Language of {ONE}")
    await spoken.select_option("de")
    await becomes(of_leg(server, ONE, "language"), "de")
    await becomes(of_leg(server, TWO, "hears"), "de")
    await expect(page.locator(".ear", has_text=ONE)).to_contain_text("German")
    await spoken.select_option("en")
    await becomes(of_leg(server, ONE, "language"), "en")
    voice = mic.get_by_role("combobox", name=f"Voice for {ONE}")
    await voice.select_option("masculine")
    await becomes(of_leg(server, ONE, "voice_for"), "masculine")

    ear = page.locator(".ear", has_text=TWO)
    volume = ear.get_by_role("slider")
    await volume.focus()
    await page.keyboard.press("Home")
    await becomes(of_leg(server, TWO, "volume"), 0.0)
    await volume.focus()
    await page.keyboard.press("End")
    await becomes(of_leg(server, TWO, "volume"), 2.0)
    await expect(ear.locator("output")).to_have_text("200 %")


async def test_an_ear_is_switched_to_text_and_back(page: Page, server: Serve) -> None:
    ear = page.locator(".ear", has_text=TWO)
    await expect(ear.locator(".behind")).to_contain_text("s behind")
    hears = ear.get_by_role("combobox")
    await hears.select_option("captions")
    await becomes(of_leg(server, TWO, "original"), "captions")
    shown = page.locator('.script ol > li.a[data-state="captions"]')
    await shown.first.wait_for()
    await expect(shown.first).to_contain_text("text only")
    assert await shown.first.locator(".translation").inner_text()
    await hears.select_option("replace")
    await becomes(of_leg(server, TWO, "original"), "replace")
    await shown.last.locator('~ li.a[data-state="spoken"]').first.wait_for()


async def test_flush_drops_what_is_being_spoken(page: Page, server: Serve) -> None:
    flush = page.locator(".ear", has_text=TWO).get_by_role("button", name="Flush")
    await page.locator('.script ol > li.a[data-state="spoken"]').last.wait_for()

    def happened(state: str) -> int:
        return len(server.happened("speech", state=state))

    before = happened("flushed")
    async with asyncio.timeout(PATIENCE):  # until a click meets something that is being spoken
        while happened("flushed") == before:
            # Only once something is heard: clicks at all times drop each sentence before it begins.
            begun = happened("started")
            while happened("started") == begun:  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(0.02)
            # Not `click()`, which waits for a quiet page: on a busy machine longer than a sentence lasts.
            await flush.dispatch_event("click")
            await asyncio.sleep(0.3)
    await expect(flush).not_to_have_attribute("data-refused", "")


async def test_listening_in_is_marked_and_brings_the_sound(page: Page, server: Serve) -> None:
    call_name = (await server.get("/api/calls"))["calls"][0]["call"]

    async def listened() -> bool:
        return bool((await server.get(f"/api/calls/{call_name}"))["listened"])

    received: list[int] = []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda data: received.append(len(data))),
    )
    listen = page.get_by_role("button", name=f"Listen to what {TWO} hears")
    await listen.click()
    await expect(listen).to_have_text("Stop")
    await becomes(listened, True)
    await expect(page.locator(".call-head .listened")).to_be_visible()
    await expect(page.locator(".strip .listening").first).to_be_visible()

    async def enough() -> bool:
        return sum(received) >= SECOND

    await becomes(enough, True)
    await listen.click()
    await becomes(listened, False)
    await expect(page.locator(".call-head .listened")).to_be_hidden()


async def test_a_call_is_ended_and_stays_to_be_read(
    page: Page, server: Serve, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await page.locator('.script ol > li[data-state="spoken"]').first.wait_for()
    text = await page.locator(".script .text").first.inner_text()
    name = (await server.get("/api/calls"))["calls"][0]["call"]
    end = page.locator(".call-head .danger")
    await end.click()
    await expect(end).to_have_text("Press again to end")
    assert [row["call"] for row in (await server.get("/api/calls"))["calls"]] == [name]
    async with asyncio.timeout(60):
        # What was asked may have been withdrawn by now: on a busy machine it is asked again.
        while (await server.get(f"/api/calls/{name}"))["state"] != "ended":
            with contextlib.suppress(playwright.TimeoutError):
                await end.click(timeout=2_000)
    await expect(page.locator(".call-head .badge").first).to_contain_text("ended")

    await page.get_by_role("radio", name="Ended").click()
    await page.locator(f"#call-{name}").click()
    await page.locator(".script .text", has_text=text).first.wait_for()
    for control in await page.locator(".lane-head").locator("button, select, input").all():
        assert not await control.is_visible(), "its legs may be in another call by now"
    await shoot(page, "ended")
    for form in ("json", "srt", "vtt", "txt"):
        async with page.expect_download() as reported:
            await page.locator(".exports a", has_text=form.upper()).click()
        download = await reported.value
        assert text in (await download.path()).read_text(encoding="utf-8")
        assert download.suggested_filename.endswith(form)
    # An order that came after the call's end is answered 404, and Chromium reports that.
    manners = manners_of(page)
    manners.reported = [each for each in manners.reported if "404" not in each]


async def test_the_page_comes_back_with_the_server(page: Page, server: Serve) -> None:
    await asyncio.sleep(1.0)
    manners_of(page).while_down = True
    await server.stop()
    await expect(page.locator("#banner")).to_be_visible()
    await server.start()
    await expect(page.locator("#link")).to_have_attribute("data-state", "open")
    await expect(page.locator("#banner")).to_be_hidden()
    await expect(page.locator(".strip")).to_have_count(1)
    await expect(page.locator(".call-head .badge").first).to_have_text("running")
