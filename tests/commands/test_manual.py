"""`translink man`: every command and option, in roff that man reads."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.test_cli import COMMANDS, run
from translink.cli import commands
from translink.commands import manual


def test_every_command_is_in_it() -> None:
    page = manual.page(commands)
    for command in COMMANDS:
        assert f"\n.SS translink {command} " in page
    assert r"\fB\-\-take\-over\fR" in page
    lines = page.splitlines()
    assert lines[0].startswith(".TH TRANSLINK 1")
    # A line that begins with a point is a request; ours are few.
    requests = {line.split()[0] for line in lines if line.startswith((".", "'"))}
    assert requests == {".TH", ".SH", ".SS", ".TP", ".B"}


def test_man_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    done = run("man", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    if shutil.which("groff") is None:
        pytest.skip("NOT CHECKED: no groff here (apt-get install groff-base)")
    shown = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww"],
        input=done.stdout,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert shown.stderr == ""
    plain = re.sub(r"\x1b\[[\d;]*m|.\x08", "", shown.stdout)  # bold, either way
    assert "--take-over" in plain
