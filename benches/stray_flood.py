"""What a flood of a stranger's datagrams on one leg does to all others. Prints JSON.

    python benches/stray_flood.py [--rate 50000] [--seconds 10] [--size 640] [--legs 10]

Every leg has a talker of its own, 50 datagrams a second, and an ear that is played to; one ear's
datagrams are timed (`benches/playout.py`). So it goes for a while, then for as long with somebody
else flooding the port of one leg, then again without. The flood is another process. What the media
thread costs is its own processor time, as the kernel keeps it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from playout import Ear, deviations  # type: ignore[import-not-found]
from translink._core import Engine

FLOOD = Path(__file__).with_name("flood.py")
LOCAL = ("127.0.0.1", 0)


class Line:
    """A leg with its talker, and the ear that it is played to."""

    def __init__(self, engine: Engine, ear: tuple[str, int]) -> None:
        self._engine = engine
        self.number = engine.add_leg(listen=LOCAL, play_to=ear, tail_ms=0, playout_seconds=600)
        self.address = engine.local_address(self.number)
        self._talker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._talker.connect(self.address)
        self.said = 0

    def say(self) -> None:
        """20 ms."""
        self._talker.send(bytes(640))
        self.said += 1

    def close(self) -> None:
        """Close it."""
        self._engine.remove_leg(self.number)
        self._talker.close()


def phase(seconds: float, legs: int, rate: int, size: int) -> dict[str, object]:
    """Some seconds of calls; `rate` 0 = nobody floods."""
    engine, ear = Engine(), Ear()
    ear.start()
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind(LOCAL)
    # The last one is flooded, and it is not the one whose ear is timed.
    ears = [ear.address, *[sink.getsockname()] * legs]
    lines = [Line(engine, ears[n]) for n in range(legs)]
    flooded = lines[-1]
    for line in lines:
        line.say()
        engine.play(line.number, 1, bytes(int(seconds * 32_000)), True)
    time.sleep(0.1)
    cpu = media_seconds()
    flood = _flood(flooded.address, rate, seconds, size) if rate else None
    begin = time.monotonic()
    for tick in range(int(seconds * 50)):
        for line in lines:
            line.say()
        while (left := begin + (tick + 1) / 50 - time.monotonic()) > 0:
            if select.select([engine.fileno()], [], [], left)[0]:
                engine.drain(4096)
    took = time.monotonic() - begin
    sent = int(flood.communicate()[0]) if flood else 0
    used = media_seconds() - cpu
    # What the kernel kept out is told by the next datagram that it lets in.
    flooded.say()
    time.sleep(0.2)
    counters = {line: engine.counters(line.number) for line in lines}
    ear.join()
    for line in lines:
        line.close()
    engine.close()
    sink.close()
    off = deviations(ear.times)
    others = [line for line in lines if line is not flooded]
    return {
        "strangers_sent": sent,
        "strangers_a_second": round(sent / took),
        "strangers_dropped": counters[flooded]["strangers"],
        "drops_kernel": counters[flooded]["drops_kernel"],
        "own_talker_lost": flooded.said - counters[flooded]["datagrams_in"],
        "others_said": sum(line.said for line in others),
        "others_lost": sum(line.said - counters[line]["datagrams_in"] for line in others),
        "playout_ms": {
            "datagrams": len(ear.times),
            "p50": round(off[len(off) // 2], 3),
            "p99": round(off[len(off) * 99 // 100], 3),
            "max": round(off[-1], 3),
        },
        "media_cpu_percent": round(100 * used / took, 2),
        "seconds": round(took, 1),
    }


def media_seconds() -> float:
    """Processor time of the newest media thread."""
    used = 0.0
    for task in sorted(Path("/proc/self/task").iterdir(), key=lambda path: int(path.name)):
        if (task / "comm").read_text() == "translink-media\n":
            used = int((task / "schedstat").read_text().split()[0]) / 1e9
    return used


def _flood(at: tuple[str, int], rate: int, seconds: float, size: int) -> subprocess.Popen[str]:
    arguments = ["--send", f"{at[0]}:{at[1]}", "--rate", str(rate)]
    arguments += ["--seconds", str(seconds), "--size", str(size)]
    return subprocess.Popen([sys.executable, FLOOD, *arguments], stdout=subprocess.PIPE, text=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--size", type=int, default=640)
    parser.add_argument("--legs", type=int, default=10)
    args = parser.parse_args()
    phases = [("before", 0), ("flood", args.rate), ("after", 0)]
    told: dict[str, object] = {
        name: phase(args.seconds, args.legs, rate, args.size) for name, rate in phases
    }
    told |= {
        "load_average": os.getloadavg()[0],
        "machine": platform.platform(),
        "python": platform.python_version(),
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
