"""A share of a core for each of some processes, as the kernel's CPU controller gives it (cgroup v1 or v2). Where the
kernel counts real-time threads apart, the media thread has as much again.

So a machine of two cores can tell what several processes would do on more: each has as much as another one, and
callers and providers have the rest.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

TREE = Path("/sys/fs/cgroup")
PERIOD_US = 5_000
"""Short, so that a process which has used its share waits for milliseconds and not for tens of them."""


def has_quota() -> bool:
    """Whether this user may give out shares here."""
    parent = _parent()
    if parent is None:
        return False
    trial = parent / f"translink-bench-{os.getpid()}-trial"
    try:
        trial.mkdir()
        there = any((trial / name).exists() for name in ("cpu.max", "cpu.cfs_quota_us"))
        trial.rmdir()
    except OSError:
        return False
    return there


@contextlib.contextmanager
def shared_out(pids: Iterable[int], share: float) -> Iterator[None]:
    """Each of these processes has `share` of a core at most. Raises `OSError`."""
    parent = _parent()
    if parent is None:
        raise FileNotFoundError("no CPU controller")
    made: list[Path] = []
    try:
        for pid in pids:
            group = parent / f"translink-bench-{os.getpid()}-{pid}"
            group.mkdir()
            made.append(group)
            quota = round(share * PERIOD_US)
            if (group / "cpu.max").exists():
                (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
            else:
                (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (group / "cpu.cfs_quota_us").write_text(str(quota))
                # Without real-time runtime no process with such a thread may join, and ours have one.
                real_time = group / "cpu.rt_runtime_us"
                if real_time.exists():
                    period = int((group / "cpu.rt_period_us").read_text())
                    real_time.write_text(str(round(share * period)))
            (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for group in made:
            for left in (group / "cgroup.procs").read_text().split():
                with contextlib.suppress(OSError):  # it has just ended
                    (parent / "cgroup.procs").write_text(left)
            group.rmdir()


def _parent() -> Path | None:
    """The group that ours are made in."""
    if (TREE / "cpu").is_dir():
        return TREE / "cpu"
    controllers = TREE / "cgroup.subtree_control"
    with contextlib.suppress(OSError):
        if "cpu" not in controllers.read_text().split():
            controllers.write_text("+cpu")
        return TREE
    return None
