"""Calls with a real Asterisk: what it recorded at each ear holds every word once and in order, and
after each call nothing is left."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.fakes.providers import FakeProviders
from tests.support.asterisk import Asterisk, Telephone, pbx_root
from tests.support.serve import Serve, serving, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1500)]

WORDS = 12
LEGS = """
[[legs]]
name = "3333"
language = "en"
[[legs]]
name = "4444"
language = "fr"
"""


@pytest.fixture(scope="module")
def root() -> Path:
    return pbx_root()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asterisk(root: Path) -> AsyncIterator[Asterisk]:
    async with Asterisk(root) as running:
        yield running


@contextlib.asynccontextmanager
async def translink(folder: Path, fake: FakeProviders, asterisk: Asterisk) -> AsyncIterator[Serve]:
    extra = f'drain_timeout = 5.0\n[ari]\nurl = "{asterisk.url}"\n{LEGS}'
    async with serving(folder, fake, [], extra=extra) as server:
        await until(lambda: server.lines("connected to Asterisk"), lambda: server.tail(20))
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbx(
    asterisk: Asterisk, fake: FakeProviders, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Serve]:
    async with translink(tmp_path_factory.mktemp("pbx"), fake, asterisk) as server:
        yield server


def words(place: int) -> list[int]:
    return list(range(1000 * place, 1000 * place + WORDS))


async def hears(telephone: Telephone, wanted: list[int], server: Serve) -> None:
    def told() -> str:
        return f"{telephone.heard()}{server.tail(40)}{telephone.asterisk.log()[-3000:]}"

    await until(lambda: len(telephone.heard()) >= len(wanted), told, patience=25.0)
    assert telephone.heard() == wanted


async def test_two_telephones_hear_every_word_of_each_other_once(
    asterisk: Asterisk, pbx: Serve
) -> None:
    one = await asterisk.dial("3333", words(1), last=8)
    two = await asterisk.dial("4444", words(2), last=8)
    await hears(one, words(2), pbx)
    await hears(two, words(1), pbx)
    await asterisk.empty(patience=20)
    await pbx.idle()
