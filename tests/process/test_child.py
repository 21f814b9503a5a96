"""Child processes: started, asked to end, made to end; nothing of them stays."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.support.serve import runs, until
from translink.process.child import ChildProcess

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(own.pid, flush=True)
time.sleep(600)
"""


def python(program: str, log: Path | None = None, *, piped: bool = False) -> ChildProcess:
    return ChildProcess([sys.executable, "-c", program], environ=os.environ, log=log, piped=piped)


async def test_a_closed_input_is_how_a_piped_child_is_asked_to_end() -> None:
    child = python(
        "import sys; print('ready', flush=True); sys.stdin.read(); sys.exit(7)", piped=True
    )
    await child.start()
    assert await child.line() == b"ready\n"
    assert (child.exit_code, child.pid is None) == (None, False)
    assert await child.stop(patience=20.0) == 7
    assert child.pid is None
    assert await child.stop(patience=20.0) == 0, "a second time there is nothing to stop"


async def test_a_child_that_will_not_end_is_killed_with_all_its_own(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = python(STUBBORN, log)
    await child.start()
    await until(lambda: log.exists() and log.read_text().strip())
    grandchild = int(log.read_text())
    assert runs(grandchild)
    assert await child.stop(patience=0.1) == -9
    await until(lambda: not runs(grandchild))


async def test_its_end_is_no_fault_while_another_task_waits_for_its_words() -> None:
    child = python("import time; time.sleep(600)", piped=True)
    await child.start()
    waits = asyncio.create_task(child.line())
    await asyncio.sleep(0)
    assert await child.stop(patience=0) == -9
    assert await waits == b""


async def test_its_end_is_seen_and_its_log_quoted(tmp_path: Path) -> None:
    child = python("raise SystemExit('no')", tmp_path / "log")
    assert (child.tail(), await child.wait()) == ("", 0), "not started yet"
    await child.start()
    assert await child.wait() == 1
    assert child.exit_code == 1
    assert child.tail() == "; the end of its log:\n  no"


async def test_a_program_that_is_not_there_is_an_error_and_leaves_nothing() -> None:
    child = ChildProcess(["/nowhere/at/all"], environ={})
    with pytest.raises(FileNotFoundError):
        await child.start()
    assert child.pid is None
