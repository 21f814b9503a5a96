"""A test that failed while the machine stood still is told from one that failed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

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


def test_only_a_late_machine_is_blamed() -> None:
    watch = Stillness()
    failure = AssertionError("a word is missing")
    watch.worst = LIMIT / 2
    watch.blame(failure)
    watch.worst = 3.0
    with pytest.raises(MachineStoodStill, match="for 3000 ms: a word is missing"):
        watch.blame(failure)
