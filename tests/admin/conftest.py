"""The admin server in front of a program made of literals."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.fakes.admin import Program
from translink.admin import AdminServer


@pytest.fixture
def program() -> Program:
    return Program()


@pytest.fixture
async def server(program: Program) -> AsyncIterator[AdminServer]:
    server = AdminServer(program, port=0)
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def guarded(program: Program) -> AsyncIterator[AdminServer]:
    """The same, with a token."""
    server = AdminServer(program, port=0, token="open sesame")
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
