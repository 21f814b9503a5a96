"""The control of the chaos table: the counting sees what is lost, and only that."""

from __future__ import annotations

import asyncio

import pytest

from translink.sim.programs import PROGRAM
from translink.sim.run import Scene, simulate


@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_a_client_without_a_ledger_loses_words_by_a_reset_and_none_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PROGRAM, "tests.naive")
    calm, reset = await asyncio.gather(
        simulate(Scene(1, 6.0, 3)), simulate(Scene(1, 6.0, 3, ("listen:reset@4",)))
    )
    assert calm["perfect"], calm
    assert calm["words_heard"] == calm["words_said"]
    lost = reset["words_lost"]
    assert isinstance(lost, int)
    assert lost > 0
    assert reset["words_doubled"] == 0
