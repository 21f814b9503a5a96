"""Wire: from the last datagram of a frame to its message at the recogniser.

`translink serve` in streaming mode, both legs of every call talking, 100 datagrams/s of 320 bytes a
leg; the recogniser is `native/sink.c`. The sender stamps each datagram, the sink compares the stamp
of a frame's last datagram with the moment it has read the message: kernel, media thread, hand-off,
loop, WebSocket and TCP lie between. The rival is `benches/reference_wire.py`, which does nothing
else.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from benches.kit.calls import roomy
from benches.kit.certificates import certificates
from benches.kit.native import program, tls_sink
from benches.kit.processes import Talking, thread_seconds, us_each
from benches.kit.quantiles import curve, named
from benches.kit.receivers import send
from benches.kit.row import Bench, Row, counted
from translink.callers.ports import free_port
from translink.callers.server_process import LegPlan, ServerProcess

RATE = 100
SIZE = 320
CALLS = (1, 50, 200)
WARM_UP = (0.5, 1.5)
"""Seconds until all connections are open and every backlog is sent, for few legs and for many."""


@pytest.mark.parametrize("calls", CALLS)
def bench_wire(bench: Bench, calls: int) -> None:
    """translink beside the direct way."""
    scale = bench.scale
    if scale.name == "smoke" and calls != 1:
        pytest.skip("not in the smoke run")
    seconds = scale.pick(0.5, 2.0, 10.0)
    row = Row("wire", counted(calls, "call"), x=calls, axis="two-way calls, both talking")

    def once() -> None:
        ages, reported = through_translink(calls, seconds)
        tell(row, "translink", ages, reported, own=True, limit=2.0 if calls == 50 else None)
        ages, reported = through_reference(calls, seconds)
        tell(row, "uvloop + websockets", ages, reported, own=False)

    bench.measure(row, once, repeats=scale.pick(1, 2 if calls == 50 else 1, 3))


def tell(
    row: Row,
    title: str,
    ages: list[int],
    reported: dict[str, Any],
    *,
    own: bool,
    limit: float | None = None,
) -> None:
    """The delays of one run, and what it cost."""
    row.quantiles(
        title, "ms", named(ages, 1e-6), "p50", "p99", "p99.9", "max",
        own=own, at_most={"p99": limit}, noise=0.2,
    )  # fmt: skip
    row.curve(title, "ms", curve(ages, 1e-6), own)
    each = us_each(reported["cpu_seconds"], reported["frames"])
    row.add(f"{title} CPU", "µs/frame", each, own=own, noise=0.05)
    row.add(
        f"{title} frames a message",
        "",
        reported["frames"] / max(1, reported["messages"]),
        own=False,
    )
    row.add(
        f"{title} missing", "frames", reported["missing"], own=own, at_most=0.0 if own else None
    )


@pytest.mark.parametrize("calls", [1, 50])
def bench_wire_tls(bench: Bench, calls: int) -> None:
    """Over TLS, the same without beside it; the direct way over TLS too."""
    scale = bench.scale
    if (scale.name == "smoke") != (calls == 1):
        pytest.skip(f"not in the {scale.name} form")
    seconds = scale.pick(0.5, 2.0, 10.0)
    row = Row("wire", f"{counted(calls, 'call')} over TLS")

    def once() -> None:
        ages, reported = through_translink(calls, seconds, tls=True)
        tell(row, "translink", ages, reported, own=True, limit=2.0 if calls == 50 else None)
        if scale.name == "smoke":
            return
        ages, plain = through_translink(calls, seconds)
        tell(row, "translink without TLS", ages, plain, own=True)
        with_tls, without = (
            us_each(each["cpu_seconds"], each["frames"]) for each in (reported, plain)
        )
        row.add("CPU with TLS ÷ without", "×", with_tls / without, noise=0.1)
        ages, reported = through_reference(calls, seconds, tls=True)
        tell(row, "uvloop + websockets", ages, reported, own=False)

    bench.measure(row, once, repeats=scale.pick(1, 1, 3))


def through_translink(
    calls: int, seconds: float, *, tls: bool = False
) -> tuple[list[int], dict[str, Any]]:
    """By a server with its defaults."""
    return asyncio.run(_through_translink(calls, seconds, tls))


async def _through_translink(
    calls: int, seconds: float, tls: bool
) -> tuple[list[int], dict[str, Any]]:
    with sink(tls) as (it, url, folder):
        legs = talkers(2 * calls)
        async with listening(legs, url, folder) as server:
            ports = [leg.listen[1] for leg in legs]
            cpu = 0.0

            def spend() -> float:
                nonlocal cpu
                cpu, before = sum(thread_seconds(server.pid).values()), cpu
                return cpu - before

            return await asyncio.to_thread(_listen, it, ports, seconds, spend, folder)


def talkers(count: int) -> list[LegPlan]:
    """So many legs on ports of their own."""
    home = "127.0.0.1"
    return [
        LegPlan(
            str(1000 + n),
            "fr" if n % 2 else "en",
            (home, free_port(socket.SOCK_DGRAM)),
            (home, free_port(socket.SOCK_DGRAM)),
        )
        for n in range(count)
    ]


def listening(legs: list[LegPlan], url: str, folder: Path) -> ServerProcess:
    """A server whose recogniser is the sink."""
    extra = (
        'mode = "streaming"\ndrain_timeout = 0.1\n'
        f'[deepgram]\napi_key = "bench"\nbase_url = "{url}"\n'
        f'[deepl]\napi_key = "bench"\nserver_url = "{url}"\n'
        "[fallback]\noffline = false\n"
    )
    return ServerProcess(
        legs, folder=folder, log=folder / "log", extra=extra, environ=trust(folder)
    )


def through_reference(
    calls: int, seconds: float, *, tls: bool = False
) -> tuple[list[int], dict[str, Any]]:
    """As directly as can be."""
    with sink(tls) as (it, url, folder):
        command = [
            sys.executable, "-m", "benches.reference_wire",
            url.replace("http", "ws"), str(2 * calls),
        ]  # fmt: skip
        with Talking(command, **trust(folder)) as reference:
            ports = [int(port) for port in reference.line().removeprefix("ready").split()]
            cpu = 0.0

            def spend() -> float:
                nonlocal cpu
                cpu, before = sum(thread_seconds(reference.pid).values()), cpu
                return cpu - before

            return _listen(it, ports, seconds, spend, folder)


def _listen(
    it: Talking, ports: list[int], seconds: float, spend: Any, folder: Path
) -> tuple[list[int], dict[str, Any]]:
    warm = WARM_UP[len(ports) > 10]
    # The first datagrams open the connections; some seconds go by until every backlog has been sent.
    with ThreadPoolExecutor(1) as background:
        sending = background.submit(send, ports, seconds=warm + seconds + 0.2, rate=RATE, size=SIZE)
        time.sleep(warm)
        it.ask("begin")
        spend()
        time.sleep(seconds)
        used = spend()
        it.ask("stop")
        sent = sending.result()
    time.sleep(0.5)
    reported = it.reported("end")
    missing = sent.sent * SIZE // 640 - reported["all_frames"]
    ages = array.array("Q")
    ages.frombytes((folder / "times").read_bytes())
    return list(ages), {**reported, "cpu_seconds": used, "missing": missing}


@contextlib.contextmanager
def sink(tls: bool = False) -> Iterator[tuple[Talking, str, Path]]:
    """The recogniser, its address, and a folder."""
    scheme = "https" if tls else "http"
    with tempfile.TemporaryDirectory(prefix="translink-bench-", dir=roomy()) as name:
        folder = Path(name)
        command: list[Path] = [tls_sink() if tls else program("sink"), folder / "times"]
        command += [certificates(folder).server] if tls else []
        with Talking(command) as it:
            port = int(it.line().removeprefix("ready"))
            yield it, f"{scheme}://127.0.0.1:{port}", folder


def trust(folder: Path) -> dict[str, str]:
    """Environment in which the sink's certificate is believed, where it has one."""
    authority = folder / "ca.pem"
    return {"SSL_CERT_FILE": str(authority)} if authority.exists() else {}
