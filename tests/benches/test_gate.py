"""What the performance gate lets through, and that it names what it does not."""

from __future__ import annotations

import inspect
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from benches.gate import gate as gating
from benches.gate import running
from benches.gate.limits import FILE, GateLimits, recorded
from benches.gate.neighbours import Neighbours, busy_seconds, foreign
from benches.kit import counting

LIMITS = GateLimits.read()
COMPILER = "1.95"
TIMES = {name: 0.0 for name in LIMITS.figures if name != "allocations in steady state"}


def counted(times: float = 1.0) -> dict[str, float]:
    """What callgrind would count if everything cost so many times what it did."""
    return {act: times * known[COMPILER] for act, known in LIMITS.counts.items()}


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the gate on made-up figures. Returns its exit code."""

    def run(
        instructions: dict[str, float] | None = None,
        *,
        compiler: str = COMPILER,
        allocated: int = 0,
        runs: Iterator[dict[str, float]] | None = None,
        valgrind: bool = True,
        architecture: str = "x86_64",
        foreign: float = 0.0,
    ) -> int:
        monkeypatch.setattr(counting, "allocations", lambda: {"playout": allocated})
        monkeypatch.setattr(counting, "instructions", lambda: instructions or counted())
        monkeypatch.setattr(counting, "compiler", lambda: compiler)
        monkeypatch.setattr(counting, "have_valgrind", lambda: valgrind)
        monkeypatch.setattr("platform.machine", lambda: architecture)

        def made_up() -> dict[str, float]:
            return next(runs) if runs else TIMES

        monkeypatch.setattr(gating, "RUNS", (made_up,))
        monkeypatch.setattr("benches.gate.neighbours.Neighbours.cores", lambda _: foreign)
        return gating.gate()

    return run


def test_what_is_within_its_limits_is_green(
    measured: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert measured(counted(1.03)) == 0
    assert "the gate is green" in capsys.readouterr().out


@pytest.mark.parametrize("act", LIMITS.counts)
def test_ten_percent_more_instructions_in_any_act_are_red_and_named(
    measured: Callable[..., int], capsys: pytest.CaptureFixture[str], act: str
) -> None:
    more = counted() | {act: 1.1 * counted()[act]}
    assert measured(more) == 1
    out = capsys.readouterr().out
    assert out.count("RED ") == 2
    assert re.search(rf"the gate is RED after \d+ s: instructions: {re.escape(act)}\n", out)


@pytest.mark.parametrize("figure", TIMES)
def test_a_figure_beyond_its_limit_is_red_and_named(
    measured: Callable[..., int], capsys: pytest.CaptureFixture[str], figure: str
) -> None:
    worse = TIMES | {figure: 1.01 * LIMITS.figures[figure].at_most + 0.5}
    assert measured(runs=iter([worse] * gating.ATTEMPTS)) == 1
    assert re.search(rf"RED after \d+ s: {re.escape(figure)}\n", capsys.readouterr().out)


def test_a_neighbour_who_spoils_a_run_turns_nothing_red(measured: Callable[..., int]) -> None:
    spoilt = TIMES | {"own time p99": 500.0}
    lossy = TIMES | {"lost of 20,000 datagrams/s": 3.0}
    assert measured(runs=iter([spoilt, lossy, TIMES])) == 0
    assert measured(runs=iter([spoilt, lossy])) == 0, "each figure's best"


def test_what_is_red_while_others_have_the_processors_is_not_judged_and_the_gate_says_so(
    measured: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt = TIMES | {"own time p99": 500.0}
    assert measured(runs=iter([spoilt] * gating.ATTEMPTS), foreign=64.0) == 0
    assert "# NOT CHECKED by the gate: RED  own time p99: 500 ms" in capsys.readouterr().out
    assert measured(counted(1.1), foreign=64.0) == 1, "instructions are the same"


def test_neighbours_are_what_the_processors_did_beside_us() -> None:
    stat = "cpu  9 9 9 9\ncpu0 100 10 20 900 7 1 2 3 5 0\ncpu1 50 0 0 0 0 0 0 0 0 0\nintr 1\n"
    assert busy_seconds(stat, {0}, 100) == pytest.approx(1.36)
    assert busy_seconds(stat, {0, 1}, 100) == pytest.approx(1.86)
    ours = os.times_result((0.5, 0.25, 0.1, 0.01, 99.0))
    assert foreign(stat, ours, {0, 1}, 100) == pytest.approx(1.0), "our own work is none of theirs"
    neighbours = Neighbours()
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        pass
    # The kernel counts in hundredths of a second, and ours at another moment than all.
    assert -0.1 < neighbours.cores() < len(os.sched_getaffinity(0)) + 0.1


def test_what_cannot_be_run_is_red_and_the_rest_is_said(
    measured: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert measured(counted(1.1), runs=iter([])) == 1
    out = capsys.readouterr().out
    assert "instructions: vad; " in out
    assert "; made up could not be run\n" in out


def test_one_allocation_is_red(
    measured: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert measured(allocated=1) == 1
    assert "playout: 1 allocations" in capsys.readouterr().out


def test_an_act_that_nobody_has_counted_is_red(measured: Callable[..., int]) -> None:
    assert measured(counted() | {"new": 5.0}) == 1


def test_another_compiler_is_judged_by_the_nearest_and_loudly(
    measured: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert measured(counted(1.1), compiler="1.99") == 0
    assert "NOT CHECKED by the gate: instructions to 5 %: no counts of Rust 1.99" in (
        capsys.readouterr().out
    )
    assert measured(counted(1.6), compiler="1.99") == 1


@pytest.mark.parametrize("without", [{"valgrind": False}, {"architecture": "aarch64"}])
def test_where_instructions_cannot_be_counted_the_gate_says_so_and_judges_the_rest(
    measured: Callable[..., int], capsys: pytest.CaptureFixture[str], without: dict[str, object]
) -> None:
    assert measured(counted(2.0), **without) == 0
    assert "# NOT CHECKED by the gate: instructions: " in capsys.readouterr().out
    assert measured(allocated=1, **without) == 1


def test_counts_are_recorded_beside_those_of_other_compilers() -> None:
    text = FILE.read_text(encoding="utf-8")
    once = recorded(text, counted(2.0) | {"new": 7.0}, "1.99")
    again = recorded(once, counted() | {"new": 8.0}, "1.99")
    for each, times in ((once, 2.0), (again, 1.0)):
        assert each.count('"1.99" = ') == len(LIMITS.counts) + 1
        assert f'"1.99" = {times * LIMITS.counts["vad"][COMPILER]:.0f}\n' in each
    for line in text.splitlines():
        assert line in again.splitlines(), "nothing else has changed"


def test_every_limit_has_its_reason_and_every_figure_its_limit() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert text.count("\nreason = ") == len(LIMITS.figures) + len(LIMITS.counts)
    assert '\nreason = ""' not in text
    sources = inspect.getsource(running) + inspect.getsource(gating)
    assert all(f'"{name}": ' in sources for name in LIMITS.figures)
    assert replace(LIMITS, share=0.05) == LIMITS, "tight enough for 10 %"
