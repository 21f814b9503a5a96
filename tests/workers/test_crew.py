"""What the process that looks after the workers gives them to do."""

from __future__ import annotations

import asyncio
import io

import pytest
import structlog

from tests.workers.test_split import settings
from translink.admin.routes.requests import ModeChange
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


async def test_what_was_switched_live_and_stays_is_said_when_settings_are_read_again() -> None:
    whole = settings(2)
    name = whole.legs[0].name
    crew = Crew(whole, lambda: whole, 2)
    with structlog.testing.capture_logs() as lines:
        await crew.reload()
        crew._mode_set(ModeChange(leg=name, mode="streaming"))
        await crew.reload()
        crew._mode_set(ModeChange(mode="prerecorded"))
        await crew.reload()
    assert [(line["mode"], line["settings_mode"], line.get("legs")) for line in lines] == [
        ("auto", "auto", {name: "streaming"}),
        ("prerecorded", "auto", None),
    ]
