"""pocketsphinx's processes where a client does not wait until one is ready."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.serve import until
from translink.offline.engines.phrasebook import of_phrases
from translink.offline.engines.recognizer import PocketRecognizers

DECODER_STAND_IN = """
import struct, sys, time
while len(head := sys.stdin.buffer.read(5)) == 5:
    letter, length = struct.unpack("<cI", head)
    sys.stdin.buffer.read(length)
    if letter == b"C":
        time.sleep(0.6)
        sys.stdout.buffer.write(struct.pack("<I", 2) + b"[]")
        sys.stdout.buffer.flush()
"""
"""Loads for a while, and hears nothing."""


@pytest.fixture
def begun() -> list[str]:
    """A line for each process."""
    return []


@pytest.fixture
async def pool(
    begun: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PocketRecognizers]:
    """Of stand-ins for the library, in processes of their own."""
    (tmp_path / "stand_in.py").write_text(DECODER_STAND_IN)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    start = asyncio.create_subprocess_exec

    async def instead(*_: object, **how: Any) -> asyncio.subprocess.Process:
        begun.append("decoder")
        return await start(sys.executable, str(tmp_path / "stand_in.py"), **how)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", instead)
    made = PocketRecognizers(of_phrases({"en": ["hello"], "fr": ["bonjour"]}), most=4)
    yield made
    await made.close()


async def given_up(pool: PocketRecognizers) -> None:
    """Asked for by a client that hangs up while it loads."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await pool.open("en")


@pytest.mark.parametrize("ready", [False, True])
async def test_a_decoder_that_its_client_did_not_wait_for_is_the_next_ones(
    pool: PocketRecognizers, begun: list[str], *, ready: bool
) -> None:
    await given_up(pool)
    if ready:
        await until(lambda: bool(pool._free))
    else:
        await given_up(pool)
    recognizer = await pool.open("en")
    assert len(begun) == 1
    assert pool._free == [], "it is nobody else's"
    await recognizer.close()


async def test_one_that_is_awaited_is_shared_with_nobody(
    pool: PocketRecognizers, begun: list[str]
) -> None:
    await given_up(pool)
    first, second, other = await asyncio.gather(pool.open("en"), pool.open("en"), pool.open("fr"))
    assert len(begun) == 3
    assert len({id(one._decoder) for one in (first, second, other)}) == 3
    for one in (first, second, other):
        await one.close()


async def test_closing_ends_one_that_nobody_waits_for(pool: PocketRecognizers) -> None:
    await given_up(pool)
    assert pool._count == 1
    await pool.close()
    assert pool._count == 0
