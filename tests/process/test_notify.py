"""What a supervisor hears, against a socket such as systemd's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from translink.process.notify import Supervisor, address, message, watchdog_period


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5.0)
        yield listening


def test_messages_are_lines_of_name_and_value() -> None:
    assert message(ready=True, status="2 calls\nrun") == b"READY=1\nSTATUS=2 calls run"
    assert message(stopping=True, extend=1.5) == b"STOPPING=1\nEXTEND_TIMEOUT_USEC=1500000"
    assert message(watchdog=True) == b"WATCHDOG=1"
    assert len(message(status="x" * 10_000)) < 300


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/run/systemd/notify", "/run/systemd/notify"),
        ("@abstract", b"\0abstract"),
        ("vsock:2:1234", None),
        ("relative", None),
        ("", None),
    ],
)
def test_the_socket_is_a_path_or_an_abstract_name(name: str, expected: str | bytes | None) -> None:
    assert address({"NOTIFY_SOCKET": name}) == expected
    assert address({}) is None


def test_the_watchdog_is_fed_three_times_in_its_time() -> None:
    assert watchdog_period({"WATCHDOG_USEC": "30000000"}, 7) == 10.0
    assert watchdog_period({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 7) == 10.0
    for environ in (
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {},
    ):
        assert watchdog_period(environ, 7) is None, environ


async def test_signs_of_life_come_only_while_it_lives(systemd: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "30000"}
    supervisor = Supervisor(environ, os.getpid())
    lives = True
    guarding = asyncio.create_task(supervisor.guard(lambda: lives))
    try:
        for _ in range(3):
            assert await asyncio.to_thread(systemd.recv, 100) == b"WATCHDOG=1"
        lives = False
        await asyncio.sleep(0.05)
        systemd.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while systemd.recv(100):
                pass
        await asyncio.sleep(0.1)
        with pytest.raises(BlockingIOError):
            systemd.recv(100)
    finally:
        guarding.cancel()
        supervisor.close()


async def test_a_supervisor_that_is_gone_or_full_holds_nothing_up(
    tmp_path: Path, systemd: socket.socket
) -> None:
    gone = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "nobody")}, 1)
    gone.tell(message(ready=True))
    assert gone.unsent == 1
    gone.close()
    gone.tell(message(ready=True))
    full = Supervisor({"NOTIFY_SOCKET": systemd.getsockname()}, 1)
    for _ in range(1_000):  # and nobody reads
        full.tell(message(status="x" * 200))
    assert 0 < full.unsent < 1_000
    full.close()
    none = Supervisor({}, 1)
    assert not none.listens
    none.tell(message(ready=True))
    await none.guard(lambda: True)
    assert none.unsent == 0
