"""What `tools/fresh` started in a root ends with the run."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.serve import until
from tests.test_container import REASON

pytestmark = pytest.mark.skipif(bool(REASON), reason=f"NOT TRIED: {REASON}")
# A mount namespace of its own: the root's /usr is this machine's, and goes with the program.
PROGRAM = """
import importlib.machinery, importlib.util, os, subprocess, sys, time
from pathlib import Path

tools, root, seconds = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
sys.path.insert(0, str(tools))
loader = importlib.machinery.SourceFileLoader("fresh", str(tools / "fresh"))
fresh = importlib.util.module_from_spec(importlib.util.spec_from_loader("fresh", loader))
sys.modules["fresh"] = fresh
loader.exec_module(fresh)
for name in ("usr", "proc", "dev"):
    (root / name).mkdir()
for name in ("bin", "sbin", "lib", "lib64"):
    (root / name).symlink_to(f"usr/{name}")
subprocess.run(["mount", "--bind", "/usr", root / "usr"], check=True)
with (root.parent / "log").open("w") as log:
    inside = fresh._Inside(root, {}, time.monotonic() + 3.0, log)
    words = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups", "sleep", seconds]
    try:
        inside._do(words, {"USER": "12345"}, "sleep")
    except subprocess.TimeoutExpired:
        print("out of time")
"""


async def test_a_plain_users_run_that_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    seconds = f"600.{os.getpid()}"
    own = [sys.executable, "-c", PROGRAM, str(ROOT / "tools"), str(root), seconds]
    command = ["unshare", "--mount", *own]
    done = await asyncio.to_thread(
        lambda: subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    )
    assert done.stdout == "out of time\n", done.stderr + (tmp_path / "log").read_text()

    def left() -> list[str]:
        commands = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                commands.append((process / "cmdline").read_bytes().split(b"\0")[:2])
            except OSError:
                continue
        return [str(words) for words in commands if words == [b"sleep", seconds.encode()]]

    await until(lambda: not left())
