"""The simulation against the real program: `translink serve` and the beacon server, each a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from translink.sim import run

pytestmark = pytest.mark.alone

PROMISED = {
    "words_said", "words_heard", "words_lost", "words_doubled", "words_out_of_order",
    "mouth_to_ear_ms", "own_ms", "sockets_opened", "handshakes", "cpu_seconds", "rss_bytes",
}  # fmt: skip


@pytest.mark.timeout(240)
def test_a_call_without_faults_is_perfect_and_the_report_has_what_was_promised(
    tmp_path: Path,
) -> None:
    path = tmp_path / "report.json"
    done = sim("--calls", "1", "--seconds", "4", "--report", str(path))
    assert done.returncode == 0, done.stderr
    assert "perfect" in done.stdout
    report = json.loads(path.read_text())
    assert set(report) >= PROMISED
    assert report["words_said"] == report["words_heard"] > 5
    assert report["sockets_opened"] == report["handshakes"] == 2
    assert set(report["mouth_to_ear_ms"]) >= {"p50", "p95", "p99"}
    assert report["own_ms"]["count"] > 0
    assert report["cpu_seconds"] > 0
    assert report["rss_bytes"] > 10_000_000
    assert not path.with_suffix(".log").exists()


@pytest.mark.timeout(240)
def test_two_calls_on_one_port_cross_no_word(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    done = sim("--calls", "2", "--seconds", "4", "--shared-port", "--report", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(path.read_text())
    assert report["words_misrouted"] == report["words_lost"] == 0
    assert report["words_said"] == report["words_heard"] > 20


def test_a_missing_word_makes_the_exit_code_3_and_leaves_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def simulated(scene: run.Scene) -> dict[str, object]:
        return {"perfect": False, "words_lost": 1, "seed": scene.seed, "log": "what it said"}

    monkeypatch.setattr(run, "simulate", simulated)
    path = tmp_path / "report.json"
    code = run.run_sim(calls=1, seconds=1, seed=7, faults=[], report=path, json=True)
    assert code == 3
    assert json.loads(path.read_text()) == {"perfect": False, "words_lost": 1, "seed": 7}
    assert path.with_suffix(".log").read_text() == "what it said"


def test_a_report_that_cannot_be_written_does_not_cost_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def simulated(scene: run.Scene) -> dict[str, object]:
        return {"perfect": True, "words_lost": 0, "log": ""}

    monkeypatch.setattr(run, "simulate", simulated)
    path = tmp_path / "nowhere" / "report.json"
    with pytest.raises(OSError, match=r"report\.json"):
        run.run_sim(calls=1, seconds=1, seed=7, faults=[], report=path, json=True)
    assert json.loads(capsys.readouterr().out) == {"perfect": True, "words_lost": 0}


def test_settings_of_the_server_are_handed_to_it() -> None:
    done = sim("--calls", "1", "--seconds", "1", "--set", "admin.prt=1")
    assert done.returncode == 1
    assert "did you mean admin.port?" in done.stderr


def test_a_fault_that_cannot_be_read_is_refused_at_once() -> None:
    done = sim("--fault", "listen:explode")
    assert done.returncode == 1
    assert "none of reset" in done.stderr


@pytest.mark.timeout(240)
def test_a_recogniser_that_only_guesses_costs_no_word() -> None:
    done = sim("--calls", "1", "--seconds", "10", "--fault", "listen:guess(8)@1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "perfect" in done.stdout


@pytest.mark.timeout(300)
def test_the_short_form_of_the_chaos_table_loses_and_doubles_nothing() -> None:
    command = [sys.executable, "-m", "benches.chaos", "--short", "--jobs", "8"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| TCP reset, back at once | 1 × 2 |" in done.stdout


def sim(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "translink", "sim", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
