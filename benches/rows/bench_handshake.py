"""Handshakes: fifty legs whose connections break at once, while both parties of all calls talk.

The recogniser (`native/sink.c`) cuts every connection off in one moment, as a provider's front end
does that is restarted. What counts is CPU of `translink serve` beyond what the same talk cost in the
moment before, per connection, and how long it takes until all are back. Over TLS and without, in
turns; redialling is spread on purpose (`docs/reliability.md`), so the time has waiting in it. It is a
difference of two figures that neighbours move, so beside it stands the client's part of a TLS
handshake by itself, in memory, without sockets and loop.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import time
from pathlib import Path
from statistics import median

from benches.kit.certificates import certificates
from benches.kit.processes import Talking, thread_seconds
from benches.kit.receivers import sending
from benches.kit.row import Bench, Row
from benches.rows.bench_wire import listening, sink, talkers
from translink.callers.server_process import LegPlan

LEGS = 50
RATE, SIZE = 50, 640
"""Datagrams a second of a leg, and their bytes: a frame each, so that talk itself costs little."""
WARM_UP = 6.5
"""Seconds until the streams are proved. With younger ones all were back only after 4.3 s: presumably
the breaker had opened."""
PATIENCE = 15.0
"""Seconds until all must be back."""
STEP = 0.01


def bench_handshake(bench: Bench) -> None:
    """What breaks at once is dialled at once."""
    scale = bench.scale
    legs = scale.pick(4, LEGS, LEGS)
    row = Row("handshake", f"{legs} legs reconnect at once")
    cpu: dict[bool, list[float]] = {False: [], True: []}

    def once() -> None:
        for tls in (False, True):
            name = "TLS" if tls else "plain"
            each, back = asyncio.run(_broken(legs, scale.pick(1.0, 4.0, 4.0), tls))
            cpu[tls].append(each)
            row.add(f"CPU per connection, {name}", "ms", each, own=tls, noise=0.2)
            row.add(f"until all are back, {name}", "s", back, own=tls, noise=0.3)
        row.add("a TLS handshake by itself, client's part", "ms", alone(), noise=0.1)
        row.add("TLS's part of it", "ms", cpu[True][-1] - cpu[False][-1], noise=0.3)

    bench.measure(row, once, repeats=scale.pick(1, 1, 3))


def alone() -> float:
    """Milliseconds of CPU, the median of many."""
    with tempfile.TemporaryDirectory() as folder:
        made = certificates(Path(folder))
        serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        serving.load_cert_chain(made.server)
        client = ssl.create_default_context(cafile=made.authority)
        return median(_shaken(client, serving) for _ in range(100))


def _shaken(client: ssl.SSLContext, serving: ssl.SSLContext) -> float:
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(back, there, server_hostname="127.0.0.1")
    theirs = serving.wrap_bio(there, back, server_side=True)
    spent, done = 0.0, set()
    while len(done) < 2:
        for side in (ours, theirs):
            began = time.thread_time()
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                pass
            if side is ours:
                spent += time.thread_time() - began
    return 1000 * spent


async def _broken(count: int, seconds: float, tls: bool) -> tuple[float, float]:
    """Milliseconds of CPU for each connection, and seconds until all are back."""
    with sink(tls) as (it, url, folder):
        legs = talkers(count)
        async with listening(legs, url, folder) as server:
            return await asyncio.to_thread(_cut, it, legs, seconds, server.pid)


def _cut(it: Talking, legs: list[LegPlan], seconds: float, pid: int) -> tuple[float, float]:
    def cpu() -> float:
        return sum(thread_seconds(pid).values())

    ports = [leg.listen[1] for leg in legs]
    talk = WARM_UP + 2 * (seconds + PATIENCE)
    with sending(ports, most_seconds=talk, rate=RATE, size=SIZE):
        time.sleep(WARM_UP if len(legs) > 10 else 1.0)
        _until_open(it, len(legs))
        before, began = cpu(), time.monotonic()
        time.sleep(seconds)
        usual = (cpu() - before) / (time.monotonic() - began)
        before, began = cpu(), time.monotonic()
        it.ask("cut")
        _until_open(it, len(legs))
        back = time.monotonic() - began
        time.sleep(max(0.0, seconds - back))
        took = time.monotonic() - began
        more = cpu() - before - usual * took
    return 1000 * more / len(legs), back


def _until_open(it: Talking, count: int) -> None:
    """Raises `RuntimeError` when they are not within `PATIENCE`."""
    until = time.monotonic() + PATIENCE
    while int(it.ask("how").split()[0]) < count:
        if time.monotonic() > until:
            raise RuntimeError(f"not all of {count} connections came back: {it.ask('how')}")
        time.sleep(STEP)
