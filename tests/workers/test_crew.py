"""What the process that looks after the workers gives them to do."""

from __future__ import annotations

import asyncio
import io
from contextlib import AsyncExitStack

import pytest

from tests.workers.test_split import settings
from translink.admin.routes.requests import ModeChange
from translink.errors import SettingsError
from translink.wiring.endpoints import endpoints_of
from translink.workers.crew import Crew
from translink.workers.worker import WorkOrder, orders, packed


class Pipe:
    """A worker's process, as far as it is spoken to."""

    pid = 1

    def __init__(self) -> None:
        self.got: list[WorkOrder] = []

    async def send(self, data: bytes) -> None:
        self.got += orders(io.BytesIO(data))


async def test_what_is_switched_while_a_worker_starts_is_in_force_there_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = settings(2)
    crew, pipe = Crew(whole, lambda: whole, 2), Pipe()
    crew._endpoints = endpoints_of(whole)
    berth = crew.berths["w1"]
    monkeypatch.setattr(berth, "_process", pipe)
    await pipe.send(packed(berth._order(1)))
    crew._mode_set(ModeChange(mode="prerecorded"))  # it cannot be asked yet
    berth.url = "http://127.0.0.1:1"
    crew._serving(berth)
    await asyncio.gather(*crew._tasks)
    assert [order.settings.mode for order in pipe.got] == ["auto", "prerecorded"]
    # Where nothing was, nothing is told.
    crew._serving(berth)
    await asyncio.gather(*crew._tasks)
    assert len(pipe.got) == 2


async def test_a_file_that_cannot_be_played_is_refused_before_a_worker_starts() -> None:
    """By the crew, whose exit code is then that of a wrong setting."""
    whole = settings(2, menu={"languages": "en, fr", "file": "/nowhere.wav"})
    crew = Crew(whole, lambda: whole, 2)
    async with AsyncExitStack() as stack:
        with pytest.raises(SettingsError, match=r"menu\.file: /nowhere\.wav: cannot be read"):
            await crew._serve(stack)
    assert [berth.starts for berth in crew.berths.values()] == [0, 0]
