"""Hand-off: from a complete frame to a Python callback on the loop.

50 legs × 50 frames/s, the load of 25 calls. The rival is a native thread that calls
`call_soon_threadsafe` for each frame: it must take the interpreter's lock for that, and receives
nothing while it waits for it. So the two are compared from the moment the *sender* sent; from the
mailbox on there is only ours.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from benches.kit.processes import us_each
from benches.kit.receivers import Receiver, send
from benches.kit.row import Bench, Row

LEGS = 50
MOODS = {
    "idle": ("loop idle", 0.2),
    "busy": ("loop busy 3 ms of every 5", 3.5),
    "hold": ("lock held 50 ms of every 60", None),
}


@pytest.mark.parametrize("mood", MOODS)
def bench_handoff(bench: Bench, mood: str) -> None:
    """The mailbox beside one call into the interpreter per frame."""
    if bench.scale.name == "smoke" and mood != "busy":
        pytest.skip("not in the smoke run")
    case, limit = MOODS[mood]
    row = Row("hand-off", case)
    seconds = bench.scale.pick(0.6, 1.5, 10.0)

    def once() -> None:
        for name, title in (("mailbox", "translink"), ("attached", "call_soon_threadsafe")):
            own = name == "mailbox"
            with Receiver(name, LEGS, mood) as receiver:
                load = {"rate": 50, "size": 640, "source": receiver.source}
                send(receiver.ports, seconds=0.2, **load)
                time.sleep(0.1)
                receiver.begin()
                sent = send(receiver.ports, seconds=seconds, **load)
                time.sleep(0.3)
                reported = receiver.end()
            lost = sent.sent - reported["frames"]
            row.add(f"{title} lost", "frames", lost, own=own, at_most=0.0 if own else None)
            if mood == "idle":
                each = us_each(reported["cpu_seconds"], reported["frames"])
                row.add(f"{title} CPU", "µs/frame", each, own=own, noise=0.1)
            tell(row, f"{title}, sent → callback", reported, "sent_to_python", own=own)
            if own:
                tell(row, "ready → callback", reported, "ready_to_python", limit=limit)
            else:
                stalls = reported["stall_ms"]
                row.quantiles(
                    f"{title}, receiving stands still", "ms", stalls, "p99", "max", own=own
                )

    bench.measure(row, once, repeats=bench.scale.pick(1, 2, 3))


def tell(
    row: Row,
    name: str,
    reported: dict[str, Any],
    key: str,
    *,
    own: bool = True,
    limit: float | None = None,
) -> None:
    """Quantiles and the whole distribution."""
    row.quantiles(
        name, "ms", reported[f"{key}_ms"], "p50", "p99", "p99.9", "max",
        own=own, at_most={"p99": limit}, noise=0.2,
    )  # fmt: skip
    row.curve(name, "ms", reported[f"{key}_curve"], own)
