"""Which tests go to which worker of pytest-xdist, and in which order.

A file's tests stay with one worker, because they share a server or a browser. Most of the time is
waited for and not computed, so there are more workers than cores; what then decides when the last one
ends is the longest file. So long files go first, and those that would be longer than all others are
dealt out in parts, each with fixtures of its own.

Tests that are marked `alone` come after all others, three at a time. What is `QUIET` is left for the
workers that would have nothing to do meanwhile: two cores carry it beside them.
"""

from __future__ import annotations

import os
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

PARTS = {
    "tests/interop/test_asterisk.py": 4,
    "tests/sim/test_run.py": 2,
    "tests/test_echo_loop.py": 2,
    "tests/dashboard/test_serve.py": 2,
    "tests/dashboard/test_page.py": 2,
    "tests/benches/test_rows.py": 2,
}
"""Files that are dealt out, and to how many workers."""
QUIET = frozenset(
    {
        "tests/admin/access/test_rate.py",
        "tests/admin/routes/test_live.py",
        "tests/callers/test_caller.py",
        "tests/engine/test_playout.py",
        "tests/engine/test_receive.py",
        "tests/engine/test_rtp.py",
        "tests/engine/test_source.py",
        "tests/interop/test_rtp_peers.py",
        "tests/providers/test_attempts.py",
        "tests/providers/test_lineup.py",
        "tests/sim/test_lines.py",
    }
)
"""Files that wait in real time and cost less than a sixth of a core while they do."""
ALONE = "@alone"
"""Behind the name of a unit of tests that are marked so."""
AT_ONCE = 3
"""Workers that have such tests. Together they take less than one of two cores; a fourth lost a word where other
work kept both busy."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Files in the order in which they were collected, each to the next worker that is free."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False
        self._alone: frozenset[str] = frozenset()
        self._scopes: dict[str, str] = {}
        self._dealt: dict[str, int] = {}

    def schedule(self) -> None:
        """When all workers have collected."""
        if self.collection is None:
            self._alone = read_alone()
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        """The file of a test, or the part of the file. Cases of one test stay together."""
        test = nodeid.partition("[")[0]
        if test not in self._scopes:
            file = test.partition("::")[0]
            suffix = ALONE if nodeid in self._alone else ""
            part = self._dealt.get(file + suffix, 0)
            self._dealt[file + suffix] = part + 1
            self._scopes[test] = f"{file}#{part % PARTS.get(file, 1)}{suffix}"
        return self._scopes[test]

    def _reschedule(self, node: Any) -> None:
        """As it is there, but what comes next depends on the worker, and may be nothing."""
        if self.workqueue and not node.shutting_down and self._next_for(node) is None:
            node.shutdown()
            return
        super()._reschedule(node)

    def _assign_work_unit(self, node: Any) -> None:
        """Nothing, where nothing is left for this worker."""
        scope = self._next_for(node)
        if scope is not None:
            self.workqueue.move_to_end(scope, last=False)
            super()._assign_work_unit(node)

    def _next_for(self, node: Any) -> str | None:
        """The first of what is loud, of what is alone if there is room, of what is quiet."""
        with_alone = sum(
            _has_alone(work) for other, work in self.assigned_work.items() if other is not node
        )
        return next_unit(self.workqueue, with_alone)


def next_unit(queue: OrderedDict[str, Any], with_alone: int) -> str | None:
    """What a worker takes while so many others have tests that run alone."""
    quiet = [scope for scope in queue if scope.partition("#")[0] in QUIET]
    alone = [scope for scope in queue if scope.endswith(ALONE)]
    for scope in queue:
        if scope not in quiet and scope not in alone:
            return scope
    if alone and with_alone < AT_ONCE:
        return alone[0]
    return quiet[0] if quiet else None


def _has_alone(work: dict[str, dict[str, bool]]) -> bool:
    """Of the units that a worker was given: is one to run alone, and not done?"""
    return any(scope.endswith(ALONE) and not all(unit.values()) for scope, unit in work.items())


def longest_first(items: list[pytest.Item]) -> None:
    """Sort by the longest time-out in a file; of those without one, whole servers go before their parts.

    The last are over in seconds, and what runs alone hardly meets them.
    """
    asked: dict[Path, float] = {}
    for item in items:
        asked[item.path] = max(asked.get(item.path, 0.0), _patience(item))
    items.sort(key=lambda item: (-asked[item.path], len(item.path.parts)))


def alone_file() -> Path:
    """Where workers write which tests are marked `alone`: all else that the scheduler knows is names."""
    return Path(tempfile.gettempdir()) / f"translink-alone-{os.getpid()}"


def write_alone(file: Path, items: list[pytest.Item]) -> None:
    """In a worker; each writes the same."""
    names = [item.nodeid for item in items if item.get_closest_marker("alone")]
    own = file.with_name(f"{file.name}-{os.getpid()}")
    own.write_text("\n".join(names), encoding="utf-8")
    own.replace(file)


def read_alone() -> frozenset[str]:
    """In the scheduler's process, once."""
    file = alone_file()
    names = file.read_text(encoding="utf-8")
    file.unlink()
    return frozenset(names.split("\n"))


def _patience(item: pytest.Item) -> float:
    mark = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark else 0.0
