"""The page, in Chromium, in front of a board of simulated calls."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Literal

import pytest
from playwright.async_api import Page, Route, expect

from tests.dashboard.board import TalkBoard
from tests.dashboard.conftest import PATIENCE, Visit, faults, live, manners_of, shoot

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

WIDTHS = (360, 768, 1024, 1440, 1920, 2560)
PANES = ("calls", "call", "events", "system")
LOOKS: tuple[tuple[Literal["light", "dark"], int, str], ...] = (
    ("light", 1440, "call"),
    ("dark", 1920, "call"),
    ("dark", 390, "call"),
    ("light", 390, "calls"),
    ("light", 390, "system"),
)


async def picture(page: Page, which: str = ".tape canvas >> nth=0") -> Any:
    """What a canvas shows."""
    return await page.locator(which).evaluate("canvas => canvas.toDataURL()")


async def test_words_firm_up_and_are_translated_and_spoken(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await live(page)
    await page.locator(".interims .tentative").first.wait_for()
    line = page.locator('.script ol > li[data-state="spoken"]').first
    await line.wait_for()
    text = await line.locator(".text").inner_text()
    assert await line.locator(".translation").inner_text()
    assert await line.locator(".journey .mark:not(.open)").count() == 4
    assert await page.locator(".words .said", has_text=text).count() >= 1
    read_aloud = page.locator("#finals p").first
    await read_aloud.wait_for(state="attached")
    said = (await read_aloud.text_content() or "").partition(": ")[2]
    await page.locator(".script .text", has_text=said).wait_for()


async def test_bad_manners_would_be_noticed(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await live(page)
    manners = manners_of(page)
    await page.evaluate("document.body.setAttribute('style', 'color: red')")
    await page.evaluate("fetch('http://127.0.0.2:9/').catch(() => {})")
    await page.evaluate("setTimeout(() => { throw new Error('a bug') })")
    wanted = ("style-src", "connect-src", "a bug")
    async with asyncio.timeout(PATIENCE / 1000):
        while not all(each in " ".join(manners.reported) for each in wanted):  # noqa: ASYNC110 - the browser's
            await asyncio.sleep(0.05)
    manners.reported.clear()


async def test_sounds_are_drawn_and_move(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url, motion=True)
    await live(page)
    before = await picture(page)
    async with asyncio.timeout(PATIENCE / 1000):
        while await picture(page) == before:  # noqa: ASYNC110 - the browser's
            await asyncio.sleep(0.1)


async def test_less_motion_is_less_motion(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url, motion=True, reduced_motion="reduce")
    await live(page)
    moved = await page.evaluate(
        """async () => {
          const layer = document.querySelector('.words');
          const seen = new Set();
          const end = performance.now() + 1200;
          while (performance.now() < end) {
            await new Promise(requestAnimationFrame);
            seen.add(layer.style.transform);
          }
          return seen.size;
        }"""
    )
    assert moved <= 3, "where it was, and steps of a second"


async def test_what_is_said_is_text_and_never_markup(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await live(page)
    hostile = '<img src=x onerror="document.title=1"><b>bold</b>'
    call = next(iter(board.calls))
    await page.locator(f"#call-{call}").click()
    await expect(page.locator(f"#call-{call}")).to_have_attribute("aria-selected", "true")
    board.say(call, hostile)
    await page.locator(".script .text", has_text=hostile).wait_for()
    assert await page.locator(".script img, .words img, .events img").count() == 0


async def test_the_keyboard_is_enough(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await live(page)
    chosen = page.locator('.strip[aria-selected="true"]')
    first = await chosen.get_attribute("id")
    await page.locator(".strip").nth(1).click()
    await expect(chosen).not_to_have_attribute("id", first or "")
    await page.keyboard.press("k")
    await expect(chosen).to_have_attribute("id", first or "")
    await page.keyboard.press("?")
    await expect(page.locator("#help")).to_be_visible()
    await shoot(page, "help")
    await page.keyboard.press("Escape")
    await page.keyboard.press("t")
    assert await page.evaluate("document.documentElement.dataset.theme") == "light"
    await page.keyboard.press("/")
    await expect(page.locator("#search")).to_be_focused()
    await page.keyboard.press("Escape")
    await page.locator(".tape").first.focus()
    await page.keyboard.press("ArrowLeft")
    await expect(page.get_by_role("button", name="Back to now")).to_be_visible()
    await page.keyboard.press("End")
    await expect(page.get_by_role("button", name="Back to now")).to_be_hidden()


async def test_search_finds_what_was_said(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await live(page)
    call = list(board.calls)[-1]
    board.say(call, "The word is rhubarb.")
    await page.locator("#search").fill("rhubarb")
    await expect(page.locator(".strip")).to_have_count(1)
    await expect(page.locator(f"#call-{call}")).to_be_visible()
    await page.locator("#search").fill("no such thing")
    await expect(page.locator(".none")).to_have_text("Nothing found.")


async def test_events_are_filtered(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await live(page)
    board.tell("breaker", provider="deepl", state="open", reason="three errors in a row")
    reported = page.locator('#events li[data-type="breaker"]')
    await expect(reported).to_contain_text("three errors in a row")
    kinds = page.locator("#events").get_by_role("radiogroup", name="Kind of event")
    for kind, seen in (("Words", 0), ("Links", 1), ("Calls", 0), ("Trouble", 1)):
        await kinds.get_by_role("radio", name=kind).click()
        await expect(reported).to_have_count(seen)
    await page.locator("#events input").fill("deepl")
    await expect(reported).to_have_count(1)
    await page.locator("#events input").fill("nobody")
    await expect(reported).to_have_count(0)


async def test_an_event_says_what_happened(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await live(page)
    board.tell("control", what="louder", value="1.5")
    board.tell("settings", muted=False)
    board.tell("settings", record=True, keyterm=[])
    board.tell("source", before="10.0.0.1:40", now="10.0.0.2:40")
    board.tell("pressure", level="shed", before="calm", busy=0.8)
    board.tell("quota", provider="deepl", used=450_000, limit=500_000)
    board.tell("node_lost", node="paris", calls=["paris-1", "paris-2"])
    board.tell("recording", state="failed", name="3333-1", legs=["3333"], reason="no space")
    for shown in (
        "louder · 1.5",
        "not muted",
        "recorded",
        "10.0.0.1:40 → 10.0.0.2:40",
        "calm → shed",
        "deepl · 450,000 of 500,000 characters",
        "paris · paris-1, paris-2",
        "failed · 3333-1 · no space",
    ):
        await expect(page.locator("#events").get_by_text(shown, exact=True)).to_have_count(1)


async def test_what_happened_while_the_page_was_hidden_is_listed(
    board: TalkBoard, visit: Visit
) -> None:
    page = await visit(board.url)
    await live(page)

    async def turn(hidden: bool) -> None:
        """And wait until the server has heard of it."""
        await page.evaluate(
            """(value) => {
              Object.defineProperty(document, 'hidden', {value, configurable: true});
              document.dispatchEvent(new Event('visibilitychange'));
            }""",
            hidden,
        )
        async with asyncio.timeout(PATIENCE / 1000):
            while bool(board.watched and board.watched[-1]["calls"]) is hidden:  # noqa: ASYNC110 - the page says when
                await asyncio.sleep(0.05)

    await turn(hidden=False)
    await turn(hidden=True)
    board.past.append(
        {"v": 1, "type": "breaker", "at": time.time(), "call": None, "leg": None,
         "provider": "deepl", "state": "open", "reason": "nobody looked"}
    )  # fmt: skip
    # Other calls go on meanwhile: a server answers with the newest 200.
    board.past += [
        {"v": 1, "type": "final", "at": time.time(), "call": "9-9", "leg": "9", "text": f"word {n}"}
        for n in range(300)
    ]
    await turn(hidden=False)
    await expect(page.locator('#events li[data-type="breaker"]')).to_contain_text("nobody looked")


async def test_an_ear_that_is_behind_and_comes_back_is_shown(
    board: TalkBoard, visit: Visit
) -> None:
    page = await visit(board.url)
    await live(page)
    ear, mic = page.locator(".ear").first, page.locator(".mic").first
    await expect(ear.locator(".behind")).to_have_text("0.0 s behind")
    await expect(mic.locator(".fact", has_text="echo")).to_have_count(0)
    echo = {"guard": True, "lag_ms": 180.0, "gain_db": -6.0, "frames": 200, "finals": 2}
    board.leg_trouble = {
        "behind_s": 6.4, "tempo": 1.5, "skipped": 3, "original": "duck", "echo": echo,
    }  # fmt: skip
    await expect(ear.locator(".behind")).to_have_text("6.4 s behind ×1.50")
    await expect(ear).to_contain_text("3 left out")
    await expect(ear.locator(".behind")).to_have_attribute("data-far", "")
    await expect(ear.get_by_role("combobox")).to_have_value("duck")
    fact = mic.locator(".fact", has_text="echo")
    await expect(fact).to_have_text("180 ms echo")
    assert "2 finals were not taken for speech" in (await fact.get_attribute("title") or "")
    assert await faults(page) == []


async def test_what_is_recorded_is_marked(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await live(page)
    row = board.row(next(iter(board.calls)))
    name, leg = row["call"], row["legs"][1]
    await page.locator(f"#call-{name}").click()
    marks = page.locator(".recording:visible, .badge.recorded:visible")
    await expect(page.locator("#call-title")).to_be_visible()
    await expect(marks).to_have_count(0)
    board.recorded.add(leg)
    strip = page.locator(f"#call-{name} .recording")
    await expect(strip).to_be_visible()
    await expect(strip).to_have_attribute(
        "title", "What is said and heard in this call is being recorded"
    )
    head = page.locator(".call-head .recorded")
    await expect(head).to_have_text(f"● rec {leg}")
    mic = page.locator(".mic", has_text=leg).locator(".recorded")
    await expect(mic).to_have_attribute(
        "title", f"What is said and heard on {leg} is being recorded"
    )
    await expect(marks).to_have_count(3)
    await shoot(page, "recorded")
    board.recorded.clear()
    await expect(marks).to_have_count(0)


async def test_a_refusal_is_shown_and_nothing_pretended(board: TalkBoard, visit: Visit) -> None:
    board.refuse = "the leg is out of service"
    page = await visit(board.url)
    await live(page)
    manners = manners_of(page)
    manners.while_down = True
    mute = page.locator(".mic").first.get_by_role("button", name="Mute")
    await mute.click()
    await expect(page.locator("#notes")).to_contain_text("the leg is out of service")
    await expect(mute).to_have_attribute("aria-pressed", "false")
    await expect(mute).to_have_attribute("data-refused", "the leg is out of service")
    manners.reported = [each for each in manners.reported if "400" not in each]


async def test_a_press_for_one_call_ends_no_other(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await live(page)
    # What a busy machine must not take for the mend: that the first press is forgotten after 3 s.
    await page.evaluate(
        """() => {
          const { setTimeout } = window;
          window.setTimeout = (what, ms) => setTimeout(what, ms === 3000 ? 600_000 : ms);
        }"""
    )
    end = page.locator(".call-head .danger")
    await end.click()
    await expect(end).to_have_text("Press again to end")
    await page.locator(".strip").nth(1).click()
    await expect(end).to_have_text("End call")


async def test_a_choice_that_keeps_the_focus_shows_what_is_so(
    board: TalkBoard, visit: Visit
) -> None:
    """A party may choose by a key of their telephone what an operator has just chosen for them."""
    board.refuse = "not now"
    page = await visit(board.url)
    await live(page)
    manners = manners_of(page)
    manners.while_down = True
    hears = page.locator(".ear").first.get_by_role("combobox")
    await hears.focus()
    await hears.select_option("consecutive")
    await expect(page.locator("#notes")).to_contain_text("not now")
    await expect(hears).to_have_value("replace")
    board.leg_trouble = {"original": "duck"}
    await expect(hears).to_have_value("duck")
    await expect(hears).to_be_focused()
    # While somebody chooses, nothing is taken out of their hands.
    await hears.dispatch_event("pointerdown")
    board.leg_trouble = {"original": "captions", "behind_s": 1.5}
    await expect(page.locator(".ear .behind").first).to_have_text("1.5 s behind")
    await expect(hears).to_have_value("duck")
    manners.reported = [each for each in manners.reported if "400" not in each]


async def test_half_an_answer_is_none(board: TalkBoard, visit: Visit) -> None:
    """It was taken for an empty one on a machine so busy that it came in more than ten seconds: a
    call without a name, in a strip without words."""
    page = await visit(board.url)
    await live(page)
    cut = asyncio.Event()

    async def cut_off(route: Route) -> None:
        await route.fulfill(status=200, content_type="application/json", body='{"call": "30')
        cut.set()

    await page.route("**/api/calls/*", cut_off)
    await page.locator(".strip").nth(1).click()
    await asyncio.wait_for(cut.wait(), 30)
    await asyncio.sleep(0.5)
    assert all(await page.locator(".strip strong").all_inner_texts())


async def test_a_token_that_may_only_read_cannot_press_anything(visit: Visit) -> None:
    board = TalkBoard(3)
    await board.start(read_token="reading")
    try:
        page = await visit(board.url)
        await page.locator("#token").fill("reading")
        await page.get_by_role("button", name="Sign in").click()
        await live(page)
        controls = ".lane-head button, .lane-head select, #mode button"
        for control in await page.locator(controls).all():
            assert await control.is_disabled() or not await control.is_visible()
        await expect(page.get_by_role("button", name="End call")).to_be_disabled()
        manners = manners_of(page)
        manners.while_down = True
        manners.reported = [each for each in manners.reported if "401" not in each]
    finally:
        await board.close()


async def test_the_page_comes_back_with_the_server(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await live(page)
    await asyncio.sleep(
        1.0
    )  # until it has asked for everything it wants of a call that will be gone
    manners_of(page).while_down = True
    port = int(board.url.rpartition(":")[2])
    await board.close()
    await expect(page.locator("#banner")).to_contain_text("No connection")
    again = TalkBoard(2, seed=2)
    await again.start(port)
    try:
        await live(page)
        await expect(page.locator("#banner")).to_be_hidden()
        await page.locator('.script ol > li[data-state="spoken"]').first.wait_for()
    finally:
        await again.close()


async def test_nothing_sticks_out(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await live(page)
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 800})
        for pane in PANES if width < 900 else ("call",):
            if width < 900:
                await page.locator(f'.tabs [data-to="{pane}"]').click()
            sticking = await page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert sticking <= 0, f"{pane} at {width} px"


async def test_it_is_accessible(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await live(page)
    await page.locator('.script ol > li[data-state="spoken"]').first.wait_for()
    for scheme, width, pane in LOOKS:
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size({"width": width, "height": 900})
        if width < 900:
            await page.locator(f'.tabs [data-to="{pane}"]').click()
        await asyncio.sleep(0.2)  # colours fade over
        assert await faults(page) == [], f"{scheme} at {width} px"
        await shoot(page, f"board-{scheme}-{width}-{pane}")


async def test_a_house_without_calls_is_accessible_too(visit: Visit) -> None:
    board = TalkBoard(0)
    await board.start()
    page = await visit(board.url)
    await expect(page.locator("#link")).to_have_attribute("data-state", "open")
    await expect(page.locator("#call")).to_contain_text("No call")
    await page.keyboard.press("?")
    assert await faults(page) == []
    manners_of(page).while_down = True
    await board.close()
