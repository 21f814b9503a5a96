"""Start: how long until translink can be imported, and until `translink serve` is ready.

Programs started again and again, from a warm file cache and with their bytecode, as after an
installation: the first start, which writes it, does not count.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

from benches.kit.native import ROOT
from benches.kit.row import Bench, Row
from translink.callers.ports import free_port, loopback
from translink.callers.server_process import LegPlan, settings_file
from translink.sim.programs import beacon_settings

_TIMED = "import time; t = time.perf_counter(); import {0}; print(time.perf_counter() - t)"
READY_WITHIN = 30.0


def bench_import(bench: Bench) -> None:
    """`import translink` in a new interpreter."""
    row = Row("start", "import translink")
    _import("translink.app")

    def once() -> None:
        row.add("import translink", "s", _import("translink"), at_most=0.1, noise=0.1)
        row.add("import translink.app", "s", _import("translink.app"), noise=0.1)

    bench.measure(row, once, repeats=bench.scale.pick(1, 5, 15))


def bench_serve(bench: Bench) -> None:
    """`translink serve` with two legs and keys for everything: from its start to `/ready`."""
    row = Row("start", "translink serve to ready")
    if bench.scale.name != "smoke":
        _serve()

    def once() -> None:
        ready, cpu = _serve()
        row.add("translink serve to ready", "s", ready, at_most=0.5, noise=0.1)
        row.add("CPU of that", "s", cpu, noise=0.1)

    bench.measure(row, once, repeats=bench.scale.pick(1, 5, 15))


def _import(module: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _TIMED.format(module)],
        capture_output=True, text=True, check=True, cwd=ROOT, env=_environment(),
    )  # fmt: skip
    return float(done.stdout)


def _serve() -> tuple[float, float]:
    """Seconds until ready, and CPU seconds."""
    with tempfile.TemporaryDirectory(prefix="translink-bench-") as folder:
        port = free_port(socket.SOCK_STREAM)
        legs = [
            LegPlan(name, language, loopback(), loopback())
            for name, language in (("3333", "en"), ("4444", "fr"))
        ]
        nobody = f"http://127.0.0.1:{free_port(socket.SOCK_STREAM)}"
        config = Path(folder) / "translink.toml"
        config.write_text(settings_file(legs, port, beacon_settings(nobody, "auto")))
        began = time.perf_counter()
        server = subprocess.Popen(
            [sys.executable, "-m", "translink", "serve", "--config", str(config)],
            cwd=folder, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not _ready(port):
                if server.poll() is not None or time.perf_counter() - began > READY_WITHIN:
                    raise RuntimeError("translink serve did not get ready")
                time.sleep(0.002)
            took = time.perf_counter() - began
            fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
            return took, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(READY_WITHIN)


def _environment() -> dict[str, str]:
    """Ours, without the user's settings, and with bytecode even where a shell forbids it."""
    hidden = ("TRANSLINK_", "DEEPGRAM_", "DEEPL_", "USE_DEEPGRAM_", "PYTHONDONTWRITEBYTECODE")
    return {k: v for k, v in os.environ.items() if not k.startswith(hidden)}


def _ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
