"""How long a frame takes from the mailbox to a Python callback on a loop. Prints JSON.

    python benches/handoff.py [--seconds 10] [--legs 2] [--busy]

Each leg hears a datagram every 20 ms, as from a gateway. `captured` is the kernel's receive time,
`ready` when the media thread had the frame in the mailbox. `--busy` has the loop work 2 ms in
every 5.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import time

import uvloop

from translink._core import Frame
from translink.media import LegPorts, Media


async def measure(seconds: float, legs: int, busy: bool) -> dict[str, object]:
    """Talk to every leg from the same loop."""
    media = Media()
    media.start()
    waits: list[int] = []
    captures: list[int] = []

    def hear(frames: list[Frame]) -> None:
        now = time.monotonic_ns()
        waits.extend(now - frame.ready for frame in frames)
        captures.extend(frame.ready - frame.captured for frame in frames)

    sockets = []
    for n in range(legs):
        leg = media.add_leg(LegPorts(str(n), ("127.0.0.1", 0), tail_ms=0))
        leg.on_frames = hear
        talker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        talker.connect(leg.listen_address)
        sockets.append(talker)
    worker = asyncio.create_task(work()) if busy else None
    begin = time.monotonic()
    for tick in range(int(seconds * 50)):
        await asyncio.sleep(begin + tick * 0.02 - time.monotonic())
        for talker in sockets:
            talker.send(bytes(640))
    await asyncio.sleep(0.2)
    if worker:
        worker.cancel()
    media.close()
    for talker in sockets:
        talker.close()
    return {
        "frames": len(waits),
        "ready_to_python_us": percentiles(waits),
        "socket_to_ready_us": percentiles(captures),
        "legs": legs,
        "busy": busy,
        "load_average": os.getloadavg()[0],
        "machine": platform.platform(),
    }


async def work() -> None:
    """What else a loop does."""
    while True:
        end = time.monotonic() + 0.002
        while time.monotonic() < end:
            pass
        await asyncio.sleep(0.003)


def percentiles(nanos: list[int]) -> dict[str, float]:
    """In microseconds."""
    nanos.sort()
    at = {"p50": 50, "p90": 90, "p99": 99}
    return {name: nanos[len(nanos) * share // 100] / 1000 for name, share in at.items()} | {
        "max": nanos[-1] / 1000
    }


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--legs", type=int, default=2)
    parser.add_argument("--busy", action="store_true")
    args = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(measure(args.seconds, args.legs, args.busy))
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
