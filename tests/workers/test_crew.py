"""What the process that looks after the workers gives them to do."""

from __future__ import annotations

import asyncio
import io
import signal
import time
from contextlib import AsyncExitStack

import pytest
import structlog

from tests.workers.test_split import settings
from translink.admin.routes.requests import ModeChange
from translink.errors import SettingsError
from translink.settings.model import Settings
from translink.wiring.endpoints import endpoints_of
from translink.workers import worker
from translink.workers.crew import Crew
from translink.workers.worker import WorkOrder, orders, packed


class Pipe:
    """A worker's process, as far as it is spoken to."""

    pid = 1

    def __init__(self) -> None:
        self.got: list[WorkOrder] = []
        self.signals: list[signal.Signals] = []

    async def send(self, data: bytes) -> None:
        self.got += orders(io.BytesIO(data))

    def signal(self, number: signal.Signals) -> None:
        self.signals.append(number)


class ImportingPipe(Pipe):
    """One that does not listen to signals yet, and so dies of them."""

    async def start(self) -> None:
        pass

    async def line(self) -> bytes:
        return b""

    async def wait(self) -> int:
        return -signal.SIGUSR1

    async def stop(self, _: float) -> int:
        return -signal.SIGUSR1


async def test_a_file_that_cannot_be_played_is_refused_before_a_worker_starts() -> None:
    """By the crew, whose exit code is then that of a wrong setting."""
    whole = settings(2, menu={"languages": "en, fr", "file": "/nowhere.wav"})
    crew = Crew(whole, lambda: whole, 2)
    async with AsyncExitStack() as stack:
        with pytest.raises(SettingsError, match=r"menu\.file: /nowhere\.wav: cannot be read"):
            await crew._serve(stack)
    assert [berth.starts for berth in crew.berths.values()] == [0, 0]


async def test_a_worker_that_was_getting_ready_when_a_drain_began_is_drained_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The nodes were asked without it. It would have taken calls, and never ended."""
    whole = settings(2)
    crew, pipe = Crew(whole, lambda: whole, 2), Pipe()
    berth = crew.berths["w1"]
    monkeypatch.setattr(berth, "_process", pipe)
    crew._drain_begun()
    berth.url = "http://127.0.0.1:1"
    crew._serving(berth)
    await asyncio.gather(*crew._tasks)
    assert pipe.signals == [signal.SIGUSR1]
    assert crew.placement.nodes() == {}
    crew._stopping = True
    crew._serving(berth)
    assert pipe.signals == [signal.SIGUSR1, signal.SIGTERM]


async def test_a_worker_that_a_drain_ends_in_its_start_is_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = settings(2)
    berth = Crew(whole, lambda: whole, 2).berths["w1"]
    monkeypatch.setattr(berth, "_process", ImportingPipe())
    berth.leave()
    await berth.run()
    assert (berth.starts, berth.exit_code) == (1, 0)


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


async def test_an_order_is_news_to_a_worker_once_and_its_first_one_never() -> None:
    whole = settings(2)
    crew = Crew(whole, lambda: whole, 2)
    crew._endpoints = endpoints_of(whole)
    order = crew.berths["w1"]._order
    desk = worker._Desk(order(1))
    assert not desk.news(), "it is what it began with"
    desk.order = order(1)
    assert [desk.news() for _ in range(2)] == [True, False]


async def test_of_two_orders_to_read_the_settings_the_later_one_holds() -> None:
    """The files may be read faster the second time."""
    whole, modes = settings(2), ["prerecorded", "streaming"]

    def read() -> Settings:
        mode = modes.pop(0)
        if modes:
            time.sleep(0.3)
        return whole.model_copy(update={"mode": mode})

    crew = Crew(whole, read, 2)
    await asyncio.gather(crew.reload(), crew.reload())
    assert crew._settings.mode == "streaming"


async def test_a_mode_that_is_written_into_the_file_once_it_is_in_force_counts_as_edited() -> None:
    """As of somebody who makes it last, and was told that nothing in the file was edited."""
    whole = settings(2)
    crew = Crew(whole, lambda: whole.model_copy(update={"mode": "prerecorded"}), 2)
    crew._mode_set(ModeChange(mode="prerecorded"))
    with structlog.testing.capture_logs() as lines:
        await crew.reload()
        assert [line for line in lines if "nothing in them was edited" in line["event"]] == []
        await crew.reload()
        assert [line for line in lines if "nothing in them was edited" in line["event"]]
    assert crew._settings.mode == "prerecorded"


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
    told = [line for line in lines if line["log_level"] == "warning"]
    assert [(line["mode"], line["settings_mode"], line.get("legs")) for line in told] == [
        ("auto", "auto", {name: "streaming"}),
        ("prerecorded", "auto", None),
    ]
