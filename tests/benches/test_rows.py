"""Every benchmark runs, in its shortest form, and what it finds makes a report.

No figure is judged here: this machine may be busy. That nothing was lost is no figure. As many rows as can be
share a run of `python -m benches`, which takes 2.5 s of processor time before it measures anything.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benches.kit.dashboards import chromium_program
from benches.kit.native import ROOT, has_openssl_headers
from benches.kit.quota import has_quota
from benches.rows.bench_ingest import listen
from benches.rows.bench_replay import replay


def bench(only: str, out: Path, *options: str) -> dict[str, dict[str, Any]]:
    """What `python -m benches --smoke` found, by row."""
    command = [sys.executable, "-m", "benches", "--smoke", "-k", only, "--out", str(out), *options]
    # Its own pytest must not take itself for a part of this one.
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    run = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    results = json.loads((out / "last.json").read_text())
    return {case["extra_info"]["row"]: case["extra_info"] for case in results["benchmarks"]}


@pytest.mark.timeout(240)
def test_the_rows_of_media_and_the_small_ones_run(tmp_path: Path) -> None:
    rows = bench("ingest or handoff or playout or memory or start", tmp_path)
    assert set(rows) == {"ingest", "hand-off", "playout", "memory", "start"}
    assert rows["ingest"]["figures"]["translink lost"]["values"] == [0]
    assert rows["hand-off"]["figures"]["translink lost"]["values"] == [0]
    assert rows["ingest"]["figures"]["recvmmsg floor CPU"]["values"][0] > 0
    assert rows["playout"]["curves"]["translink"]["points"]
    page = (tmp_path / "index.html").read_text()
    drawn = ("ingest", "hand-off", "playout")
    assert all(f'src="{row}.svg"' in page for row in drawn), "the distributions of three rows"
    assert "<text" in (tmp_path / "playout.svg").read_text()
    assert "//" not in page, "nothing is fetched"
    assert "| ingest losses at 40,000 datagrams/s |" in (tmp_path / "report.md").read_text()


def test_the_only_leg_of_a_shared_port_is_sent_to_from_its_own_address() -> None:
    reported, sent = listen("shared", 1, 0.3)
    assert sent.sent >= 30
    assert reported["datagrams"] > 0


@pytest.mark.timeout(300)
def test_the_rows_of_whole_calls_run(tmp_path: Path) -> None:
    rows = bench("capacity or mouth or workers or interpreting or (wire and not tls)", tmp_path)
    assert set(rows) == {"capacity", "mouth-to-ear", "wire", "interpreting"} | (
        {"workers"} if has_quota() else set()
    )
    assert rows["wire"]["figures"]["translink missing"]["values"] == [0]
    if has_quota():
        # How fast it was is the benchmark's to judge; here it is said, and no word is lost.
        notes = " ".join(rows["workers"]["notes"])
        assert rows["workers"]["figures"]["carried"]["values"] == [2] or " p99 " in notes
        assert "words" not in notes
    for row in ("capacity", "mouth-to-ear"):
        figures = rows[row]["figures"]
        assert figures["words said"]["values"][0] > 5
        assert figures["words doubled or misplaced"]["values"] == [0]
    assert rows["mouth-to-ear"]["figures"]["mouth to ear p50"]["values"][0] > 720
    talk = rows["interpreting"]["figures"]
    assert talk["bridge × 1.25: words said"]["values"][0] > 10
    assert talk["bridge × 1.25: words lost, doubled, revised or misplaced"]["values"] == [0]


@pytest.mark.timeout(240)
def test_the_soak_has_half_of_what_was_carried(tmp_path: Path) -> None:
    rows = bench("capacity or (soak and plain)", tmp_path, "--minutes=0.05")
    (carried,) = rows["capacity"]["figures"]["carried"]["values"]
    # Nothing is carried where the machine is too busy for a single call.
    assert rows["soak"]["case"] == ("1 call" if carried else "10 calls") + " for 0.05 min"


@pytest.mark.timeout(240)
def test_the_rows_over_tls_run(tmp_path: Path) -> None:
    if not has_openssl_headers():
        pytest.skip("no OpenSSL headers here: apt-get install libssl-dev")
    rows = bench("wire_tls or production or handshake", tmp_path)
    assert set(rows) == {"wire", "production", "handshake"}
    assert rows["wire"]["case"] == "1 call over TLS"
    assert rows["wire"]["figures"]["translink missing"]["values"] == [0]
    figures = rows["production"]["figures"]
    assert figures["conversation, TLS: words said"]["values"][0] > 2
    assert figures["conversation, TLS: words doubled or misplaced"]["values"] == [0]
    assert rows["handshake"]["figures"]["until all are back, TLS"]["values"][0] > 0


@pytest.mark.timeout(240)
def test_the_dashboard_is_looked_at(tmp_path: Path) -> None:
    chromium_program()
    figures = bench("dashboard", tmp_path)["dashboard"]["figures"]
    assert figures["frames"]["values"][0] > 0
    assert figures["the list, messages"]["values"][0] > 0


def test_a_gap_is_replayed_in_virtual_time() -> None:
    delays, _ = replay(1.0, 0.3, resets=2)
    assert len(delays) > 20
