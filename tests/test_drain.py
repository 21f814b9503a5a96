"""`translink drain` and `serve --take-over`: real processes and sockets, fake providers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.fakes.providers import FakeProviders
from tests.support.serve import PATIENCE, Phone, Serve, call, pairs, serving, until
from translink.callers.ports import free_port
from translink.callers.server_process import LegPlan

pytestmark = [pytest.mark.asyncio(loop_scope="module")]
CALLS = 20
"""That run while another process takes over."""


async def drain(server: Serve, *arguments: str) -> asyncio.subprocess.Process:
    """`translink drain`, as an operator runs it."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "translink", "drain", "--url", server.url, *arguments),
        cwd=server.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def said(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode, out.decode()


async def test_a_drained_server_lets_its_calls_end_and_refuses_others(
    fake: FakeProviders, tmp_path: Path
) -> None:
    async with serving(tmp_path, fake, pairs(("3333", "4444"), ("5001", "5002"))) as server:
        async with call(server, "3333", "4444") as (one, two):
            await one.say(1, 2)
            await two.hears(1, 2)
            asked = await drain(server)
            await until(lambda: server.happened("drain", state="begun"))
            status, text = await server.ask("/ready")
            ready = json.loads(text)
            assert (status, ready["draining"]) == (503, True)
            assert ready["drain"].startswith("draining: 1 call runs")
            assert await server.post("/api/calls", {"legs": [{"language": "en"}] * 2}) == 503
            assert await server.post("/api/talks", {}) == 503
            async with Phone(server.legs["5001"]) as late:
                await late.say(99)
                await until(lambda: server.happened("call", state="refused"))
            (refused,) = server.happened("call", state="refused")
            assert "draining" in refused["reason"]
            # Five seconds: the command asks each second.
            talk = asyncio.create_task(one.say(*range(3, 27)))
            await until_talking(server, "3333")
            state = await server.get("/api/drain")
            assert state["draining"]
            assert state["pid"] == server.pid
            await talk
            await two.hears(*range(1, 27))
        code, out = await said(asked)
        assert await server.exit_code(PATIENCE) == 0
        assert (code, out.splitlines()[-1]) == (0, "ended: drained"), out
        assert "draining: 1 call running; talking: 3333" in out
        assert server.lines("drained")
    nobody, out = await said(await drain(server))
    assert nobody == 3, out


async def until_talking(server: Serve, leg: str) -> None:
    """Until the server says so of that leg."""
    end = time.monotonic() + PATIENCE
    while not any(leg in row["talking"] for row in (await server.get("/api/drain"))["calls"]):
        assert time.monotonic() < end, server.tail()
        await asyncio.sleep(0.05)


async def test_at_the_limit_the_exit_code_says_that_a_call_was_cut(
    fake: FakeProviders, tmp_path: Path
) -> None:
    async with serving(tmp_path, fake, pairs(("3333", "4444"))) as server:
        async with call(server, "3333", "4444") as (one, two):
            await one.say(1, 2)
            await two.hears(1, 2)
            code, out = await said(await drain(server, "--limit", "0.5", "--json"))
            outcome: dict[str, Any] = json.loads(out)
            assert (code, outcome["cut"], outcome["ended"]) == (5, True, True)
        assert await server.exit_code(PATIENCE) == 0
        assert server.lines("the drain's limit")


async def test_sigusr1_drains_too_and_systemd_is_informed(
    fake: FakeProviders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "600000")
        # Read as they come: the socket keeps about ten, and more are dropped.
        messages: list[str] = []
        loop = asyncio.get_running_loop()
        loop.add_reader(systemd.fileno(), lambda: messages.extend(_messages(systemd)))
        try:
            async with serving(tmp_path, fake, pairs(("3333", "4444"))) as server:
                async with call(server, "3333", "4444") as (one, two):
                    await one.say(1)
                    server.signal(signal.SIGUSR1)
                    await until(lambda: server.lines("draining: no new calls"))
                    await one.say(2, 3)
                    await two.hears(1, 2, 3)
                    await until(lambda: len(_progress(messages)) >= 2)
                assert await server.exit_code(PATIENCE) == 0
            await until(lambda: any("STOPPING=1" in text for text in messages))
        finally:
            loop.remove_reader(systemd.fileno())
    assert messages[0].startswith("READY=1\nSTATUS=serves; dashboard at http://127.0.0.1:"), (
        messages
    )
    assert "WATCHDOG=1" in messages
    assert all("EXTEND_TIMEOUT_USEC=25000000" in text for text in _progress(messages))
    states = [text for text in messages if "WATCHDOG" not in text]
    assert states[-1] == "STOPPING=1\nSTATUS=stopping"


def _progress(messages: list[str]) -> list[str]:
    return [text for text in messages if "STATUS=draining: 1 call runs" in text]


def _messages(systemd: socket.socket) -> list[str]:
    messages = []
    with contextlib.suppress(BlockingIOError):
        while True:
            messages.append(systemd.recv(1_000).decode())
    return messages


@pytest_asyncio.fixture(loop_scope="module")
async def legs() -> AsyncIterator[list[LegPlan]]:
    names = [(f"{number}1", f"{number}2") for number in range(1, CALLS + 3)]
    yield pairs(*names)


@pytest.mark.alone  # 20 calls of real-time sound, and every word counts
@pytest.mark.timeout(240)
async def test_twenty_calls_and_a_restart_in_their_middle_and_no_word_is_lost(
    fake: FakeProviders, tmp_path: Path, legs: list[LegPlan]
) -> None:
    """The last two pairs of legs have no call at first: they are the new process's at once."""
    folders = [tmp_path / "old", tmp_path / "new"]
    for folder in folders:
        folder.mkdir()
    busy = [(legs[at].name, legs[at + 1].name) for at in range(0, 2 * CALLS, 2)]
    listens = (
        f'audiosocket.listen = "127.0.0.1:{free_port(socket.SOCK_STREAM)}"\nidle_timeout = 0.6'
    )
    async with serving(folders[0], fake, legs, extra=listens) as old:
        phones = [(Phone(old.legs[one]), Phone(old.legs[two])) for one, two in busy]
        async with Phones(phones):
            talks = [asyncio.create_task(_talk(one, at)) for at, (one, _) in enumerate(phones)]
            await until(lambda: len(old.happened("call", state="begun")) == CALLS)
            new = Serve(
                folders[1],
                fake,
                legs,
                flag="true",
                extra=listens,
                successor_of=old.admin,
            )
            async with new:
                await until(lambda: new.lines("ready ["))
                await until(lambda: old.happened("drain", state="handed over"))
                # Connections that were kept alive are closed: what is asked next, the new one answers.
                await until_answered_by(new)
                assert not (await new.get("/api/drain"))["draining"]
                status, text = await new.ask("/ready")
                assert status == 200
                assert len(json.loads(text)["legs_awaited"]) == 2 * CALLS
                await new.says("AudioSocket")
                # A new call, on a leg that had none, is the new one's.
                spare, other = legs[-2].name, legs[-1].name
                async with call(new, spare, other) as (first, second):
                    await first.say(7, 8, 9)
                    await second.hears(7, 8, 9)
                for (one, two), talk in zip(phones, talks, strict=True):
                    said_words = await talk
                    await two.hears(*said_words)
                    assert one.words == []
                assert len(old.happened("call", state="begun")) == CALLS
                for one, two in phones:
                    await one.caller.close()
                    await two.caller.close()
                assert await old.exit_code(PATIENCE) == 0
                await until(lambda: len(_taken(new)) == 2 * CALLS)
                # And a call on a leg that had one before.
                async with call(new, *busy[0]) as (first, second):
                    await first.say(1, 2, 3)
                    await second.hears(1, 2, 3)
                await until(lambda: new.lines("the process before us has ended"))
        ended = old.happened("call", state="ended")
        lost = sum(each[key] for each in ended for key in each if key.endswith(".lost_ms"))
        assert (len(ended), lost) == (CALLS, 0)


async def test_a_successor_that_cannot_start_takes_nothing_from_the_one_that_serves(
    fake: FakeProviders, tmp_path: Path
) -> None:
    folders = [tmp_path / "old", tmp_path / "new"]
    for folder in folders:
        folder.mkdir()
    legs = pairs(("3333", "4444"))
    wrong = '[notice.file]\nen = "/nowhere.wav"'
    async with serving(folders[0], fake, legs) as old:
        new = Serve(folders[1], fake, legs, flag="true", extra=wrong, successor_of=old.admin)
        async with new:
            assert await new.exit_code(PATIENCE) == 2
        assert new.lines("notice.file.en: /nowhere.wav: cannot be read"), new.tail()
        assert not (await old.get("/api/drain"))["draining"]
        async with call(old, "3333", "4444") as (one, two):
            await one.say(1, 2)
            await two.hears(1, 2)


async def until_answered_by(server: Serve) -> None:
    end = time.monotonic() + PATIENCE
    while (await server.get("/api/drain"))["pid"] != server.pid:
        assert time.monotonic() < end, "the old process still answers"
        await asyncio.sleep(0.05)


def _taken(server: Serve) -> list[str]:
    return [
        leg
        for line in server.lines("ports taken over")
        for leg in line.partition("legs=[")[2].partition("]")[0].split(", ")
    ]


async def _talk(phone: Phone, at: int) -> list[int]:
    """Three utterances over some seconds, not all callers at one time; the words."""
    await asyncio.sleep(0.1 * at)
    words: list[int] = []
    for _ in range(4):
        new = list(range(len(words) + 1, len(words) + 5))
        await phone.say(*new)
        words += new
        await asyncio.sleep(1.0)
    return words


class Phones:
    """All of them, picked up."""

    def __init__(self, phones: list[tuple[Phone, Phone]]) -> None:
        self._phones = [phone for pair in phones for phone in pair]

    async def __aenter__(self) -> None:
        for phone in self._phones:
            await phone.__aenter__()

    async def __aexit__(self, *_: object) -> None:
        for phone in self._phones:
            await phone.caller.close()
