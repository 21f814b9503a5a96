"""`translink demo --talk`: a server and two links, until it is interrupted."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        not all(map(shutil.which, ("espeak-ng", "flite", "apertium"))),
        reason="the local engines are not installed: make test",
    ),
]

LINK = re.compile(rb"http://127\.0\.0\.1:\d+/talk#[\w-]{22}")


async def test_it_prints_two_links_that_serve_and_ends_in_good_order(
    tmp_path: Path,
) -> None:
    private = ("DEEPGRAM_", "DEEPL_", "TRANSLINK_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "translink", "demo", "--talk", "--out", str(tmp_path)),
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )
    try:
        assert process.stderr is not None
        said = b""
        async with asyncio.timeout(200.0):
            while len(links := LINK.findall(said)) < 2:
                more = await process.stderr.read(4_096)
                assert more, said
                said += more
        assert links[0] != links[1]
        place = links[0].decode().partition("#")[0]
        async with aiohttp.ClientSession() as http:
            async with http.get(place) as page:
                assert page.status == 200
            async with http.get(f"{place.removesuffix('talk')}api/talks/languages") as answer:
                assert (await answer.json()) == {"languages": ["en", "fr"]}
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(30.0):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
