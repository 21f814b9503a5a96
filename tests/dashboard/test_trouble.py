"""Trouble on the page: what is down, since when, what it means for the callers, what to do; and what is
there when no call is."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Literal

import pytest
from playwright.async_api import Page, expect

from tests.dashboard.board import TalkBoard
from tests.dashboard.conftest import Visit, faults, live, manners_of, shoot

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

PATIENCE = 60_000
PHONE = 390


@contextlib.asynccontextmanager
async def idle_board(visit: Visit) -> AsyncIterator[tuple[TalkBoard, Page, str]]:
    """A board whose only call has ended, a page that shows that one, and its name."""
    board = TalkBoard(1)
    (first,) = board.calls
    board.end(first)
    await board.start()
    try:
        page = await visit(board.url)
        await expect(page.locator(".last-call")).to_be_visible()
        yield board, page, first
        manners_of(page).while_down = True
    finally:
        await board.close()


async def top(page: Page, which: str) -> float:
    """Where it begins, px from the top."""
    box = await page.locator(which).first.bounding_box()
    assert box is not None
    return box["y"]


async def test_a_total_outage_does_not_look_healthy(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await live(page)
    banner = page.locator("#banner")
    await expect(banner).to_be_hidden()
    await page.locator('.script ol > li[data-state="spoken"]').first.wait_for(timeout=PATIENCE)
    board.outage()
    await expect(banner).to_be_visible(timeout=PATIENCE)
    await expect(banner.locator(".trouble-head strong")).to_have_text(
        ["Recognition and speech are down", "Translation is down"]
    )
    await expect(banner.locator(".since").first).to_have_text(re.compile(r"since \d\d:\d\d:\d\d"))
    await expect(banner).to_contain_text("Deepgram refused the key (401).")
    await expect(banner).to_contain_text("Callers hear no translation.")
    await expect(banner).to_contain_text("Set DEEPGRAM_API_KEY to a valid key")
    await expect(banner).to_contain_text("Set DEEPL_API_KEY to a valid key")
    # The reason is there to its end, and what waits stands beside what is lost.
    await expect(banner).to_contain_text("(Check that the key belongs to this project.)")
    await expect(banner.locator(".banner-figures dd")).to_have_text(["83 s", "0 ms"])
    figures = page.locator(".call-figures")
    await expect(figures.locator("[data-figure=waiting] dd")).to_have_text("28 s")
    await expect(figures.locator("[data-figure=waiting] dd")).to_have_attribute("data-warn", "")
    await expect(page.locator("#link")).to_have_attribute("data-health", "bad")
    assert await top(page, "#banner") <= await top(page, ".top"), "over everything"
    await expect(page).to_have_title("Recognition and speech are down – translink")
    schemes: tuple[Literal["dark", "light"], ...] = ("dark", "light")
    for scheme in schemes:
        await page.emulate_media(color_scheme=scheme)
        await asyncio.sleep(0.2)  # colours fade over
        await shoot(page, f"outage-{scheme}")
        assert await faults(page) == [], scheme
    await page.set_viewport_size({"width": PHONE, "height": 844})
    await shoot(page, "outage-phone", whole=True)
    assert await faults(page) == [], "on a phone"
    board.recover()
    await expect(banner).to_be_hidden(timeout=PATIENCE)
    await expect(page.locator("#link")).not_to_have_attribute("data-health", "bad")
    await expect(page).to_have_title("translink")


async def test_a_provider_that_has_a_stand_in_is_a_warning(board: TalkBoard, visit: Visit) -> None:
    board.providers = {
        "deepgram.listen": {
            "state": "half-open", "kind": "transient", "status": None, "since": 1.0,
            "reason": "deepgram.listen: the handshake failed: timed out",
        }
    }  # fmt: skip
    page = await visit(board.url)
    await live(page)
    await expect(page.locator("#banner")).to_have_attribute("data-level", "warn")
    await expect(page.locator("#banner")).to_contain_text("Deepgram streaming is down")
    await expect(page.locator("#banner")).to_contain_text("Calls are recognised in pieces")
    await shoot(page, "degraded")


async def test_what_the_machine_suffers_from_is_shown_too(board: TalkBoard, visit: Visit) -> None:
    board.trouble = {"pressure": "refuse", "media": "dead"}
    page = await visit(board.url)
    await live(page)
    titles = page.locator("#banner .trouble-head strong")
    await expect(titles).to_have_text(
        ["No sound comes in or goes out", "The machine is overloaded"]
    )


async def test_each_node_of_a_fleet_stands_with_its_calls_and_its_state(
    board: TalkBoard, visit: Visit
) -> None:
    page = await visit(board.url)
    await live(page)
    fleet = page.locator("#system .fleet")
    await expect(fleet).to_be_hidden()
    figures = {"cpu_percent": 31.2, "pressure": "calm", "draining": False}
    board.trouble = {
        "nodes": {
            "paris": {**figures, "calls": 12, "draining": True},
            "lyon": {**figures, "calls": 40},
            "nice": {**figures, "calls": 3, "pressure": "refuse"},
        }
    }
    rows = fleet.locator("tbody tr")
    await expect(rows).to_have_text(
        [
            re.compile(r"^lyon\s*40\s*31 %\s*calm$"),
            re.compile(r"^nice\s*3\s*31 %\s*refuse$"),
            re.compile(r"^paris\s*12\s*31 %\s*draining$"),
        ],
        timeout=PATIENCE,
    )
    await page.set_viewport_size({"width": 1440, "height": 1200})
    await shoot(page, "nodes")
    assert await faults(page) == []
    board.trouble = {"nodes": {"lyon": {**figures, "calls": 40}}}
    await expect(rows).to_have_count(1, timeout=PATIENCE)
    board.trouble = {}
    await expect(fleet).to_be_hidden(timeout=PATIENCE)


async def test_a_drain_says_who_still_talks_and_how_long_it_may_take(
    board: TalkBoard, visit: Visit
) -> None:
    page = await visit(board.url)
    await live(page)
    calls = [{"talking": ["101"]}, {"talking": []}]
    board.trouble = {"drain": {"draining": True, "left_s": 125.0, "calls": calls}}
    banner = page.locator("#banner")
    await expect(banner).to_contain_text("The server is draining", timeout=PATIENCE)
    await expect(banner).to_contain_text("2 calls run; talking: 101.")
    await expect(banner).to_contain_text("No new call begins.")
    await expect(banner).to_contain_text("at the latest")
    await expect(page.locator("#banner")).to_have_attribute("data-level", "warn")
    assert await faults(page) == []


async def test_a_silent_call_says_when_it_will_end(board: TalkBoard, visit: Visit) -> None:
    page = await visit(board.url)
    await live(page)
    for row in board.calls.values():
        row["ends_in_s"] = 8.0
    await expect(page.locator(".call-name .badge").first).to_have_text(
        re.compile(r"silent, ends in \d s"), timeout=PATIENCE
    )
    await expect(page.locator(".strip .facts").first).to_contain_text("silent, ends in")


async def test_without_a_call_the_page_says_where_to_send_sound(visit: Visit) -> None:
    board = TalkBoard(0)
    await board.start()
    try:
        page = await visit(board.url)
        empty = page.locator(".empty")
        await expect(empty).to_contain_text("127.0.0.1:6120")
        await expect(empty).to_contain_text("127.0.0.1:6123")
        # With --ear: somebody who calls alone would hear nothing.
        command = "translink call --leg 3333 --play hello.wav --ear 127.0.0.1:6123"
        await expect(empty).to_contain_text(command)
        await shoot(page, "empty")
        assert await faults(page) == []
        await page.set_viewport_size({"width": PHONE, "height": 844})
        await shoot(page, "empty-phone")
        manners_of(page).while_down = True
    finally:
        await board.close()


async def test_without_a_call_the_last_one_is_shown_until_one_runs(visit: Visit) -> None:
    async with idle_board(visit) as (board, page, first):
        await expect(page.locator(".last-call")).to_contain_text("This is the last one")
        await expect(page.locator(".call-name .badge").first).to_contain_text("ended")
        await shoot(page, "last-call")
        board.begin(2)
        await expect(page.locator(".last-call")).to_be_hidden(timeout=PATIENCE)
        await expect(page.locator(".between")).not_to_contain_text(first)


async def test_a_call_that_begins_is_shown_whatever_the_board_lists(visit: Visit) -> None:
    async with idle_board(visit) as (board, page, first):
        await page.get_by_role("radio", name="Ended").click()
        await expect(page.locator(f"#call-{first}")).to_be_visible()
        board.begin(2)
        (second,) = set(board.calls) - {first}
        await expect(page.locator(".between")).to_contain_text(second, timeout=PATIENCE)
        await expect(page.locator(".last-call")).to_be_hidden()


async def test_a_last_call_that_was_chosen_stays(visit: Visit) -> None:
    async with idle_board(visit) as (board, page, first):
        await page.get_by_role("radio", name="Ended").click()
        await page.locator(f"#call-{first}").click()
        board.begin(2)
        await expect(page.locator("#vitals [data-figure=calls] dd")).to_have_text(
            "1", timeout=PATIENCE
        )
        await expect(page.locator(".between")).to_contain_text(first)


async def test_what_happened_before_the_page_was_opened_is_shown(
    board: TalkBoard, visit: Visit
) -> None:
    call = next(iter(board.calls))
    board.past += [
        {"v": 1, "type": "breaker", "at": 1_000.0, "call": None, "leg": None, "provider": "deepl",
         "state": "open", "reason": "long ago"},
        {"v": 1, "type": "loss", "at": 1_001.0, "call": call, "leg": board.calls[call]["legs"][0],
         "ms": 640.0, "start": 0, "end": 10_240},
    ]  # fmt: skip
    page = await visit(board.url)
    await live(page)
    await expect(page.locator('#events li[data-type="breaker"]')).to_contain_text("long ago")
    await page.locator(f"#call-{call}").click()
    await expect(page.locator('#events li[data-type="loss"]')).to_contain_text("0.64 s")


async def test_how_far_an_ear_is_behind_is_a_band_where_the_server_says_so(
    board: TalkBoard, visit: Visit
) -> None:
    page = await visit(board.url)
    await live(page)
    band = page.locator(".behind").first
    await expect(band).to_have_text("0.0 s behind", timeout=PATIENCE)
    board.leg_trouble = {"behind_s": 4.0}
    await expect(band).to_have_text("4.0 s behind", timeout=PATIENCE)
    await expect(band.locator("i")).to_have_css("transform", "matrix(0.5, 0, 0, 1, 0, 0)")
