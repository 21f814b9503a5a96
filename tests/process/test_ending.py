"""SIGTERM ends the program within a second, whenever it comes, also as a container's first process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import aiohttp
import pytest

from translink.callers.ports import free_port

MOMENTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0, 3.0)
"""Seconds after exec. On an idle machine the handler is there after 0.4 s, and engines load for
some seconds more."""
MOMENTS_OF_FIRST = (0.0, 0.7, 1.5, 3.0)
"""Of process 1. Its earliest moment is that of the handler, since before it the kernel lets no signal through, so
the first five of `MOMENTS` were one. With the handler there only the engines' processes can make a difference."""
SOON = 1.0
TRIES = 3
"""On a machine with other work nothing is done in time for certain; what takes too long each time is
slow."""
SETTINGS = """
[admin]
port = {port}
[[legs]]
name = "a"
language = "en"
listen = 0
play_to = 9
[[legs]]
name = "b"
language = "fr"
listen = 0
play_to = 10
"""
TERMINATION = 1 << (signal.SIGTERM - 1)

Started = tuple[subprocess.Popen[str], int]
"""What was started, and the id of translink in it."""


def start(folder: Path, *before: str, port: int = 0) -> Started:
    """`translink serve` with the local engines, in a session of its own."""
    (folder / "translink.toml").write_text(SETTINGS.format(port=port))
    process = subprocess.Popen(
        [*before, sys.executable, "-m", "translink", "serve"],
        cwd=folder,
        env={key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return process, process.pid


def start_as_first(folder: Path) -> Started:
    """The same as process 1 of a namespace; returns once the kernel lets SIGTERM through to it."""
    process, outer = start(folder, *namespace())
    inner = 0
    for _ in looking(20.0):
        with contextlib.suppress(OSError, IndexError):
            children = Path(f"/proc/{outer}/task/{outer}/children").read_text()
            inner = int(children.split()[0])
            if caught(inner) & TERMINATION:
                return process, inner
    raise AssertionError("the handler is never there")


def namespace() -> Sequence[str]:
    """What goes before a command to make it process 1; skips where nobody may."""
    plain = ("unshare", "--pid", "--fork", "--kill-child")
    if shutil.which("unshare"):
        for command in (plain, (*plain, "--map-root-user")):
            if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
                return command
    pytest.skip("nobody may be process 1 here: no unshare, or no namespaces (a container?)")


def caught(pid: int) -> int:
    """Signals that a process has handlers for, as bits."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("SigCgt:")[2].split()[0], 16)


def looking(seconds: float) -> Iterator[None]:
    """A turn a millisecond, for so long: what is waited for comes soon."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield
        time.sleep(0.001)


def end(started: Started) -> tuple[float, str]:
    """Seconds from SIGTERM to the end, and the log. Nothing of it may be left."""
    process, pid = started
    asked = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    try:
        # The engines hold the same standard error: reading to its end waits for them, too.
        _, log = process.communicate(timeout=20.0)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    took = time.monotonic() - asked
    assert process.returncode in (0, -signal.SIGTERM, 128 + signal.SIGTERM), log
    assert "Traceback" not in log
    return took, log


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("make", "moments"),
    [(start, MOMENTS), (start_as_first, MOMENTS_OF_FIRST)],
    ids=["a process", "process 1"],
)
def test_sigterm_ends_a_start_at_any_moment(
    tmp_path: Path, make: Callable[[Path], Started], moments: Sequence[float]
) -> None:
    for moment in moments:
        tries: list[float] = []
        for _ in range(TRIES):
            began = time.monotonic()
            started = make(tmp_path)
            time.sleep(max(0.0, began + moment - time.monotonic()))
            tries.append(end(started)[0])
            if tries[-1] < SOON:
                break
        assert min(tries) < SOON, f"{moment} s after exec: {tries}"


@pytest.mark.timeout(240)
async def test_a_server_without_calls_ends_within_a_second_though_it_is_watched(
    tmp_path: Path,
) -> None:
    tries: list[float] = []
    for _ in range(TRIES):
        port = free_port(socket.SOCK_STREAM)
        started = start(tmp_path, port=port)
        url = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession() as session:
            await ready(session, url, started[0])
            async with (
                session.ws_connect(url + "/api/live"),
                session.ws_connect(url + "/api/events"),
            ):
                took, log = end(started)
        assert started[0].returncode == 0, log
        tries.append(took)
        if took < SOON:
            break
    assert min(tries) < SOON, tries


async def ready(session: aiohttp.ClientSession, url: str, process: subprocess.Popen[str]) -> None:
    """Waits until the server is."""
    until = time.monotonic() + 90.0
    while time.monotonic() < until:
        assert process.poll() is None
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(url + "/ready") as answer:
                if answer.status == 200:
                    return
        await asyncio.sleep(0.05)
    raise AssertionError("not ready")


STUCK = """
import os, signal, sys, time
from pathlib import Path
from translink import app, serving
from translink.settings.model import Settings
def stuck(*_):
    os.kill(os.getpid(), signal.SIGTERM)
    {stuck}
app.refuse_taken_ports = stuck
sys.exit(serving.serve(Settings.load(config=Path("translink.toml")), lambda: None))
"""


@pytest.mark.parametrize(
    "stuck",
    [
        "time.sleep(60)",
        "while True: pass",
        "import asyncio; asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)",
    ],
    ids=["a call that waits", "a turn of the loop without end", "a thread that nobody can stop"],
)
def test_what_hangs_in_a_start_does_not_keep_it(tmp_path: Path, stuck: str) -> None:
    (tmp_path / "translink.toml").write_text(SETTINGS.format(port=0))
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", STUCK.format(stuck=stuck)],
        cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("leave(3, lambda: print('last'))", 3),
        ("leave(3, lambda: print('last'), lambda: 1 / 0)", 3),
        ("leave_within(0.05, 4, lambda: print('last')); time.sleep(60)", 4),
        # Out of memory, as seen under an address-space limit: its end was a traceback and exit code 1.
        ("_thread.start_new_thread = no_more; leave_within(9, 4, lambda: print('last'))", 4),
    ],
)
def test_what_is_owed_at_the_end_is_done(program: str, code: int) -> None:
    script = (
        "import _thread, time\nfrom translink.process.ending import leave, leave_within\n"
        f"def no_more(*_): raise RuntimeError\n{program}"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "last\n", "")
