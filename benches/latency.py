"""Own overhead of a call: everything between the wires that is not a provider's time.

Two callers (or more) say beacons to a real `translink serve` over UDP for some time; recognition,
translation and speech come from the beacon server, whose time the server's histograms keep apart.
Read from `/api/stats`:

- `own`: a segment is committed → the first datagram of its translation is sent, less the providers'
  two stages.
  Target with two callers: p50 ≤ 5 ms, p99 ≤ 20 ms.
- `ring_to_wire`: a frame is complete → it is written to the WebSocket. Target: p99 ≤ 2 ms.

    python benches/latency.py [--calls 1] [--seconds 60] [--seed 1] [--out latency.json]

Exit code 1 when a target is missed, so that a slow change shows; on a machine that does other
things as well a miss says more about that machine: look at `load` in the report, and at the
callers' `worst_lateness_ms`. Beyond 200 ms the server takes a caller who is late for one who is
silent, and a beacon with silence in its middle is no word any more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from pathlib import Path

import uvloop

from translink import __version__
from translink.sim.run import Scene, simulate

TARGETS = (("own", "p50", 5.0), ("own", "p99", 20.0), ("ring_to_wire", "p99", 2.0))
"""Stage, quantile, milliseconds."""


def main() -> int:
    """Measure, print a table, write the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=1, help="two-way calls at once")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long they talk")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="file for the report, JSON")
    asked = parser.parse_args()
    scene = Scene(calls=asked.calls, seconds=asked.seconds, seed=asked.seed, vary=False)
    load = os.getloadavg()[0]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(simulate(scene))
    stages = result["stages_ms"]
    assert isinstance(stages, dict)
    met = {
        f"{stage} {quantile} <= {limit} ms": stages[stage][quantile] <= limit
        for stage, quantile, limit in TARGETS
    }
    report = {
        "benchmark": "latency",
        "translink": __version__,
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "cpus": os.cpu_count(),
            "arch": platform.machine(),
            "kernel": platform.release(),
        },
        "python": platform.python_version(),
        "load": {"before": round(load, 2), "after": round(os.getloadavg()[0], 2)},
        "calls": asked.calls,
        "seconds": asked.seconds,
        "targets_met": met,
        "stages_ms": stages,
        "mouth_to_ear_ms": result["mouth_to_ear_ms"],
        "words": {key: result[f"words_{key}"] for key in ("said", "heard", "lost", "doubled")},
        "callers": result["callers"],
        "cpu_seconds": result["cpu_seconds"],
        "rss_bytes": result["rss_bytes"],
    }
    _tell(report, stages)
    if asked.out is not None:
        asked.out.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if all(met.values()) else 1


def _tell(report: dict[str, object], stages: dict[str, dict[str, float]]) -> None:
    print(f"{'stage':<20}{'count':>8}{'p50':>10}{'p95':>10}{'p99':>10}{'max':>10}  ms")
    for name, stage in stages.items():
        figures = "".join(f"{stage[key]:>10.2f}" for key in ("p50", "p95", "p99", "max"))
        print(f"{name:<20}{stage['count']:>8.0f}{figures}")
    print(f"load {report['load']}, words {report['words']}, callers {report['callers']}")
    met = report["targets_met"]
    assert isinstance(met, dict)
    for target, reached in met.items():
        print(f"{'met   ' if reached else 'MISSED'} {target}")


if __name__ == "__main__":
    sys.exit(main())
