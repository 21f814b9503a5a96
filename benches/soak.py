"""Two callers for a long time: is memory flat, are descriptors flat, is it one socket per leg?

Callers say beacons to a real `translink serve` over UDP without a pause for minutes; every
`--every` seconds the server's memory, descriptors and threads are read from /proc and its counters
from `/api/stats`.

    python benches/soak.py [--minutes 10] [--calls 1] [--out soak.json]

Flat means: after a warm-up (a fifth of the time, at most two minutes: caches and ledgers fill for
60 s) memory grows by less than 3 % and 2 MB, and descriptors and threads end where they began. Exit
code 1 when not, or when a leg had more or less than one connection, or a word was lost or doubled.
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
from typing import Any

import uvloop

from translink import __version__
from translink.sim import run as simulation
from translink.sim.run import Scene, simulate
from translink.sim.server import Programs

MOST_GROWTH = 0.03
LEAST_GROWTH = 2_000_000
"""Bytes that a Python process may move by chance."""


class WatchedPrograms(Programs):
    """Keeps an eye on the program under test while it runs."""

    every = 5.0
    samples: list[dict[str, Any]] = []  # noqa: RUF012 - one run per process

    async def __aenter__(self) -> Programs:
        made = await super().__aenter__()
        self._watching = asyncio.create_task(self._watch())
        return made

    async def __aexit__(self, *error: Any) -> None:
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)
        await super().__aexit__(*error)

    async def _watch(self) -> None:
        began = time.monotonic()
        for number in range(1_000_000):
            await asyncio.sleep(max(0.0, began + number * self.every - time.monotonic()))
            usage, stats = self.usage(), await self.stats()
            legs: Any = stats["legs"]
            self.samples.append(
                {
                    "at": round(time.monotonic() - began, 1),
                    "rss_bytes": usage.rss_now_bytes,
                    "descriptors": usage.descriptors,
                    "threads": usage.threads,
                    "cpu_seconds": usage.cpu_seconds,
                    "connections": {
                        name: [leg["stt"]["connections_total"], leg["stt"]["connections_active"]]
                        for name, leg in legs.items()
                    },
                }
            )
            latest = self.samples[-1]
            print(
                f"{latest['at']:7.1f} s  {latest['rss_bytes'] / 1e6:6.1f} MB  "
                f"{latest['descriptors']} descriptors  {latest['threads']} threads  "
                f"connections {latest['connections']}",
                flush=True,
            )


def main() -> int:
    """Run, judge, write the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="from 3 on it says something")
    parser.add_argument("--calls", type=int, default=1, help="two-way calls at once")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two readings")
    parser.add_argument("--out", type=Path, help="file for the report, JSON")
    asked = parser.parse_args()
    WatchedPrograms.every = asked.every
    setattr(simulation, "Programs", WatchedPrograms)  # noqa: B010 - the run itself stays as it is
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(simulate(Scene(asked.calls, 60 * asked.minutes, vary=False)))
    verdict = judge(WatchedPrograms.samples, 60 * asked.minutes)
    verdict["words"] = {
        key: result[f"words_{key}"] for key in ("said", "heard", "lost", "doubled", "out_of_order")
    }
    verdict["flat"] = bool(verdict["flat"] and result["perfect"])
    report = {
        "benchmark": "soak",
        "translink": __version__,
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "cpus": os.cpu_count(),
            "arch": platform.machine(),
            "kernel": platform.release(),
        },
        "python": platform.python_version(),
        "calls": asked.calls,
        "minutes": asked.minutes,
        **verdict,
        "samples": WatchedPrograms.samples,
    }
    print(json.dumps(verdict, indent=1))
    if asked.out is not None:
        asked.out.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if verdict["flat"] else 1


def judge(samples: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Flat or not, from the readings between warm-up and hush."""
    warm = min(seconds / 5, 120.0)
    steady = [each for each in samples if warm <= each["at"] <= seconds]
    # Thirds, not single readings: memory of a Python process moves by some pages all the time.
    third = max(1, len(steady) // 3)
    before = sum(each["rss_bytes"] for each in steady[:third]) / third
    after = sum(each["rss_bytes"] for each in steady[-third:]) / third
    growth = after - before
    connections = steady[-1]["connections"]
    verdict = {
        "rss_before_bytes": round(before),
        "rss_after_bytes": round(after),
        "rss_growth_bytes": round(growth),
        "descriptors": [steady[0]["descriptors"], steady[-1]["descriptors"]],
        "threads": [steady[0]["threads"], steady[-1]["threads"]],
        "connections": connections,
        "cpu_share": round(
            (steady[-1]["cpu_seconds"] - steady[0]["cpu_seconds"])
            / max(1.0, steady[-1]["at"] - steady[0]["at"]),
            3,
        ),
    }
    verdict["flat"] = (
        growth <= max(LEAST_GROWTH, MOST_GROWTH * before)
        and verdict["descriptors"][0] == verdict["descriptors"][1]
        and verdict["threads"][0] == verdict["threads"][1]
        and all(counts == [1, 1] for counts in connections.values())
    )
    return verdict


if __name__ == "__main__":
    sys.exit(main())
