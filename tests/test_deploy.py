"""What is in `deploy/`, held against the programs and schemas that read it."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess

import pytest

from tests.support.paths import ROOT

UNIT = ROOT / "deploy" / "translink.service"
MOST_EXPOSED = 2.0
"""Of 10, as `systemd-analyze security` counts."""


def test_the_unit_drains_on_stop_and_notifies() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNIT)
    service = unit["Service"]
    assert (service["Type"], service["KillSignal"], service["KillMode"]) == (
        "notify",
        "SIGUSR1",
        "mixed",
    )
    assert float(service["WatchdogSec"]) > 0
    limit = re.search(r"TRANSLINK_DRAIN__LIMIT=(\d+)", UNIT.read_text())
    assert limit is not None
    assert float(service["TimeoutStopSec"]) > float(limit[1]) + 10, "10 s: drain_timeout"


def test_systemd_finds_the_unit_well_guarded() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("NOT CHECKED: no systemd-analyze here (apt-get install systemd)")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("NOT CHECKED: this systemd-analyze has no --offline (systemd 250 has)")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSED, done.stdout
    checked = subprocess.run(
        ["systemd-analyze", "verify", str(UNIT)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    unknown = [line for line in checked.stderr.splitlines() if "Unknown" in line]
    assert not unknown, "directives that systemd passes over"
