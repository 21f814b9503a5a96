"""Options and fixtures of the benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from benches.kit.provenance import provenance
from benches.kit.row import Bench, Scale
from translink.callers.ports import lent


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--scale` says how much is measured."""
    parser.addoption("--scale", choices=("smoke", "quick", "full"), default="quick")
    parser.addoption("--minutes", type=float, help="of the soak, instead of the scale's")
    parser.addoption("--calls", type=int, help="of the soak, instead of half of what was carried")


def pytest_benchmark_update_machine_info(
    config: pytest.Config, machine_info: dict[str, Any]
) -> None:
    """Everything that a figure means nothing without."""
    machine_info["translink"] = _provenance(config.getoption("--scale"))


@pytest.fixture
def scale(request: pytest.FixtureRequest) -> Scale:
    """How much to measure."""
    return Scale(request.config.getoption("--scale"))


@pytest.fixture
def bench(benchmark: Any, scale: Scale) -> Iterator[Bench]:
    """Runs measurements and keeps what they found."""
    with lent():
        yield Bench(benchmark, scale, _provenance(scale.name))


@pytest.fixture
def minutes(request: pytest.FixtureRequest) -> float | None:
    """How long to soak; None = as the scale says."""
    asked: float | None = request.config.getoption("--minutes")
    return asked


@pytest.fixture
def calls(request: pytest.FixtureRequest) -> int | None:
    """How many to soak; None = half of what the capacity row carried."""
    asked: int | None = request.config.getoption("--calls")
    return asked


@cache
def _provenance(scale: str) -> dict[str, Any]:
    return provenance(scale)
