"""A run's log, scored by the official OmniSTEval."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from translink.sim.talk.measure import HeardTalk
from translink.sim.talk.simulstream import write_simulstream
from translink.sim.talk.words import TalkWord, TimedTalk

TEXT = "We begin with the bridge. It costs more than we thought, and so we ask for help. Thank you."
TALK = TimedTalk(
    "bridge.A", tuple(TalkWord(w, 1 + 0.4 * n, 1.3 + 0.4 * n) for n, w in enumerate(TEXT.split()))
)
BEGAN = 500.0


def heard(later: float, *, without: int | None = None) -> HeardTalk:
    said = {n: BEGAN + word.end for n, word in enumerate(TALK.words)}
    return HeardTalk(said, [(n, at + later) for n, at in said.items() if n != without], [])


def scores(folder: Path, way: HeardTalk) -> dict[str, float]:
    for module in ("omnisteval", "simulstream", "sacrebleu", "yaml"):
        pytest.importorskip(
            module,
            reason="pip install --no-deps omnisteval simulstream; pip install sacrebleu pyyaml",
        )
    write_simulstream(folder, [TALK], [way])
    command = [sys.executable, "-m", "omnisteval.cli", "longform", "--word_level"]
    command += ["--hypothesis_format", "simulstream", "--hypothesis_file", "simulstream.jsonl"]
    command += ["--simulstream_config_file", "config.yaml", "--speech_segmentation"]
    command += ["segmentation.yaml", "--ref_sentences_file", "references.txt"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        name.strip(): float(value)
        for name, value in re.findall(r"^  (\S[^\n]*?)  +(-?\d+\.\d+)$", done.stdout, re.MULTILINE)
    }


@pytest.mark.timeout(180)
def test_the_official_scorer_reads_what_was_heard_and_how_late(tmp_path: Path) -> None:
    soon = scores(tmp_path / "soon", heard(1.0))
    late = scores(tmp_path / "late", heard(3.0))
    assert soon["BLEU"] == late["BLEU"] == pytest.approx(100.0)
    lag = "LongYAAL (CU)"
    assert late[lag] - soon[lag] == pytest.approx(2_000, abs=300)


@pytest.mark.timeout(120)
def test_a_word_that_was_lost_costs_points(tmp_path: Path) -> None:
    assert scores(tmp_path, heard(1.0, without=4))["BLEU"] < 99


def test_the_log_has_a_line_for_each_word(tmp_path: Path) -> None:
    write_simulstream(tmp_path, [TALK], [heard(1.0)])
    lines = (tmp_path / "simulstream.jsonl").read_text().splitlines()
    assert '"wav_name":"bridge.A.0.wav"' in lines[0]
    assert '"total_audio_processed":2.3' in lines[1]
    assert len(lines) == 1 + len(TALK.words)
    assert len((tmp_path / "references.txt").read_text().splitlines()) == 3
