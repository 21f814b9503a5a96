"""What an open dashboard costs the calls it shows, and whether it stays smooth.

    python -m benches.dashboard [--calls 100] [--seconds 8] [--rounds 3] [--out FILE]

So many simulated calls talk through `translink serve` (beacons over UDP, providers faked). By turns
nobody looks, and a Chromium looks at one of them; each turn is measured by itself. Printed: the
server's CPU in both and their difference, own time (final → first datagram, and frame → recogniser)
in both, as the upper edges of the histogram's buckets in `/metrics`; frames a second in the browser,
and how late it shows an event. Callers, providers, server and browser share the machine: when all of
them want more than there is, frames and p99 say so, not the server's CPU time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop
from playwright.async_api import Browser, async_playwright
from prometheus_client.parser import text_string_to_metric_families

from benches.kit.calls import Scene, talking, thread_seconds
from benches.kit.provenance import head, provenance
from translink.sim.programs import Programs

STAGES = ("own", "ring_to_wire")
Buckets = dict[float, float]
WARM_UP = 6.0
"""Seconds until everybody is connected."""
SETTLE = 2.0
"""Seconds after a change that are not measured."""
ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FRAMES = """async (seconds) => {
  const end = performance.now() + seconds * 1000;
  let frames = 0;
  while (performance.now() < end) {
    await new Promise(requestAnimationFrame);
    frames += 1;
  }
  return frames / seconds;
}"""


async def measure(calls: int, seconds: float, rounds: int) -> dict[str, Any]:
    """All turns."""
    scene = Scene(calls, seconds=WARM_UP + 2 * rounds * (seconds + 4 * SETTLE))
    async with talking(scene) as programs, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGS
        )
        await asyncio.sleep(WARM_UP)
        turns = [
            await _turn(programs, looking, seconds)
            for _ in range(rounds)
            for looking in (None, browser)
        ]
        await browser.close()
    return _summary(calls, turns)


async def _turn(programs: Programs, browser: Browser | None, seconds: float) -> dict[str, Any]:
    """One stretch of time: with a page if there is a browser."""
    shown: dict[str, Any] = {"looking": browser is not None}
    page = await browser.new_page(viewport={"width": 1440, "height": 900}) if browser else None
    if page:
        await page.goto(programs.serve_url)
        await page.locator('.script ol > li[data-state="spoken"]').first.wait_for()
    await asyncio.sleep(SETTLE)
    shown["before"] = await _buckets(programs)
    before, began = _cpu(programs), asyncio.get_running_loop().time()
    if page:
        shown["frames_per_second"] = await page.evaluate(FRAMES, seconds)
    else:
        await asyncio.sleep(seconds)
    took = asyncio.get_running_loop().time() - began
    shown["cpu_percent"] = (_cpu(programs) - before) / took * 100
    shown["after"] = await _buckets(programs)
    if page:
        late = await page.locator(".page-facts").get_attribute("data-delay")
        shown["event_shown_p95_ms"] = float(late) if late else None
        await page.close()
    return shown


def _cpu(programs: Programs) -> float:
    """Seconds that the server used, to the nanosecond."""
    return sum(thread_seconds(programs.pids[0]).values())


async def _buckets(programs: Programs) -> dict[str, Buckets]:
    """Edge in ms → utterances or frames up to it, since the start."""
    async with programs.http.get(f"{programs.serve_url}/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
    found: dict[str, Buckets] = {stage: {} for stage in STAGES}
    for sample in (sample for family in families for sample in family.samples):
        stage = sample.labels.get("stage")
        if sample.name == "translink_stage_seconds_bucket" and stage in found:
            found[stage][float(sample.labels["le"]) * 1000] = sample.value
    return found


def _quantiles(turns: Sequence[dict[str, Any]], stage: str) -> dict[str, float]:
    """Of several turns together."""
    counts = {
        edge: sum(turn["after"][stage][edge] - turn["before"][stage][edge] for turn in turns)
        for edge in turns[0]["after"][stage]
    }
    total = counts[math.inf]
    return {"count": total} | {
        f"p{share * 100:g}_ms_at_most": min(
            edge for edge, count in counts.items() if count >= share * total
        )
        for share in (0.5, 0.95, 0.99)
    }


def _summary(calls: int, turns: list[dict[str, Any]]) -> dict[str, Any]:
    alone = [turn for turn in turns if not turn["looking"]]
    looked_at = [turn for turn in turns if turn["looking"]]
    cpu, cpu_looked_at = (
        [round(turn["cpu_percent"], 1) for turn in part] for part in (alone, looked_at)
    )
    return {
        "calls": calls,
        "cpu_percent_alone": cpu,
        "cpu_percent_looked_at": cpu_looked_at,
        "cpu_percent_for_it": round(statistics.mean(cpu_looked_at) - statistics.mean(cpu), 1),
        **{f"{stage}_alone": _quantiles(alone, stage) for stage in STAGES},
        **{f"{stage}_looked_at": _quantiles(looked_at, stage) for stage in STAGES},
        "frames_per_second": [round(turn["frames_per_second"]) for turn in looked_at],
        "event_shown_p95_ms": [turn["event_shown_p95_ms"] for turn in looked_at],
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    wanted = parser.parse_args()
    told = provenance()
    print(head(told))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(measure(wanted.calls, wanted.seconds, wanted.rounds))
    for key, value in result.items():
        print(f"{key:24} {json.dumps(value)}")
    if wanted.out:
        wanted.out.write_text(json.dumps({"provenance": told, **result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
