"""What the meter says about a loop that is idle, busy or blocked."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from translink.process.meter import LoadMeter, ThreadClock
from translink.process.pressure import Level, LoadLimits, Pressure


class Watched(Pressure):
    """Keeps what it was reported."""

    def __init__(self, limits: LoadLimits | None = None) -> None:
        super().__init__(limits)
        self.reported: list[tuple[float, float, float]] = []

    def observe(self, now: float, lag: float, busy: float) -> Level:
        self.reported.append((now, lag, busy))
        return super().observe(now, lag, busy)


@contextlib.asynccontextmanager
async def metered(pressure: Pressure) -> AsyncIterator[list[tuple[Level, Level]]]:
    changes: list[tuple[Level, Level]] = []
    meter = LoadMeter(pressure, lambda was, now: changes.append((was, now)), period=0.05)
    task = asyncio.create_task(meter.run())
    try:
        yield changes
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def work(seconds: float) -> None:
    """Use the processor."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


async def test_an_idle_loop_is_found_idle() -> None:
    pressure = Watched()
    async with metered(pressure):
        await asyncio.sleep(0.5)
    shares = sorted(busy for _, _, busy in pressure.reported)
    assert len(shares) >= 3
    assert shares[len(shares) // 2] < 0.5


async def test_a_loop_that_works_all_the_time_is_found_busy() -> None:
    pressure = Watched()
    async with metered(pressure):
        end = time.monotonic() + 0.6
        while time.monotonic() < end:
            work(0.01)
            await asyncio.sleep(0)
    shares = sorted(busy for _, _, busy in pressure.reported)
    assert shares[len(shares) // 2] > 0.8


async def test_a_blocked_loop_is_found_late_by_as_much() -> None:
    pressure = Watched()
    async with metered(pressure):
        await asyncio.sleep(0.12)
        time.sleep(0.3)  # noqa: ASYNC251 - the blocking is what is measured
        await asyncio.sleep(0.12)
    assert max(lag for _, lag, _ in pressure.reported) >= 0.3 - 0.05 - 0.01


async def test_work_that_is_no_calls_is_not_taken_for_theirs() -> None:
    pressure, aside = Watched(), 0.0
    task = asyncio.create_task(LoadMeter(pressure, period=0.05, aside=lambda: aside).run())
    end = time.monotonic() + 0.6
    while time.monotonic() < end:
        before = time.monotonic()
        work(0.01)
        aside += time.monotonic() - before
        await asyncio.sleep(0)
    task.cancel()
    shares = sorted(busy for _, _, busy in pressure.reported)
    assert shares[len(shares) // 2] < 0.4


async def test_changes_of_level_are_reported_once_each() -> None:
    pressure = Pressure(LoadLimits(shed=0.3, coalesce=2, refuse=2))
    async with metered(pressure) as changes:
        end = time.monotonic() + 5
        while not changes and time.monotonic() < end:
            work(0.02)
            await asyncio.sleep(0)
        assert changes == [(Level.CALM, Level.SHED)]


def test_waiting_for_a_processor_counts_and_waiting_for_time_does_not() -> None:
    clock = ThreadClock()
    try:
        began, before = time.monotonic(), clock.wanted()
        work(0.2)
        worked, wanted = time.monotonic() - began, clock.wanted() - before
        time.sleep(0.2)
        slept = clock.wanted() - before - wanted
    finally:
        clock.close()
    assert wanted >= 0.8 * worked
    assert slept < 0.1


def test_without_the_kernels_word_the_time_it_ran_must_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("translink.process.meter._SCHEDSTAT", "/nowhere/schedstat")
    clock = ThreadClock()
    before = clock.wanted()
    work(0.05)
    assert clock.wanted() > before
    clock.close()
