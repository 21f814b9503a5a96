"""Memory of a leg in the media engine, by what it has done so far.

Each figure is the growth of the resident set since the one before, by leg: *idle* (made, heard
nothing), *heard* (a second of audio), *spoke* (a second waits for the ear), *full* (its ledger has
gone round). What a whole call costs stands in the capacity row.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time

from benches.kit.native import ROOT
from benches.kit.row import Bench, Row
from translink._core import Engine
from translink.callers.server_process import resources_of

LOCAL = ("127.0.0.1", 0)
SECOND = bytes(range(250)) * 128
LEDGER_SECONDS = 10
"""One of 60 is six times as large."""


def bench_leg_memory(bench: Bench) -> None:
    """KiB, in a process of its own."""
    legs = bench.scale.pick(20, 100, 400)
    row = Row("memory", f"{legs} legs")

    def once() -> None:
        answer = subprocess.run(
            [sys.executable, "-m", "benches.rows.bench_memory", str(legs)],
            stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT,
        )  # fmt: skip
        figures = json.loads(answer.stdout)
        ledger = LEDGER_SECONDS * len(SECOND) / 1024
        for name in ("idle", "heard", "spoke"):
            row.add(f"a leg, {name}", "KiB more", figures[name], noise=0.1)
        row.add("a leg's full ledger", "KiB more", figures["full"], noise=0.1)
        row.add("of that the audio itself", "KiB", ledger, own=False)

    bench.measure(row, once, repeats=bench.scale.pick(1, 2, 3))


def measure(legs: int) -> dict[str, float]:
    """Growth per leg in KiB, step by step."""
    engine = Engine()
    # The thread, its buffers and the mailbox are touched before anything is measured.
    warm = engine.add_leg(listen=LOCAL, tail_ms=0)
    said = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    address = engine.local_address(warm)
    for _ in range(9_000):
        said.sendto(SECOND[:640], address)
        engine.drain(4096)
    figures, last = {}, resources_of(os.getpid()).rss_now_bytes

    def step(name: str) -> None:
        nonlocal last
        now = resources_of(os.getpid()).rss_now_bytes
        figures[name] = round((now - last) / legs / 1024, 1)
        last = now

    made = [
        engine.add_leg(listen=LOCAL, tail_ms=0, ledger_seconds=LEDGER_SECONDS) for _ in range(legs)
    ]
    addresses = [engine.local_address(leg) for leg in made]
    step("idle")
    hear(engine, said, made, addresses, 1)
    step("heard")
    for leg in made:
        engine.play(leg, 1, SECOND)
    time.sleep(0.1)
    step("spoke")
    hear(engine, said, made, addresses, LEDGER_SECONDS + 1)
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


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
