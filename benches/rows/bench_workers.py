"""Workers: how many calls two carry, and how many one does, each with the same share of a core.

On two cores callers, providers and two workers are in each other's way, and what is found is how many cores there
are. So every worker may use a third of a core and no more (`quota`), which leaves room for all others: what is
found is what the second worker adds. Conditions are those of capacity.
"""

from __future__ import annotations

import pytest

from benches.kit.calls import CallsScene, Outcome, run_calls
from benches.kit.quota import has_quota
from benches.kit.row import Bench, Row, counted
from benches.rows.bench_capacity import broken, tell

SHARE = 0.33
CALLS = tuple(range(2, 63, 2))
"""Of each worker; between two steps it is halved until the highest that is carried is known."""
_carried: dict[int, float] = {}
"""By so many workers, in this run."""


@pytest.mark.parametrize("workers", [1, 2])
def bench_workers(bench: Bench, workers: int) -> None:
    """The climb of so many workers."""
    if not has_quota():
        pytest.skip("needs root and the CPU controller of cgroups")
    scale = bench.scale
    if scale.name == "smoke" and workers == 1:
        pytest.skip("not in the smoke form")
    row = Row("workers", counted(workers, "worker"), x=workers, axis="workers")
    steps = scale.pick((1,), CALLS, CALLS)

    def once() -> None:
        low, high, best = -1, len(steps), None
        while high - low > 1:
            middle = (low + high) // 2
            for _ in range(2):  # a second chance: the machine may have stood still
                outcome = _run(workers, steps[middle], scale.pick(4.0, 12.0, 20.0))
                if not (why := _broken(outcome)):
                    low, best = middle, outcome
                    break
                row.note(f"{counted(workers, 'worker')}, {workers * steps[middle]} calls: {why}")
            else:
                high = middle
        row.add("carried", "calls", workers * steps[low] if low >= 0 else 0, better="more")
        if best is not None:
            row.add("CPU of all processes there", "cores", best.cpu, own=False)

    bench.measure(row, once, repeats=1)
    _carried[workers] = row.middle("carried")
    if workers > 1 and _carried.get(1):
        row.add("carried ÷ one worker's", "×", _carried[workers] / _carried[1], better="more")
        bench.keep(row)


def _run(workers: int, calls: int, seconds: float) -> Outcome:
    return run_calls(CallsScene(workers * calls, seconds, workers=workers, share=SHARE))


def _broken(outcome: Outcome) -> str:
    trial = Row("workers", "trial")
    tell(trial, outcome)
    return broken(trial)
