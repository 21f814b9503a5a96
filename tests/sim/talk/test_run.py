"""Talks against the real program: `translink serve` and the talks' providers, each a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

WORDS = (
    "Good morning, everyone. Today we look at the bridge, and at what it costs. So let us begin."
)


def talk_file(folder: Path) -> Path:
    rows = [[word, 1 + n * 0.35, 1.3 + n * 0.35, False] for n, word in enumerate(WORDS.split())]
    path = folder / "short.json"
    path.write_text(json.dumps({"talks": {"A": [*rows, ["uh", 8.0, 8.3, True]]}}))
    return path


@pytest.mark.alone
@pytest.mark.timeout(300)
def test_every_word_of_a_talk_is_found_at_the_ear(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "translink", "sim", "--talk", str(talk_file(tmp_path))]
    command += ["--longer", "1.25", "--talks", "2", "--report", str(report)]
    command += ["--set", "segment.max_wait=1.4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "EVS p50 / p95" in done.stdout
    figures = json.loads(report.read_text())
    assert figures["words_said"] == 2 * len(WORDS.split())
    assert figures["words_lost"] == figures["words_doubled"] == figures["words_revised"] == 0
    assert figures["segments"] >= 2
    assert 0 < figures["evs"]["p50"] < 60
    assert figures["word_to_request"]["p50"] >= figures["providers"]["word_to_final"]["p50"] - 0.5


def test_a_file_that_is_no_talk_is_said(tmp_path: Path) -> None:
    path = tmp_path / "no.json"
    path.write_text("{}")
    command = [sys.executable, "-m", "translink", "sim", "--talk", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "should be" in done.stderr
