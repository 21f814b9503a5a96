"""What an open dashboard costs: CPU time of the serving thread, with 100 calls, by what it watches.

    .venv/bin/python benches/live_cost.py [calls] [seconds]

Calls and legs are real ones without sockets (`tests.support`), events come at the rates of a lively
conversation, the dashboard is a WebSocket client in a process of its own. CPU time of one thread,
so that other work on the machine hardly counts; the difference to nobody watching is the dashboard's.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import sys
import time
from typing import Any

import aiohttp
import uvloop

from tests.support.console import Desk
from translink.admin import AdminServer
from translink.calls.exchange import LegWish

RATES = {"interim": 1.6, "final": 0.4, "segment": 0.4, "translation": 0.4, "speech": 0.8}
"""A second and call: both talk by turns, an utterance each 2.5 s."""
ON_SCREEN = 8


def watch(url: str, watching: dict[str, Any], seconds: float, told: Any) -> None:
    """A dashboard in a process of its own."""

    async def run() -> None:
        messages = size = 0
        async with aiohttp.ClientSession() as http, http.ws_connect(url, max_msg_size=0) as socket:
            await socket.send_json({"watch": watching})
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                try:
                    message = await socket.receive_str(timeout=left)
                except TimeoutError:
                    break
                messages += 1
                size += len(message)
        told.send((messages / seconds, size / seconds / 1024))

    asyncio.run(run())


class Talk:
    """Makes happen in all calls what happens in calls."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._rng = random.Random(1)
        self._segment = 0

    async def run(self) -> None:
        calls = list(self._desk.board.switchboard.calls.values())
        while True:
            began = time.monotonic()
            for call in calls:
                leg = self._rng.choice(call.legs)
                for type_, rate in RATES.items():
                    if self._rng.random() < rate * 0.1:
                        self._emit(type_, call, leg)
                for name in call.legs:
                    self._desk.opened[name].head += 1600
            await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - began)))

    def _emit(self, type_: str, call: Any, leg: str) -> None:
        self._segment += 1
        data: dict[str, Any] = {"text": "So then we went to the station and waited.", "segment": 1}
        data["segment"] = self._segment
        if type_ == "segment":
            data |= {"began": time.time() - 2, "ended": time.time(), "language": "en"}
            tally = call.interpreters[leg].tally
            tally.segments += 1
            tally.words += 9
        for stage in ("own", "mouth_to_ear", "ring_to_wire"):
            call.stages.record(stage, self._rng.random())
        self._desk.board.journal.emit(type_, data, call=call.name, leg=leg)


async def measure(calls: int, seconds: float) -> None:
    desk = Desk(
        calls={"ports": "24000-24999", "max_created": calls},
        transcripts={"lines": 2000},
        idle_timeout=3600,
    )
    for _ in range(calls):
        desk.console.create_call((LegWish("en"), LegWish("fr")))
    server = AdminServer(desk.console, port=0)
    await server.start()
    await asyncio.sleep(1.0)
    talk = asyncio.create_task(Talk(desk).run())
    url = server.url + "/api/live"
    running = list(desk.board.switchboard.calls.values())[:ON_SCREEN]
    names = [call.name for call in running]
    legs = [leg for call in running for leg in call.legs]
    views: list[tuple[str, dict[str, Any] | None]] = [
        ("nobody", None),
        ("the list", {}),
        ("one call open", {"calls": names[:1], "levels": legs[:2]}),
        (f"{ON_SCREEN} calls open, all events", {"calls": names, "levels": legs, "events": "all"}),
        ("nobody", None),
    ]
    base: list[float] = []
    print(f"{calls} calls, {seconds:.0f} s each, CPU time of the serving thread\n")
    print("| watched | core % | dashboard's % | messages/s | kB/s |\n|---|---|---|---|---|")
    for name, watching in views:
        told, child = multiprocessing.Pipe(duplex=False)
        process = None
        if watching is not None:
            process = multiprocessing.get_context("spawn").Process(
                target=watch, args=(url, watching, seconds + 1.0, child)
            )
            process.start()
            await asyncio.sleep(2.0)  # it loads
        cpu, wall = time.thread_time(), time.monotonic()
        await asyncio.sleep(seconds)
        share = (time.thread_time() - cpu) / (time.monotonic() - wall) * 100
        rate = (0.0, 0.0)
        if process is not None:
            await asyncio.to_thread(process.join)
            rate = told.recv()
        else:
            base.append(share)
        own = share - base[0]
        print(f"| {name} | {share:.2f} | {own:.2f} | {rate[0]:.1f} | {rate[1]:.0f} |", flush=True)
    talk.cancel()
    await server.close()
    await desk.board.switchboard.close("measured")


if __name__ == "__main__":
    arguments = [float(argument) for argument in sys.argv[1:]]
    chosen = (int(arguments[0]) if arguments else 100, arguments[1] if arguments[1:] else 10.0)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(*chosen))
