"""How many datagrams a second one leg takes without losing any. Prints JSON.

    python benches/flood.py [--rate 20000] [--seconds 10] [--size 640] [--hold-gil 0]

The sender is this script again, as another process; every 1,000th of a second it sends what is due.
`--hold-gil MS` has Python keep the interpreter's lock for that long, again and again.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import platform
import select
import socket
import subprocess
import sys
import time


def send(target: tuple[str, int], rate: int, seconds: float, size: int) -> int:
    """Send at `rate`, in absolute time: what a late wake-up missed is sent at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(target)
        sent, total = 0, int(rate * seconds)
        begin = time.monotonic()
        payload = bytearray(size)
        while sent < total:
            due = min(total, int((time.monotonic() - begin) * rate) + 1)
            while sent < due:
                payload[:8] = sent.to_bytes(8, "little")[:size]
                sender.send(payload[:size])
                sent += 1
            time.sleep(0.001)
    return sent


def measure(rate: int, seconds: float, size: int, hold_ms: int) -> dict[str, object]:
    """Flood one leg from another process and count."""
    from translink._core import Engine, Frame

    hold = ctypes.PyDLL(None).usleep  # PyDLL keeps the GIL while it sleeps
    engine = Engine()
    leg = engine.add_leg(listen=("127.0.0.1", 0), tail_ms=0)
    host, port = engine.local_address(leg)
    arguments = ["--send", f"{host}:{port}", "--rate", str(rate)]
    arguments += ["--seconds", str(seconds), "--size", str(size)]
    sender = subprocess.Popen(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True
    )
    frames = filled = wakes = 0
    latency: list[int] = []
    quiet_since = time.monotonic()
    begin, cpu = time.monotonic(), time.process_time()
    while sender.poll() is None or time.monotonic() - quiet_since < 0.5:
        if not select.select([engine.fileno()], [], [], 0.1)[0]:
            continue
        quiet_since = time.monotonic()
        wakes += 1
        items = engine.drain(4096)
        now = time.monotonic_ns()
        for item in items:
            if isinstance(item, Frame):
                frames += 1
                filled += item.filled
                latency.append(now - item.ready)
        if hold_ms:
            hold(hold_ms * 1000)
    used = time.process_time() - cpu
    took = quiet_since - begin
    assert sender.stdout is not None
    sent = int(sender.stdout.read())
    counters = engine.counters(leg)
    engine.close()
    latency.sort()
    assert latency, "no frame came"
    return {
        "sent": sent,
        "received": counters["datagrams_in"],
        "lost": sent - counters["datagrams_in"],
        "rate": round(sent / took),
        "frames": frames,
        "bytes_in_frames": frames * 640 - filled,
        "bytes_sent": sent * size,
        "drops_kernel": counters["drops_kernel"],
        "drops_ring": counters["drops_ring"],
        "wakes": wakes,
        "cpu_percent": round(100 * used / took, 1),
        "ready_to_python_us": {
            "p50": latency[len(latency) // 2] // 1000,
            "p99": latency[len(latency) * 99 // 100] // 1000,
        },
        "hold_gil_ms": hold_ms,
        "machine": platform.platform(),
        "python": platform.python_version(),
    }


def main() -> None:
    """Measure, or be the sender."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--size", type=int, default=640)
    parser.add_argument("--hold-gil", type=int, default=0, metavar="MS")
    parser.add_argument("--send", metavar="HOST:PORT", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.send:
        host, port = args.send.rsplit(":", 1)
        print(send((host, int(port)), args.rate, args.seconds, args.size))
    else:
        print(json.dumps(measure(args.rate, args.seconds, args.size, args.hold_gil), indent=2))


if __name__ == "__main__":
    main()
