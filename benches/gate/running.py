"""The performance gate's running figures: short runs of the rows, each beside what it is compared with."""

from __future__ import annotations

import json
import time

from benches.kit.calls import CallsScene, run_calls
from benches.kit.processes import us_each
from benches.kit.quantiles import named
from benches.rows.bench_ingest import RATE, listen
from benches.rows.bench_wire import through_reference, through_translink

LEGS = 200
"""20,000 datagrams a second at `RATE`."""
INGEST_SECONDS = 1.5
WIRE_CALLS = 20
WIRE_SECONDS = 2.0
GATHERING_MS = 1.0
"""For so long a datagram may wait for others (`rust/engine/src/wakeups.rs`): all do, or none, as the legs'
phases fall."""
OWN_CALLS = 10
OWN_SECONDS = 8.0


def ingest() -> dict[str, float]:
    """Losses, and CPU beside the floor."""
    assert LEGS * RATE == 20_000
    each = {}
    for name in ("floor", "engine"):
        reported, sent = listen(name, LEGS, INGEST_SECONDS)
        each[name] = us_each(reported["cpu_seconds"], reported["datagrams"])
    return {
        "lost of 20,000 datagrams/s": sent.sent - reported["datagrams"],
        "CPU per datagram ÷ recvmmsg floor": each["engine"] / each["floor"],
    }


def wire() -> dict[str, float]:
    """A whole server's way to the recogniser beside the most direct one."""
    ours, reported = through_translink(WIRE_CALLS, WIRE_SECONDS)
    theirs, theirs_reported = through_reference(WIRE_CALLS, WIRE_SECONDS)
    cpu, their_cpu = (
        us_each(each["cpu_seconds"], each["frames"]) for each in (reported, theirs_reported)
    )
    beyond = max(0.0, named(ours, 1e-6)["p50"] - GATHERING_MS)
    return {
        "wire: CPU per frame ÷ direct reference": cpu / their_cpu,
        "wire: p50 beyond gathering ÷ direct reference": beyond / named(theirs, 1e-6)["p50"],
        "wire: frames missing": reported["missing"],
    }


def own_time() -> dict[str, float]:
    """From a final result to its first translated datagram, the providers' time taken out."""
    before = yardstick()
    outcome = run_calls(CallsScene(OWN_CALLS, OWN_SECONDS))
    speed = min(before, yardstick())
    own, counts = outcome.stages_ms["own"], outcome.counts
    wrong = counts.words_lost + counts.words_doubled + counts.words_out_of_order
    return {
        "own time p99": own["p99"],
        "own time p50 ÷ yardstick": own["p50"] / speed,
        "CPU per call ÷ yardstick": 1000 * outcome.cpu / OWN_CALLS / speed,
        "words lost, doubled or misplaced": wrong + counts.words_invented + counts.words_misrouted,
    }


def yardstick() -> float:
    """Milliseconds of CPU for a fixed piece of Python's work, the least of many: how fast this
    machine is now.
    """
    thing = {"words": [{"word": f"b{n}", "start": n / 50, "end": n / 40} for n in range(150)]}
    least = float("inf")
    for _ in range(40):
        begin = time.thread_time()
        json.loads(json.dumps(thing))
        least = min(least, time.thread_time() - begin)
    return 1000 * least


RUNS = (ingest, wire, own_time)
