"""The time of day goes on, whatever becomes of the machine's clock."""

from __future__ import annotations

import time

import pytest

from translink.process.clock import unix


def test_a_step_of_the_machines_clock_is_no_step_here(monkeypatch: pytest.MonkeyPatch) -> None:
    before = unix()
    monkeypatch.setattr(time, "time", lambda: 1e9)
    assert 0 <= unix() - before < 5


def test_a_moment_of_the_monotonic_clock_as_the_time_of_day() -> None:
    now = time.monotonic()
    assert unix(now) - unix(now - 60) == pytest.approx(60)
    assert unix(now) == pytest.approx(time.time(), abs=1.0)
