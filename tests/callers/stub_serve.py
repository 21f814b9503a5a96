"""Stands in for `translink serve` in tests of what calls it: says back to each leg what the other
one said.

Run with `--config FILE`. A saying ends after 300 ms without sound; its sound then goes to the other
leg's ear in real time and events tell of it. `--fail` makes it end at once, `--mute LEG` says
nothing of what that leg said, `--deaf LEG` misses the first thing that it says.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # it runs as a file

from tests.fakes.admin import Program
from translink.admin import AdminServer
from translink.observe.journal import Event

Address = tuple[str, int]
EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("interim", {"text": "some"}),
    ("final", {"text": "something"}),
    ("segment", {"text": "something"}),
    ("translation", {"text": "quelque chose", "ms": 4.2}),
    ("speech", {"state": "started", "ms": {"own": 1.5}}),
)
"""What becomes of each saying."""


class StubLeg(asyncio.DatagramProtocol):
    def __init__(self, server: Stub, name: str, ear: Address) -> None:
        self.server, self.name, self.ear = server, name, ear
        self.other: StubLeg = self
        self.counters = {"datagrams_in": 0, "bytes_in": 0, "datagrams_out": 0, "drops_kernel": 0}
        self.said = bytearray()
        self.last = 0.0
        self.sayings = 0
        self.socket: Any = None

    def connection_made(self, transport: Any) -> None:
        self.socket = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.counters["datagrams_in"] += 1
        self.counters["bytes_in"] += len(data)
        now = time.monotonic()
        if any(data):
            self.last = now
            self.said += data
        elif self.said and now - self.last > 0.3:
            self.server.interpret(self)

    async def play(self, pcm: bytes) -> None:
        due = time.monotonic()
        for at in range(0, len(pcm), 640):
            self.socket.sendto(pcm[at : at + 640], self.ear)
            self.counters["datagrams_out"] += 1
            due += 0.02
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def _same(leg: StubLeg) -> StubLeg:
    return leg


class StubConsole(Program):
    """What the admin server sees of it."""

    def __init__(self, legs: Mapping[str, StubLeg]) -> None:
        super().__init__()
        self._stub_legs = legs

    def leg_stats(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, leg in self._stub_legs.items():
            yield name, leg.counters

    def _figures(self) -> Mapping[str, Any]:
        return {"totals": {}, "stages_ms": {"own": {"count": 3, "p50": 1.0, "p95": 2.0}}}

    def emit(self, event: Event) -> None:
        for _, _, subscription in self.subscriptions:
            subscription.queue.put_nowait(event)


class Stub:
    def __init__(self, settings: dict[str, Any], mute: str, deaf: str) -> None:
        self.settings, self.mute, self.deaf = settings, mute, deaf
        self.legs: dict[str, StubLeg] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.console = StubConsole(self.legs)

    def interpret(self, leg: StubLeg) -> None:
        pcm = bytes(leg.said)
        leg.said.clear()
        leg.sayings += 1
        if leg.name == self.mute or (leg.name == self.deaf and leg.sayings == 1):
            return
        for type_, data in EVENTS:
            event = Event(type_, time.time(), "1", leg.name, {"segment": leg.sayings, **data})
            self.console.emit(event)
        task = asyncio.create_task(leg.other.play(pcm))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        for leg in self.settings["legs"]:
            ear, listen = (
                (host, int(port))
                for host, port in (leg[key].split(":") for key in ("play_to", "listen"))
            )
            made = self.legs[leg["name"]] = StubLeg(self, leg["name"], ear)
            await loop.create_datagram_endpoint(functools.partial(_same, made), local_addr=listen)
        one, two = self.legs.values()
        one.other, two.other = two, one
        await AdminServer(self.console, port=self.settings["admin"]["port"]).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--fail", action="store_true")
    parser.add_argument("--mute", default="")
    parser.add_argument("--deaf", default="")
    asked = parser.parse_args()
    if asked.fail:
        raise SystemExit("cannot serve today")
    asyncio.run(Stub(tomllib.loads(asked.config.read_text()), asked.mute, asked.deaf).serve())
