"""A fixture that waits for ever, after its test has failed, ends its process and no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

CONFTEST = """
import pytest
from tests.support.hanging import bounded

@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    with bounded(1.0, item.config):
        return (yield)
"""
HANGS = """
import time, pytest

@pytest.fixture
def thing():
    yield
    time.sleep(600)

def test_that_fails(thing):
    assert False
"""


def test_a_teardown_that_hangs_after_a_failure_ends(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(HANGS)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {str(ROOT)!r}\ntimeout = 5\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:schemathesis", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1
    assert "in thing" in done.stderr, "it says where it was"
