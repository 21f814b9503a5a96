"""Both ends of a WebSocket: one ends, the other is ended, and a bug is not taken for a goodbye."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from translink.admin.routes.sockets import either


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
