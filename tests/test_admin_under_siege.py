"""Strangers besiege the admin server while people talk: it costs no word, and the operator gets in.

The siege runs in a process of its own, or it would delay the callers instead of the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from pathlib import Path

import aiohttp

from tests.fakes.providers import fake_providers
from tests.support.serve import Serve, call, pairs, until

TOKEN = "control-0123456789abcdef"
SECONDS = 4.0

SIEGE = """
import asyncio, contextlib, sys, time
port, end = int(sys.argv[1]), time.monotonic() + float(sys.argv[2])
counts = {"guess": 0, "junk": 0, "held": 0}
HEAD = b"GET /api/stats HTTP/1.1\\r\\nHost: localhost\\r\\n"

async def guess(reader, writer):
    while time.monotonic() < end:
        writer.write(HEAD + b"Authorization: Bearer guess%d\\r\\n\\r\\n" % counts["guess"])
        head = await reader.readuntil(b"\\r\\n\\r\\n")
        size = int(head.lower().split(b"content-length: ")[1].split(b"\\r\\n")[0])
        await reader.readexactly(size)
        counts["guess"] += 1

async def junk(reader, writer):
    writer.write(b"\\x01\\x02\\x03 nonsense\\r\\n\\r\\n")
    await reader.read()
    counts["junk"] += 1
    await asyncio.sleep(0.02)

async def hold(reader, writer):
    writer.write(b"GET / HTTP/1.1\\r\\nX: ")
    counts["held"] += 1
    while time.monotonic() < end:
        await asyncio.sleep(0.2)
        writer.write(b"y")

async def besiege(how):
    while time.monotonic() < end:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, IndexError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await how(reader, writer)
            finally:
                writer.close()

async def main():
    await asyncio.gather(
        *(besiege(guess) for _ in range(16)),
        *(besiege(junk) for _ in range(4)),
        *(besiege(hold) for _ in range(300)),
    )
    print(*counts.values())

asyncio.run(main())
"""


async def test_a_siege_costs_no_word_and_the_operator_gets_in(tmp_path: Path) -> None:
    async with fake_providers() as fake:
        server = Serve(
            tmp_path,
            fake,
            pairs(("3333", "4444")),
            flag="true",
            extra="drain_timeout = 2.0",
        )
        server._child.environ["TRANSLINK_ADMIN__TOKEN"] = TOKEN
        async with server:
            waits: list[float] = []
            asking = asyncio.create_task(_ask(server, waits))
            await until(lambda: waits)  # it comes from the same address, so it must be there before
            siege = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", SIEGE, str(server.admin), str(SECONDS)),
                stdout=asyncio.subprocess.PIPE,
            )
            async with call(server, "3333", "4444") as (one, two):
                words = list(range(1, 13))
                for first in range(0, 12, 4):
                    await one.say(*words[first : first + 4])
                    await asyncio.sleep(0.4)
                await two.hears(*words)
            said, _ = await asyncio.wait_for(siege.communicate(), 15)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            guesses, junk, held = map(int, said.split())
            counts = (await _stats(server))["admin"]
    assert guesses > 60, "25 a second and address after 50"
    assert counts["delayed"] > 0
    assert junk > 10
    assert held > 256, "more than there are places"
    assert counts["throttled"] > counts["failed_tokens"] > 0
    assert counts["connections_cut_off"] > 0
    assert len(waits) >= 3
    assert max(waits) < 5.0
    assert len(server.log()) < 200, "the log is the calls'"


async def _ask(server: Serve, waits: list[float]) -> None:
    """The operator, with a session; their connection may be in the way of somebody else's."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        base = f"http://127.0.0.1:{server.admin}"
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.post(base + "/login", json={"token": TOKEN}) as answer:
                    if answer.status == 200:
                        break
            await asyncio.sleep(0.05)
        while True:
            begun = time.monotonic()
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(base + "/api/calls") as answer:
                    assert answer.status == 200
                    waits.append(time.monotonic() - begun)
            await asyncio.sleep(0.2)


async def _stats(server: Serve) -> dict[str, dict[str, int]]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        url = f"http://127.0.0.1:{server.admin}/api/stats"
        for _ in range(100):
            async with http.get(url) as answer:
                if answer.status == 200:
                    stats: dict[str, dict[str, int]] = await answer.json()
                    return stats
            await asyncio.sleep(0.1)
    raise AssertionError("the operator has to wait")
