"""What a leg costs in memory, by what it has done so far. Prints JSON, KiB per leg.

    python benches/leg_memory.py [--legs 400]

Each figure is the growth of the resident set since the one before, divided by the legs: *idle* (made,
heard nothing), *heard* (one second of audio), *spoke* (one second waiting for the ear), *full* (the
ledger has gone round: 60 s are 1,875 KiB of it, by design).
"""

from __future__ import annotations

import argparse
import json
import socket
import time
from pathlib import Path

from translink._core import Engine

LOCAL = ("127.0.0.1", 0)
SECOND = bytes(range(250)) * 128


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def measure(legs: int, seconds: int) -> dict[str, float]:
    """Growth per leg in KiB, step by step. `seconds` of audio fill the ledger."""
    engine = Engine()
    # The thread, its buffers and the mailbox are touched before anything is measured.
    warm = engine.add_leg(listen=LOCAL, tail_ms=0)
    said = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    address = engine.local_address(warm)
    for _ in range(9_000):
        said.sendto(SECOND[:640], address)
        engine.drain(4096)
    figures, last = {}, resident()

    def step(name: str) -> None:
        nonlocal last
        now = resident()
        figures[name] = round((now - last) / legs / 1024, 1)
        last = now

    made = [engine.add_leg(listen=LOCAL, tail_ms=0) for _ in range(legs)]
    addresses = [engine.local_address(leg) for leg in made]
    step("idle")
    hear(engine, said, made, addresses, 1)
    step("heard")
    for leg in made:
        engine.play(leg, 1, SECOND)
    time.sleep(0.1)
    step("spoke")
    hear(engine, said, made, addresses, seconds)
    step("full")
    engine.close()
    said.close()
    return figures


def hear(
    engine: Engine,
    said: socket.socket,
    legs: list[int],
    addresses: list[tuple[str, int]],
    seconds: int,
) -> None:
    """Have every leg hear so many seconds; returns when all is in."""
    goal = {leg: engine.counters(leg)["bytes_in"] + seconds * len(SECOND) for leg in legs}
    for leg, address in zip(legs, addresses, strict=True):
        for _ in range(seconds):
            said.sendto(SECOND, address)
        while engine.counters(leg)["bytes_in"] < goal[leg]:
            engine.drain(4096)
            time.sleep(0.0005)
    while engine.drain(4096):
        pass


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--legs", type=int, default=400)
    parser.add_argument("--seconds", type=int, default=61)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.legs, arguments.seconds)))


if __name__ == "__main__":
    main()
