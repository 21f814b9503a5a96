"""A test that failed while the machine stood still is distinguished from one that failed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.stillness import LIMIT, MachineStoodStill, Stillness

PROGRAM = """
import sys, time
from tests.support.stillness import Stillness
watch = Stillness()
print("begun", flush=True)
sys.stdin.readline()
time.sleep(0.05)
print(watch.worst, flush=True)
"""


def test_a_process_that_was_stopped_knows_for_how_long() -> None:
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdin
        assert run.stdout
        assert run.stdout.readline() == "begun\n"
        run.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        run.send_signal(signal.SIGCONT)
        run.stdin.write("\n")
        run.stdin.flush()
        assert float(run.stdout.readline()) > 0.4


PINNED = """
import os
from pathlib import Path
from tests.support.stillness import Stillness
before = os.sched_getaffinity(0)
watch = Stillness()
tasks = [task for task in Path("/proc/self/task").iterdir() if task.name != str(os.getpid())]
while (cores := sorted(sorted(os.sched_getaffinity(int(task.name))) for task in tasks)) != sorted(
    [core] for core in before
):
    pass
assert os.sched_getaffinity(0) == before
"""


def test_each_core_is_watched_and_the_tests_go_where_there_is_room() -> None:
    """A host that takes one core away broke words unseen by a thread that ran on the other."""
    subprocess.run([sys.executable, "-c", PINNED], cwd=ROOT, timeout=60, check=True)


def test_only_a_late_machine_is_blamed() -> None:
    watch = Stillness()
    failure = AssertionError("a word is missing")
    watch.worst = LIMIT / 2
    watch.blame(failure)
    watch.worst = 3.0
    with pytest.raises(MachineStoodStill, match="for 3000 ms: a word is missing"):
        watch.blame(failure)


MODULE = """
import time
import pytest
from tests import conftest

tries = []

@pytest.fixture(scope="module")
def called():
    tries.append(1)
    if len(tries) == 1:
        conftest._stillness.worst = 3.0
        pytest.fail("heard [1, 3]")
    return len(tries)

def test_one(called): assert called == 2
def test_two(called): assert called == 2
"""


LEFT_OVER = """
import pytest
from tests import conftest

tries = []

@pytest.fixture(scope="module")
def calls():
    return []

def test_one(calls):
    calls.append("call")
    tries.append(1)
    if len(tries) == 1:
        conftest._stillness.worst = 3.0
        pytest.fail("heard [1, 3]")
    assert calls == ["call"]

def test_two(calls): assert calls == ["call"]
"""


@pytest.mark.parametrize(
    "module",
    [
        # A fixture of a module calls once for all of its tests: one word unheard was three errors.
        pytest.param(MODULE, id="a fixture"),
        # The second try met the first one's call, and could not pass.
        pytest.param(LEFT_OVER, id="what the first try left behind"),
    ],
)
def test_what_failed_on_a_machine_that_stood_still_is_set_up_again(
    tmp_path: Path, module: str
) -> None:
    (tmp_path / "test_it.py").write_text(module)
    settings = ("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, "-p", "tests.conftest", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "2 passed, 1 rerun" in done.stdout, done.stdout + done.stderr
