"""Both ends of a WebSocket: one ends, the other is ended, and a bug is not taken for a goodbye."""

from __future__ import annotations

import asyncio

import pytest
import structlog
from aiohttp import web

from translink.admin.routes import sockets as sockets_module
from translink.admin.routes.sockets import Sockets, either


async def for_ever() -> None:
    await asyncio.Event().wait()


async def fail(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("error", [ConnectionResetError("gone"), TimeoutError("took nothing")])
async def test_a_client_that_leaves_is_no_bug(error: Exception) -> None:
    with structlog.testing.capture_logs() as lines:
        await either(for_ever(), fail(error))
    assert lines == []


async def test_a_bug_in_what_is_written_is_logged() -> None:
    with structlog.testing.capture_logs() as lines:
        await either(for_ever(), fail(ZeroDivisionError("a bug")))
    assert [line["log_level"] for line in lines] == ["error"]


async def test_clients_that_vanished_hold_up_the_end_together_and_not_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sockets_module, "CLOSING_TIME", 0.2)

    class Vanished(web.WebSocketResponse):
        async def close(
            self, *, code: int = 1000, message: bytes = b"", drain: bool = True
        ) -> bool:
            await for_ever()
            return drain

    sockets = Sockets(64, "full", longest=1)
    sockets._open.update(Vanished() for _ in range(10))
    async with asyncio.timeout(1.0):
        await sockets.close()
