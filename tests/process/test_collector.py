"""The collector leaves alone what stays, collects everything when nobody hears it, and is watched."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from tests.support.virtual import run_virtually
from translink.process.collector import LOOKS, OVERDUE, QUIET_SECONDS, YOUNG, Pauses


class Knot:
    """In a cycle with itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def pauses() -> Iterator[Pauses]:
    pauses = Pauses()
    pauses.watch()
    yield pauses
    pauses.close()


def test_what_was_there_before_is_looked_at_no_more_and_pauses_are_counted(pauses: Pauses) -> None:
    assert gc.get_freeze_count() > 10_000
    gc.collect()
    gc.collect(0)
    summary = pauses.summary()
    assert summary["count"] == 2
    assert 0 < summary["longest_ms"] <= summary["total_ms"]
    pauses.close()
    pauses.close()
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert pauses.summary() == summary


def test_python_itself_looks_seldom_and_as_before_afterwards() -> None:
    before = gc.get_threshold()
    pauses = Pauses()
    pauses.watch()
    try:
        pauses.watch()
        assert gc.get_threshold() == (YOUNG, *before[1:])
    finally:
        pauses.close()
    assert gc.get_threshold() == before


def test_what_was_looked_at_once_is_looked_at_no_more(pauses: Pauses) -> None:
    async def run() -> None:
        tidying = asyncio.create_task(pauses.tidy(lambda: True))
        call = [Knot() for _ in range(1_000)]
        await asyncio.sleep(3 * LOOKS)
        assert gc.get_freeze_count() < before + 1_000, "nobody looked at it"
        gc.collect(0)
        await asyncio.sleep(2 * LOOKS)
        assert gc.get_freeze_count() >= before + 1_000
        assert pauses.full == 0, "a call runs"
        del call
        tidying.cancel()

    before = gc.get_freeze_count()
    gc.disable()
    try:
        run_virtually(run())
    finally:
        gc.enable()


def test_everything_is_collected_once_the_last_call_has_been_over_for_a_while(
    pauses: Pauses,
) -> None:
    calls = [1]

    async def run() -> None:
        tidying = asyncio.create_task(pauses.tidy(lambda: calls))
        gc.collect(0)
        await asyncio.sleep(3 * QUIET_SECONDS)
        assert pauses.full == 0
        calls.clear()
        await asyncio.sleep(3 * QUIET_SECONDS)
        assert pauses.full == 1
        tidying.cancel()

    run_virtually(run())


def test_everything_is_collected_when_no_call_has_run_for_a_while_and_only_after_some_work(
    pauses: Pauses,
) -> None:
    gc.collect(0)
    assert not pauses.due(100.0, busy=True)
    assert not pauses.due(101.0, busy=False)
    assert not pauses.due(101.0 + QUIET_SECONDS - 0.1, busy=False)
    assert not pauses.due(101.0 + QUIET_SECONDS, busy=True), "somebody rang"
    assert not pauses.due(110.0, busy=False)
    assert pauses.due(110.0 + QUIET_SECONDS, busy=False)
    pauses.collect()
    assert not pauses.due(120.0 + QUIET_SECONDS, busy=False), "nothing happened since"
    gc.collect(0)
    assert pauses.due(121.0 + QUIET_SECONDS, busy=False)
    assert (pauses.summary()["full_when_quiet"], pauses.summary()["count"]) == (1, 2)


def test_what_was_frozen_and_is_garbage_now_goes_at_a_quiet_moment() -> None:
    knot = Knot()
    gone = weakref.ref(knot)
    pauses = Pauses()
    pauses.watch()
    try:
        del knot
        gc.collect()
        assert gone() is not None, "frozen"
        pauses.collect()
        assert gone() is None
        assert gc.get_freeze_count() > 10_000, "frozen again"
    finally:
        pauses.close()


def test_where_it_is_never_quiet_garbage_that_was_frozen_has_a_bound(pauses: Pauses) -> None:
    async def run() -> None:
        tidying = asyncio.create_task(pauses.tidy(lambda: True))
        knot = Knot()
        gone = weakref.ref(knot)
        gc.collect(0)
        await asyncio.sleep(2 * LOOKS)
        del knot
        for _ in range(OVERDUE - 2):
            gc.collect(0)
        await asyncio.sleep(2 * LOOKS)
        assert gone() is not None, "frozen"
        gc.collect(0)
        await asyncio.sleep(2 * LOOKS)
        assert gone() is None
        summary = pauses.summary()
        assert (summary["count"], summary["full_when_quiet"]) == (OVERDUE + 1, 0), "it is a pause"
        tidying.cancel()

    gc.disable()
    try:
        run_virtually(run())
    finally:
        gc.enable()
