"""The overload row reads the server's log, and judges by it."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest
import structlog

from benches.kit.callers import CallerPairs, write_audio
from benches.rows.bench_overload import Run
from translink.log import configure
from translink.results import RATE
from translink.sim.beacons import Manner


@pytest.fixture
def callers(tmp_path: Path) -> CallerPairs:
    return CallerPairs(3, 1, Manner(), tmp_path)


def logged(text: str, **fields: object) -> str:
    """A line as the server writes it."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    out = io.StringIO()
    configure(format="console", stream=out)
    try:
        structlog.get_logger("translink").warning(text, **fields)
    finally:
        root.handlers[:], root.level = before
        structlog.reset_defaults()
    return out.getvalue()


def test_calls_that_began_and_were_refused_are_read_from_the_servers_log(
    callers: CallerPairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung_up: list[int] = []
    monkeypatch.setattr(callers, "hang_up", hung_up.append)
    run = Run(1, 0.5)
    run.read_log(logged("call begins", call="1004-1", legs=["1004", "1005"]), callers)
    for _ in range(2):
        line = logged("call refused", legs=["1003", "1002"], reason="overloaded")
        run.read_log(line, callers)
    run.read_log(logged('[WEBSOCKET] FINAL transcript (1000): "call refused"'), callers)
    assert (run.begun, run.refused, hung_up) == ({2}, {1}, [1])
    assert run.first_refusal < float("inf")


def test_callers_who_hush_finish_their_burst(
    callers: CallerPairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[str] = []
    monkeypatch.setattr(callers, "_say", reported.append)
    monkeypatch.setattr("benches.kit.callers.time.monotonic", lambda: 104.0)
    parts = write_audio(callers.talkers, 12.0, tmp_path / "audio")
    assert all(size >= 600 * 640 for _, size in parts)
    callers.calling = {1}
    callers._began = {2: 100.0, 3: 100.0}
    callers.hush()
    assert [line.split()[:2] for line in reported] == [["until", "2"], ["until", "3"]]
    for place in (2, 3):
        said = callers.said(place)
        ends = [word.end for word in callers.talkers[place].planned]
        last = ends[len(said) - 1]
        assert last >= 5.0 * RATE
        assert ends[len(said)] - last > RATE // 2, "a pause follows"
        assert said[-1].at == pytest.approx(100 + last / RATE, abs=0.021)
