"""A run that is cut off has said what failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

CONFTEST = """
from tests.support.aloud import Aloud

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Aloud(config))
"""
CASES = """
def test_well():
    pass

def test_not_well():
    raise ValueError("no words\\nfor it")
"""


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_failure_is_named_before_the_end(workers: str, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_cases.py").write_text(CASES)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        workers,
        "-p",
        "no:schemathesis",
        str(tmp_path),
    ]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    meanwhile, end, _ = done.stdout.partition("= FAILURES =")
    assert end, done.stdout + done.stderr
    line = "FAILED test_cases.py::test_not_well - ValueError: no words"
    assert meanwhile.splitlines().count(line) == 1
