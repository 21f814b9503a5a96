"""Connections of AudioSocket that no test leaves open, not even one that fails: pytest would give the
warnings to whichever tests came next."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.fakes.providers import FakeProviders
from tests.support.audiosocket import AsteriskEnd, Phone
from tests.support.serve import Serve, serving
from translink.callers.ports import free_port


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port() -> int:
    """Where the module's server takes connections."""
    return free_port(socket.SOCK_STREAM)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talking(
    request: pytest.FixtureRequest,
    port: int,
    fake: FakeProviders,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Serve]:
    """A server without legs on datagrams, as the module's `settings` say for that port."""
    folder = tmp_path_factory.mktemp("talking")
    async with serving(folder, fake, [], extra=request.module.settings(port)) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def phone(port: int) -> AsyncIterator[Phone]:
    """Makes one with a rate and the UUID that it begins with."""
    async with contextlib.AsyncExitStack() as stack:

        async def connected(rate: int, name: str) -> AsteriskEnd:
            end = await AsteriskEnd(port, rate).begin(name)
            stack.push_async_callback(end.close)
            return end

        yield connected
