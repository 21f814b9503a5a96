"""A stranger's flood on the port of one leg: what it costs the media thread and the other legs.

Every leg has a talker of its own, 50 datagrams a second, and an ear that is played to; one ear's
datagrams are timed. So it goes for a while without, and for as long with somebody else's datagrams
pouring into the port of another leg. The cost is the media thread's own processor time, as the
kernel keeps it.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import time

from benches.kit.ears import behind_grid_ms
from benches.kit.native import program
from benches.kit.processes import thread_seconds
from benches.kit.quantiles import named
from benches.kit.row import Bench, Row
from tests.engine.kit import EarThread
from translink._core import Engine

LEGS = 10
RATE = 50_000
LOCAL = ("127.0.0.1", 0)


def bench_stray_flood(bench: Bench) -> None:
    """With and without, in turns."""
    seconds = bench.scale.pick(1, 3, 10)
    row = Row("stray flood", f"{RATE:,} strangers/s on one of {LEGS} legs")

    def once() -> None:
        tell(row, "quiet", StrayScene(), seconds, flooded=False)
        tell(row, "flooded", StrayScene(), seconds, flooded=True)

    bench.measure(row, once, repeats=bench.scale.pick(1, 2, 3))


def tell(row: Row, name: str, scene: StrayScene, seconds: int, *, flooded: bool) -> None:
    """One phase."""
    sent, cpu, late = scene.play(seconds, flooded=flooded)
    lost = [line.said - scene.count(line, "datagrams_in") for line in scene.lines]
    row.add(f"{name}, datagrams of talkers lost", "", sum(lost), at_most=0.0)
    row.quantiles(f"{name}, playout", "ms", named(late), "p50", "p99", noise=0.2)
    row.add(f"{name}, media thread", "% of a core", 100 * cpu / seconds, noise=0.2)
    if flooded:
        reported = scene.count(scene.lines[-1], "strangers")
        row.add("strangers counted", "of those sent", reported / sent, better="same")
        row.add("strangers sent", "1/s", sent / seconds, own=False, better="same")
    scene.close()


class StrayLine:
    """A leg with its talker."""

    def __init__(self, engine: Engine, ear: tuple[str, int]) -> None:
        self.leg = engine.add_leg(listen=LOCAL, play_to=ear, tail_ms=0)
        self.address = engine.local_address(self.leg)
        self._talker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._talker.connect(self.address)
        self.said = 0

    def say(self) -> None:
        """20 ms."""
        self._talker.send(bytes(640))
        self.said += 1

    def close(self) -> None:
        """Its talker is gone."""
        self._talker.close()


class StrayScene:
    """An engine with its legs, each of which has spoken once."""

    def __init__(self) -> None:
        self._engine = Engine()
        self._ear = EarThread()
        self._sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sink.bind(LOCAL)
        ears = [self._ear.address] + [self._sink.getsockname()] * (LEGS - 1)
        self.lines = [StrayLine(self._engine, ear) for ear in ears]
        """The last one is flooded, and the first one's ear is timed."""
        for line in self.lines:
            line.say()

    def play(self, seconds: int, *, flooded: bool) -> tuple[int, float, list[float]]:
        """Strangers sent, the media thread's seconds, the timed datagrams' lateness in ms."""
        self._ear.start()
        for line in self.lines:
            self._engine.play(line.leg, 1, bytes(seconds * 32_000), True)
        time.sleep(0.1)
        before = media_seconds()
        flood = start_flood(self.lines[-1].address[1], seconds) if flooded else None
        begin = time.monotonic()
        for tick in range(seconds * 50):
            for line in self.lines:
                line.say()
            while (left := begin + (tick + 1) / 50 - time.monotonic()) > 0:
                if select.select([self._engine.fileno()], [], [], left)[0]:
                    self._engine.drain(4096)
        cpu = media_seconds() - before
        sent = json.loads(flood.communicate()[0])["sent"] if flood else 0
        # What the kernel kept out is counted with the next datagram that it lets in.
        self.lines[-1].say()
        self._ear.join()
        return sent, cpu, behind_grid_ms(self._ear.times)

    def count(self, line: StrayLine, name: str) -> int:
        """One of a leg's counters."""
        counters: dict[str, int] = dict(self._engine.counters(line.leg))  # type: ignore[arg-type]
        return counters[name]

    def close(self) -> None:
        """All of it."""
        self._engine.close()
        self._sink.close()
        for line in self.lines:
            line.close()


def start_flood(port: int, seconds: int) -> subprocess.Popen[str]:
    """Somebody else, who sends 640 bytes at a time to one port."""
    command = [str(program("sender")), str(seconds), str(RATE), "640", "1000"]
    flood = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert flood.stdin is not None
    flood.stdin.write(f"{port}\n")
    flood.stdin.close()
    flood.stdin = None
    return flood


def media_seconds() -> float:
    """Processor time of the media thread."""
    return thread_seconds(os.getpid())["translink-media"]


SO_TIMESTAMPNS = 35
