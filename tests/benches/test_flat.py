"""What the soak calls flat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benches.kit.calls import Reading
from benches.kit.flat import judge

STEADY = Reading(
    at=0.0,
    threads={},
    provider_cpu_seconds=0.0,
    rss_bytes=75_000_000,
    descriptors=33,
    thread_count=7,
)


def readings(**last: Any) -> list[Reading]:
    """A minute's worth; `last` is what the last third shows."""
    return [replace(STEADY, at=float(at), **(last if at >= 40 else {})) for at in range(0, 61, 5)]


def test_a_process_that_stays_as_it_is_is_flat() -> None:
    verdict = judge(readings(rss_bytes=75_600_000), warm=12.0, until=60.0)
    assert verdict.flat
    assert verdict.growth_bytes == 600_000


@pytest.mark.parametrize(
    "last", [{"rss_bytes": 80_000_000}, {"descriptors": 34}, {"thread_count": 8}]
)
def test_growth_and_leaks_are_not_flat(last: dict[str, Any]) -> None:
    assert not judge(readings(**last), warm=12.0, until=60.0).flat


def test_what_a_program_takes_while_it_warms_up_is_no_growth() -> None:
    reported = readings()
    reported[0] = replace(reported[0], rss_bytes=50_000_000)
    assert judge(reported, warm=12.0, until=60.0).flat
