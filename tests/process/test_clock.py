"""The time of day goes on while calls run, whatever becomes of the machine's clock, and is right between them."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.support.virtual import run_virtually
from translink.process import clock
from translink.process.clock import follow, keep_time, unix


@pytest.fixture(autouse=True)
def left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test does to the clock ends with the test."""
    monkeypatch.setattr(clock._Offset, "seconds", clock._Offset.seconds)


def test_a_step_of_the_machines_clock_is_no_step_here(monkeypatch: pytest.MonkeyPatch) -> None:
    before = unix()
    monkeypatch.setattr(time, "time", lambda: 1e9)
    assert 0 <= unix() - before < 5


def test_a_moment_of_the_monotonic_clock_as_the_time_of_day() -> None:
    now = time.monotonic()
    assert unix(now) - unix(now - 60) == pytest.approx(60)
    assert unix(now) == pytest.approx(time.time(), abs=1.0)


@pytest.mark.parametrize("step", [3_600.0, -7_200.0, 40 * 86_400.0])
def test_between_calls_it_is_set_as_the_machines_clock_was(
    monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    set_to = time.time() + step
    monkeypatch.setattr(time, "time", lambda: set_to)
    follow()
    assert unix() == pytest.approx(set_to, abs=5.0)


def test_what_ntp_corrects_all_the_time_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = clock._Offset.seconds
    monkeypatch.setattr(time, "time", lambda: before + 0.5 + time.monotonic())
    follow()
    assert clock._Offset.seconds == before


def test_two_clocks_that_were_not_read_in_one_moment_are_not_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, ran = clock._Offset.seconds, iter([1000.0, 1003.0])
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: next(ran))
        follow()
    assert clock._Offset.seconds == before


def test_it_is_set_when_no_call_runs_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    before, calls = clock._Offset.seconds, ["c"]
    monkeypatch.setattr(time, "time", lambda: 2e9 + time.monotonic())

    async def scenario() -> None:
        keeping = asyncio.create_task(keep_time(lambda: not calls))
        await asyncio.sleep(60)
        assert clock._Offset.seconds == before
        calls.clear()
        await asyncio.sleep(2)
        assert clock._Offset.seconds == pytest.approx(2e9)
        keeping.cancel()

    run_virtually(scenario())
