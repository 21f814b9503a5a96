"""Ingest: what a datagram costs, all in, and whether one is lost.

Every leg hears 100 datagrams a second of 320 bytes (10 ms), from one sender in a process of its
own; on the shared port, from an address for each leg. What counts is the CPU time of the *receiving*
process, threads, kernel and Python included, per datagram received. On loopback the kernel delivers in
the sender's time, so that part is in nobody's figure. Receivers take turns within each repeat; a ratio
is taken between neighbours.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest

from benches.kit.native import node
from benches.kit.processes import us_each
from benches.kit.receivers import Receiver, SentReport, send
from benches.kit.row import Bench, Row, counted

RATE = 100
SIZE = 320
LEGS = (1, 10, 100, 400, 1000)
RIVALS = {
    "uvloop": "uvloop DatagramProtocol",
    "asyncio": "asyncio DatagramProtocol",
    "node": "Node",
}


@pytest.mark.parametrize("legs", LEGS)
def bench_ingest(bench: Bench, legs: int) -> None:
    """CPU per datagram beside the floor and the rivals."""
    scale = bench.scale
    if legs not in scale.pick((100,), (1, 100, 400, 1000), LEGS):
        pytest.skip(f"not in the {scale.name} form")
    seconds = scale.pick(0.3, 1.0, 5.0)
    row = Row("ingest", counted(legs, "leg"), x=legs, axis=f"legs × {RATE} datagrams/s")

    def once() -> None:
        floor, sent = listen("floor", legs, seconds)
        base = add(row, "floor", "recvmmsg floor", floor, sent, own=False)
        engine, sent = listen("engine", legs, seconds)
        ours = add(row, "engine", "translink", engine, sent, own=True)
        target = 1.15 if legs == 400 else None
        row.add("translink ÷ floor", "×", ours / base, at_most=target, noise=0.05)
        detail(row, engine, sent)
        shared, sent = listen("shared", legs, seconds)
        ours_shared = add(row, "shared", "translink, shared port", shared, sent, own=True)
        target = 0.6 if legs == 400 else None
        row.add("shared port ÷ floor", "×", ours_shared / base, at_most=target, noise=0.05)
        media = us_each(shared["media_seconds"], shared["datagrams"])
        row.add("media thread, shared port", "µs/datagram", media)
        each = shared["datagrams"] / max(1, shared["batches"])
        row.add("shared port: datagrams a system call", "", each, better="more")
        for name, title in RIVALS.items():
            if name == "node" and node() is None:
                row.note("no Node on this machine")
                continue
            if scale.name == "quick" and f"{title} CPU" in row.figures:
                continue  # once is enough for what is not judged
            if scale.name == "smoke" and name == "asyncio":
                continue  # the same program as on uvloop
            reported, sent = listen(name, legs, seconds)
            theirs = add(row, name, title, reported, sent, own=False)
            row.add(f"{title} ÷ translink", "×", theirs / ours, better="more", own=False)

    bench.measure(row, once, repeats=scale.pick(1, 3 if legs == 400 else 2, 3))


@pytest.mark.parametrize("legs", [400])
def bench_lock(bench: Bench, legs: int) -> None:
    """What Python does for a datagram and for a frame: the same frames from 1, 2 and 4 datagrams.

    The loop's thread is the only one that ever holds the interpreter's lock, so its CPU time is an
    upper bound of that. What does not change with the datagrams in a frame is the frame's.
    """
    if bench.scale.name == "smoke":
        pytest.skip("not in the smoke run")
    seconds = bench.scale.pick(0.3, 1.0, 5.0)
    row = Row("ingest", f"interpreter's lock, {legs} legs × 50 frames/s")

    def once() -> None:
        spent = {}
        for parts in (1, 4):
            reported, _ = listen("engine", legs, seconds, rate=50 * parts, size=640 // parts)
            spent[parts] = us_each(reported["loop_seconds"], reported["frames"])
            row.add(f"loop's thread, {parts} datagrams a frame", "µs/frame", spent[parts])
        row.add("GIL at most, per frame", "µs", spent[1], at_most=5.0)
        more = (spent[4] - spent[1]) / 3
        row.add("loop's thread for one more datagram", "µs", more, noise=1.0)

    bench.measure(row, once, repeats=bench.scale.pick(1, 3, 5))


def listen(
    name: str, legs: int, seconds: float, *, rate: int = RATE, size: int = SIZE
) -> tuple[dict[str, Any], SentReport]:
    """Start a receiver, send to it, wait until it has taken what it can."""
    with Receiver(name, legs) as receiver:
        # A moment before it counts: page faults of the first datagrams are not the work.
        to_them = partial(
            send, rate=rate, size=size, source=receiver.source, shared=receiver.shared
        )
        to_them(receiver.ports, seconds=min(0.2, seconds))
        time.sleep(0.05)
        receiver.begin()
        sent = to_them(receiver.ports, seconds=seconds)
        time.sleep(0.25)
        return receiver.end(), sent


def add(
    row: Row, name: str, title: str, reported: dict[str, Any], sent: SentReport, *, own: bool
) -> float:
    """CPU and losses of one receiver; microseconds a datagram."""
    each = us_each(reported["cpu_seconds"], reported["datagrams"])
    row.add(f"{title} CPU", "µs/datagram", each, own=own, noise=0.05)
    limit = 0.0 if own else None
    row.add(f"{title} lost", "datagrams", sent.sent - reported["datagrams"], own=own, at_most=limit)
    rate = sent.sent / sent.seconds
    if rate < 0.99 * row.x * RATE if row.x else False:
        row.note(f"the sender made {rate:,.0f} datagrams/s only")
    return each


def detail(row: Row, reported: dict[str, Any], sent: SentReport) -> None:
    """Where translink's CPU goes, and how late Python hears of a frame."""
    media = us_each(reported["media_seconds"], reported["datagrams"])
    row.add("media thread", "µs/datagram", media)
    row.add("loop's thread", "µs/frame", us_each(reported["loop_seconds"], reported["frames"]))
    row.add("sender CPU", "µs/datagram", us_each(sent.cpu_seconds, sent.sent), own=False)
    row.add("sender's worst lateness", "ms", sent.late_ms, own=False)
    row.curve("ready → Python", "ms", reported["ready_to_python_curve"])
