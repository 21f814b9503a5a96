"""How punctual the ear's clock is. Prints JSON.

    python benches/playout.py [--seconds 60] [--reference] [--busy]

Speech of `--seconds` is played; another socket takes the datagrams with kernel receive times. A
datagram's deviation is its distance from the grid of 20 ms that begins at the first one, moved so
that the earliest datagram is on time. `--reference` measures the asyncio implementation instead;
`--busy` keeps the interpreter busy meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import struct
import threading
import time

import uvloop

SO_TIMESTAMPNS = 35
TICK = 20_000_000


class Ear(threading.Thread):
    """Takes datagrams and their kernel receive times until nothing comes for half a second."""

    def __init__(self) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(5.0)
        self.address = self._socket.getsockname()
        self.times: list[int] = []
        self.sizes: set[int] = set()

    def run(self) -> None:
        with self._socket:
            while True:
                try:
                    data, control, _, _ = self._socket.recvmsg(2048, 64)
                except TimeoutError:
                    return
                self._socket.settimeout(0.5)
                seconds, nanos = struct.unpack("qq", control[0][2])
                self.times.append(seconds * 1_000_000_000 + nanos)
                self.sizes.add(len(data))


def deviations(times: list[int]) -> list[float]:
    """Milliseconds from the grid, sorted."""
    off = [at - times[0] - n * TICK for n, at in enumerate(times)]
    earliest = min(off)
    return sorted((value - earliest) / 1e6 for value in off)


def play_engine(ear: Ear, seconds: float) -> dict[str, int]:
    """Play through the engine."""
    from translink._core import Engine

    engine = Engine()
    leg = engine.add_leg(listen=("127.0.0.1", 0), play_to=ear.address, playout_seconds=seconds + 1)
    assert engine.play(leg, 1, bytes(int(seconds * 32_000)), True) == int(seconds * 32_000)
    ear.join()
    counters = engine.counters(leg)
    engine.close()
    return {"late_wakes": counters["late_wakes"], "underruns": counters["underruns"]}


async def play_reference(ear: Ear, seconds: float) -> dict[str, int]:
    """Play through the asyncio implementation."""
    from reference_udp import ReferenceLeg  # type: ignore[import-not-found]  # beside this script

    leg = await ReferenceLeg.open(("127.0.0.1", 0), ear.address)
    leg.play(bytes(int(seconds * 32_000)))
    await asyncio.to_thread(ear.join)
    leg.close()
    return {}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--reference", action="store_true")
    parser.add_argument("--busy", action="store_true")
    args = parser.parse_args()
    ear = Ear()
    ear.start()
    stop = threading.Event()
    if args.busy:
        threading.Thread(target=burn, args=(stop,)).start()
    if args.reference:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            extra = runner.run(play_reference(ear, args.seconds))
    else:
        extra = play_engine(ear, args.seconds)
    stop.set()
    off = deviations(ear.times)
    span = (ear.times[-1] - ear.times[0]) / 1e9
    print(
        json.dumps(
            {
                "what": "asyncio" if args.reference else "engine",
                "seconds": args.seconds,
                "datagrams": len(ear.times),
                "sizes": sorted(ear.sizes),
                "real_time_percent": round(100 * (len(ear.times) - 1) * 0.02 / span, 3),
                "deviation_ms": {
                    "p50": round(off[len(off) // 2], 3),
                    "p99": round(off[len(off) * 99 // 100], 3),
                    "max": round(off[-1], 3),
                },
                **extra,
                "load_average": os.getloadavg()[0],
                "machine": platform.platform(),
            },
            indent=2,
        )
    )


def burn(stop: threading.Event) -> None:
    """Compete for the interpreter's lock."""
    while not stop.is_set():
        sum(range(1000))
        time.sleep(0)


if __name__ == "__main__":
    main()
