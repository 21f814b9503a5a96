"""What the process uses: a share of a processor that is not taken over too short a time."""

from __future__ import annotations

import time

from translink.process.resources import SHORTEST_INTERVAL, ProcessResources


def test_a_busy_process_says_so_and_answers_the_same_within_the_shortest_time() -> None:
    resources = ProcessResources()
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    used = resources.read(time.monotonic() + SHORTEST_INTERVAL)
    assert used.cpu_percent > 0
    assert used.rss_mb > 10
    assert resources.read(time.monotonic()) is used
