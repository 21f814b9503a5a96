"""Servers of tests end with the process that started them, however it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.fakes.providers import FakeProviders
from tests.support.serve import BOUND, Serve, until

WORKER = """
import subprocess, sys, time
null = subprocess.DEVNULL
child = subprocess.Popen(sys.argv[1:], stdout=null, stderr=null, start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""
"""Starts what it is given, as `ChildProcess` does: in a session of its own."""


@pytest.mark.skipif(not BOUND, reason="SERVERS ARE LEFT BEHIND: no setpriv here (util-linux)")
async def test_a_worker_that_is_killed_leaves_no_server_behind() -> None:
    command = (*BOUND, "sleep", "600")
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, *command, stdout=PIPE
    )
    assert worker.stdout is not None
    server = Path("/proc", (await worker.stdout.readline()).decode().strip())
    try:
        await until(lambda: name_of(server) == "sleep")
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
        await until(lambda: name_of(server) == "")
    finally:
        if name_of(server):
            os.kill(int(server.name), signal.SIGKILL)


def test_every_server_is_bound(tmp_path: Path, fake: FakeProviders) -> None:
    server = Serve(tmp_path, fake, [], flag="", extra="")
    assert server._child.command[: len(BOUND)] == tuple(BOUND)


def name_of(process: Path) -> str:
    """Of its program; empty: it has ended."""
    try:
        state = (process / "stat").read_text()
    except OSError:
        return ""
    name, _, rest = state.partition("(")[2].rpartition(")")
    return "" if rest.split()[0] == "Z" else name
