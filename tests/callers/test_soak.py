"""What the soak bench calls flat."""

from __future__ import annotations

from typing import Any

import pytest

from benches.soak import judge


def readings(**last: Any) -> list[dict[str, Any]]:
    """A minute's worth; `last` is what the last third shows."""
    steady: dict[str, Any] = {
        "rss_bytes": 75_000_000,
        "descriptors": 33,
        "threads": 7,
        "cpu_seconds": 0.0,
        "connections": {"3333": [1, 1], "4444": [1, 1]},
    }
    return [{"at": float(at), **steady, **(last if at >= 40 else {})} for at in range(0, 61, 5)]


def test_a_process_that_stays_as_it_is_is_flat() -> None:
    verdict = judge(readings(rss_bytes=75_600_000, cpu_seconds=2.0), 60.0)
    assert verdict["flat"]
    assert verdict["rss_growth_bytes"] == 600_000
    assert verdict["cpu_share"] > 0


@pytest.mark.parametrize(
    "last",
    [
        {"rss_bytes": 80_000_000},
        {"descriptors": 34},
        {"threads": 8},
        {"connections": {"3333": [2, 1], "4444": [1, 1]}},
        {"connections": {"3333": [1, 0], "4444": [1, 1]}},
    ],
)
def test_growth_leaks_and_second_sockets_are_not_flat(last: dict[str, Any]) -> None:
    assert not judge(readings(**last), 60.0)["flat"]


def test_what_a_program_takes_while_it_warms_up_is_no_growth() -> None:
    samples = readings()
    samples[0]["rss_bytes"] = 50_000_000
    assert judge(samples, 60.0)["flat"]
