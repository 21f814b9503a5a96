"""Nothing is cut, nothing is printed over anything else, everything that scrolls can be scrolled from the
keyboard, and every figure says what it means; in every layout."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from tests.dashboard.board import TalkBoard
from tests.dashboard.conftest import Visit, live, shoot

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

PATIENCE = 60_000
LAYOUTS = (360, 390, 768, 900, 1024, 1100, 1280, 1366, 1440, 1680, 1920, 2560)
PHONE = 900
"""Narrower than this there are tabs."""
PANES = ("calls", "call", "events", "system")
CUT = """() => {
  const found = [];
  const areas = '.top, .call-head, .lane-head, .filters, .board-head, .panel > header, .tabs, .banner, .mic, .ear';
  for (const element of document.querySelectorAll(areas)) {
    if (!element.checkVisibility() || !element.getClientRects().length) continue;
    const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const node = walk.currentNode, parent = node.parentElement;
      if (!node.data.trim() || !parent.checkVisibility() || parent.closest('option')) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const text = range.getBoundingClientRect();
      if (!text.width) continue;
      for (let box = parent; box && box !== document.body; box = box.parentElement) {
        const style = getComputedStyle(box), edge = box.getBoundingClientRect();
        const clips = style.overflowX !== 'visible' || box === element;
        if (style.textOverflow === 'ellipsis' && box.title) break;
        if (style.display === 'contents' || !clips) continue;
        if (text.right > edge.right + 1 || text.left < edge.left - 1) found.push(`${node.data} in ${box.className}`);
      }
      if (text.right > innerWidth + 1) found.push(`${node.data} beyond the window`);
    }
  }
  for (const field of document.querySelectorAll('select')) {
    if (!field.checkVisibility() || !field.selectedOptions.length) continue;
    const probe = document.body.appendChild(document.createElement('span'));
    probe.textContent = field.selectedOptions[0].textContent;
    const style = getComputedStyle(field);
    probe.style.font = style.font; probe.style.position = 'absolute'; probe.style.visibility = 'hidden';
    const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    if (probe.getBoundingClientRect().width > room + 1) found.push(`${probe.textContent} in a select`);
    probe.remove();
  }
  return [...new Set(found)];
}"""
"""Texts that are not there to their end."""
OVER = """() => {
  const found = [];
  for (const layer of document.querySelectorAll('.words')) for (const kind of ['said', 'heard']) {
    const boxes = [...layer.querySelectorAll(`.${kind}`)].filter((it) => it.checkVisibility())
      .map((it) => [it.textContent, it.getBoundingClientRect()]).filter(([, box]) => box.width)
      .sort(([, one], [, two]) => one.left - two.left);
    for (let i = 1; i < boxes.length; i += 1) {
      if (boxes[i][1].left < boxes[i - 1][1].right - 1) found.push(`${boxes[i - 1][0]} | ${boxes[i][0]}`);
    }
  }
  return found;
}"""
"""Words on a timeline that are printed over the next ones."""
SCROLLS = """() => [...document.querySelectorAll('body *')].filter((it) => {
  const {overflowX, overflowY} = getComputedStyle(it);
  const can = 'button, input, select, a[href], [tabindex]:not([tabindex="-1"])';
  return it.checkVisibility() && [overflowX, overflowY].some((way) => way === 'auto' || way === 'scroll')
    && !it.matches(can) && ![...it.querySelectorAll(can)].some((each) => each.checkVisibility());
}).map((it) => it.id || it.className)"""
"""What scrolls, or would if there were more of it, and cannot be reached from the keyboard."""
MUTE_FIGURES = """() => [...document.querySelectorAll('dd, .figure:not(output), .fact, .badge')]
  .filter((it) => it.checkVisibility() && it.textContent.trim())
  .filter((it) => !it.closest('dialog, .strip') && !it.closest('[title]'))
  .map((it) => `${it.className} ${it.textContent}`)"""


async def panes(page: Page, width: int, height: int = 900) -> AsyncIterator[str]:
    """Every pane of a layout in turn."""
    await page.set_viewport_size({"width": width, "height": height})
    for pane in PANES if width < PHONE else ("call",):
        if width < PHONE:
            await page.locator(f'.tabs [data-to="{pane}"]').click()
        yield pane


async def ready(page: Page) -> None:
    """A call with words, figures and delays is on the screen."""
    await live(page)
    await page.locator('.script ol > li[data-state="spoken"]').first.wait_for(timeout=PATIENCE)
    await page.locator(".fact").first.wait_for()
    await page.locator(".stages tbody tr").first.wait_for(state="attached")


async def test_no_text_is_cut_in_any_layout(board: TalkBoard, visit: Visit) -> None:
    board.leg_trouble = {"mode": "prerecorded", "setting": "prerecorded"}
    page = await visit(board.url)
    await ready(page)
    await expect(page.locator(".mic .badge").first).to_have_text("prerecorded")
    for width in LAYOUTS:
        async for pane in panes(page, width):
            assert await page.evaluate(CUT) == [], f"{pane} at {width} px"
    await page.set_viewport_size({"width": 1440, "height": 900})
    await shoot(page, "call-1440")


async def test_no_text_is_cut_in_an_outage(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await ready(page)
    board.outage()
    await expect(page.locator("#banner")).to_be_visible(timeout=PATIENCE)
    for width in LAYOUTS:
        async for pane in panes(page, width):
            assert await page.evaluate(CUT) == [], f"{pane} at {width} px"
            sticking = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await page.evaluate(sticking) <= 0, f"{pane} at {width} px"


async def test_a_text_that_is_cut_would_be_noticed(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await ready(page)
    # In one go: the page writes anew what it is reported.
    spoil = "document.querySelector('.mic .badge').textContent = 'x'.repeat(80)"
    assert await page.evaluate(f"() => {{ {spoil}; return ({CUT})(); }}")
    double = """for (const left of [10, 30]) {
      const word = document.querySelector('.words').appendChild(document.createElement('p'));
      word.className = 'said';
      word.textContent = 'over each other';
      word.style.left = `${left}px`;
    }"""
    assert await page.evaluate(f"() => {{ {double}; return ({OVER})(); }}")


async def test_words_close_together_are_not_printed_over_each_other(
    board: TalkBoard, visit: Visit
) -> None:
    board.mute = True
    call = next(iter(board.calls))
    leg = board.calls[call]["legs"][0]
    page = await visit(board.url)
    await live(page)
    await page.locator(f"#call-{call}").click()
    for width in (PHONE // 2, 1440):
        # Of now, and loaded wide, for each look: the picture shows 20 s, or 10 s where it was loaded narrow.
        board.lines[call].clear()
        for number in range(8):
            text = f"Short sentence number {number}."
            board.line(call, leg, 100 + number, 8 - 0.9 * number, text, f"Phrase courte {number}.")
        await page.set_viewport_size({"width": 1440, "height": 900})
        await page.reload()
        await page.locator(".script li").nth(7).wait_for(timeout=PATIENCE)
        await page.set_viewport_size({"width": width, "height": 900})
        until = time.monotonic() + 3
        looked = 0
        while time.monotonic() < until or (not looked and time.monotonic() < until + 12):
            assert await page.evaluate(OVER) == [], f"at {width} px"
            looked += await page.locator(".words p:visible").count()
            await asyncio.sleep(0.05)  # there are five pictures a second
        assert looked, "there were words to look at"
        await shoot(page, f"close-{width}")


async def test_what_scrolls_takes_the_focus_in_every_layout(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await ready(page)
    for width in LAYOUTS:
        # So low that every panel has more than it can show.
        for height in (420, 900):
            async for pane in panes(page, width, height):
                assert await page.evaluate(SCROLLS) == [], f"{pane} at {width} × {height} px"


async def test_every_figure_says_what_it_means(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await ready(page)
    for width in (390, 1440):
        async for pane in panes(page, width):
            assert await page.evaluate(MUTE_FIGURES) == [], f"{pane} at {width} px"


LATE_WORDS = """[...document.querySelectorAll(".words p:not([hidden])")].filter(it =>
    parseFloat(it.style.left) > it.parentElement.clientWidth && it.textContent.length > 8)"""


async def test_on_a_phone_the_captions_come_before_the_controls(
    board: TalkBoard, visit: Visit
) -> None:
    page = await visit(board.url, width=390, height=844)
    await ready(page)
    places = [
        await page.locator(which).first.evaluate("it => it.getBoundingClientRect().top + scrollY")
        for which in (".call-head", ".script", ".mic", ".stages")
    ]
    assert places == sorted(places)
    captions = await page.locator(".script .scroll").bounding_box()
    assert captions is not None
    assert captions["y"] + 80 < 844, "they are seen without scrolling"
    # Words that come when the picture has moved by more than its width are as wide as others.
    await page.wait_for_function(f"() => {LATE_WORDS}.length", timeout=30_000)
    assert await page.evaluate(f"{LATE_WORDS}.filter(it => it.clientWidth < 40).length") == 0
    await shoot(page, "phone", whole=True)
