"""`serve --take-over` where several workers serve, before or after: real processes and sockets, fake providers."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.fakes.providers import FakeProviders
from tests.support.page_talker import PageTalker
from tests.support.serve import PATIENCE, Phone, Serve, call, pairs, serving, until
from translink.callers.ports import claim_block, free_port
from translink.callers.server_process import SERVE_COMMAND

pytestmark = [
    pytest.mark.alone,  # four calls of real-time sound, and every word counts
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(240),
]
BUSY = (("11", "12"), ("21", "22"))
"""Pairs of legs in a call that goes on meanwhile."""
SPARE = ("31", "32")
ONE = SERVE_COMMAND
TWO_WORKERS = (*SERVE_COMMAND, "--workers", "2")
MADE: dict[str, object] = {
    "legs": [{"language": "en", "source": "127.0.0.1"}, {"language": "fr", "source": "127.0.0.1"}]
}


@pytest.mark.parametrize(
    ("first", "second"),
    [(TWO_WORKERS, TWO_WORKERS), (ONE, TWO_WORKERS), (TWO_WORKERS, ONE)],
    ids=["workers-to-workers", "one-to-workers", "workers-to-one"],
)
async def test_calls_go_on_while_another_translink_takes_over_and_no_word_is_lost(
    fake: FakeProviders, tmp_path: Path, first: Sequence[str], second: Sequence[str]
) -> None:
    folders = [tmp_path / "old", tmp_path / "new"]
    for folder in folders:
        folder.mkdir()
    legs, ports = pairs(*BUSY, SPARE), claim_block()
    settings = (
        f'audiosocket.listen = "127.0.0.1:{free_port(socket.SOCK_STREAM)}"\nidle_timeout = 5.0\n'
        f'[calls]\nports = "{ports[0]}-{ports[39]}"\n'
    )
    async with (
        serving(folders[0], fake, legs, extra=settings, command=first) as old,
        AsyncExitStack() as stack,
    ):
        people = [
            [await stack.enter_async_context(Phone(old.legs[name])) for name in pair]
            for pair in BUSY
        ]
        created = await old.made("/api/calls", MADE)
        people.append([await stack.enter_async_context(Phone.at(leg)) for leg in created["legs"]])
        links = [old.url + link for link in (await old.made("/api/talks", {}))["links"]]
        pages = PageTalker(), PageTalker()
        lines = [
            await stack.enter_async_context(page.at(link, language))
            for page, link, language in zip(pages, links, ("en", "fr"), strict=True)
        ]
        words = list(range(1, 25))

        async def page_is_heard() -> bool:
            """Its client is our own loop, which stands still at times: a word may break there, and is said again."""
            before = len(pages[1].heard)
            await pages[0].say(lines[0], 51, 52)
            return len(pages[1].heard) > before

        await until_true(page_is_heard)
        talks = [asyncio.create_task(one.say(*words)) for one, _ in people]
        await until_true(lambda: runs(old, calls=4))
        new = Serve(
            folders[1],
            fake,
            legs,
            flag="true",
            extra=settings,
            command=second,
            successor_of=old.admin,
        )
        async with new:
            await until(lambda: new.lines("ready ["), new.tail)
            await until_true(lambda: answers(new))
            await until_true(lambda: is_ready(new))
            await new.says("AudioSocket")
            # A leg that had no call is the new one's, and so are calls that are made now.
            async with call(new, *SPARE) as (one, two):
                await one.say(7, 8, 9)
                await two.hears(7, 8, 9)
            later = await new.made("/api/calls", MADE)
            async with Phone.at(later["legs"][0]) as one, Phone.at(later["legs"][1]) as two:
                await one.say(7, 8)
                await two.hears(7, 8)
            await asyncio.gather(*talks)
            for one, two in people:
                await two.hears(*words)
                assert one.words == []
            await until_true(page_is_heard)
            for phone in (phone for pair in people for phone in pair):
                await phone.caller.close()
            for line in lines:
                await line.close()
            assert await old.exit_code(PATIENCE) == 0
            await until(lambda: taken(new) == {name for pair in BUSY for name in pair}, new.tail)
            async with call(new, *BUSY[1]) as (one, two):
                await one.say(1, 2, 3)
                await two.hears(1, 2, 3)
            await new.says("the process before us has ended")
            assert not new.lines("Traceback")
        assert not old.lines("Traceback")
        ended = old.happened("call", state="ended")
        lost = sum(each[key] for each in ended for key in each if key.endswith(".lost_ms"))
        assert (len(ended), lost) == (4, 0)


async def test_with_nobody_to_take_over_from_the_workers_just_serve(
    fake: FakeProviders, tmp_path: Path
) -> None:
    command = (*TWO_WORKERS, "--take-over")
    async with serving(tmp_path, fake, pairs(SPARE), command=command) as server:
        assert server.lines("nobody to take over from")
        async with call(server, *SPARE) as (one, two):
            await one.say(1)
            await two.hears(1)


async def until_true(condition: Callable[[], Awaitable[bool]]) -> None:
    end = time.monotonic() + PATIENCE
    while not await condition():
        assert time.monotonic() < end, f"not within {PATIENCE:g} s"
        await asyncio.sleep(0.05)


async def runs(server: Serve, calls: int) -> bool:
    return len((await server.get("/api/calls?state=running"))["calls"]) == calls


async def answers(server: Serve) -> bool:
    """Itself, at the address that was its predecessor's."""
    return bool((await server.get("/api/drain"))["pid"] == server.pid)


async def is_ready(server: Serve) -> bool:
    """A worker that starts on a busy machine may say for a moment that it is overloaded."""
    return (await server.ask("/ready"))[0] == 200


def taken(server: Serve) -> set[str]:
    """Legs whose ports came later."""
    found = (re.findall(r"legs=\[(.*?)\]", line) for line in server.lines("ports taken over"))
    return {leg.strip("' ") for lists in found for legs in lists for leg in legs.split(",")}
