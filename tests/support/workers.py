"""Which tests go to which worker of pytest-xdist, and in which order.

A file's tests stay with one worker, because they share a server or a browser. Most of the time is
waited for and not computed, so there are more workers than cores; what then decides when the last one
ends is the longest file. So long files go first, and those that would be longer than all others are
dealt out in parts, each with fixtures of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

PARTS = {
    "tests/interop/test_asterisk.py": 3,
    "tests/sim/test_run.py": 2,
    "tests/dashboard/test_serve.py": 2,
    "tests/dashboard/test_page.py": 2,
    "tests/benches/test_rows.py": 2,
}
"""Files that are dealt out, and to how many workers."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Files in the order in which they were collected, each to the next worker that is free."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False
        self._scopes: dict[str, str] = {}
        self._dealt: dict[str, int] = {}

    def _split_scope(self, nodeid: str) -> str:
        """The file of a test, or the part of the file. Cases of one test stay together."""
        test = nodeid.partition("[")[0]
        if test not in self._scopes:
            file = test.partition("::")[0]
            part = self._dealt.get(file, 0)
            self._dealt[file] = part + 1
            self._scopes[test] = f"{file}#{part % PARTS.get(file, 1)}"
        return self._scopes[test]


def longest_first(items: list[pytest.Item]) -> None:
    """Sort by the longest time-out in a file."""
    asked: dict[Path, float] = {}
    for item in items:
        asked[item.path] = max(asked.get(item.path, 0.0), _patience(item))
    items.sort(key=lambda item: -asked[item.path])


def _patience(item: pytest.Item) -> float:
    mark = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark else 0.0
