"""The page in front of a running `translink demo`: real recognition, translation and speech."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.dashboard.conftest import Visit, live, manners_of, shoot

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
    pytest.mark.alone,  # it is heard and understood in real time
    pytest.mark.skipif(
        not all(map(shutil.which, ("espeak-ng", "flite", "apertium"))),
        reason="the local engines are not installed: make test",
    ),
]

PATIENCE = 100.0
ASKED = "hear me"
"""In the first line of the English caller; its translation has "entendez"."""
DASHBOARD = re.compile(r"dashboard=(http://127\.0\.0\.1:\d+)")


@pytest_asyncio.fixture(loop_scope="session")
async def demo(tmp_path: Path) -> AsyncIterator[str]:
    """Address of its dashboard."""
    private = ("DEEPGRAM_", "DEEPL_", "TRANSLINK_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "translink", "demo"),
        *("--out", str(tmp_path), "--plain", "--seconds", "20"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=env,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            while not (found := DASHBOARD.search(_log(tmp_path))):  # noqa: ASYNC110 - a process's
                await asyncio.sleep(0.1)
        yield found.group(1)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _log(folder: Path) -> str:
    file = folder / "server.log"
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


async def test_two_callers_are_followed_word_by_word(demo: str, visit: Visit) -> None:
    page = await visit(demo, height=960)
    await live(page)
    assert await page.locator("#quality").inner_text() == "offline demo quality"
    manners_of(page).while_down = True  # the demo may be over before we are
    # Either caller may be the first to be heard: recognition takes longer on a slow machine.
    line = page.locator('.script ol > li[data-state="spoken"]', has_text=ASKED).first
    await line.wait_for(timeout=PATIENCE * 1000)
    assert ASKED in await line.locator(".text").inner_text()
    assert "entendez" in await line.locator(".translation").inner_text()
    await shoot(page, "demo")
