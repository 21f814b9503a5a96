"""Processes that are spoken to in lines: started, asked, answered, ended."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benches.kit.native import ROOT


class Talking:
    """A process that reads lines and writes lines. Use as a context manager: gone afterwards."""

    def __init__(self, command: Sequence[str | Path], **environ: str) -> None:
        """`environ`: for it alone, beside ours."""
        self._process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
            | environ,
        )

    def __enter__(self) -> Talking:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def say(self, *lines: str) -> None:
        """Write lines."""
        assert self._process.stdin is not None
        self._process.stdin.write("".join(line + "\n" for line in lines))
        self._process.stdin.flush()

    def line(self) -> str:
        """Its next line. Raises `RuntimeError` when it has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended by itself")
        return line

    def ask(self, *lines: str) -> str:
        """Its answer to these lines."""
        self.say(*lines)
        return self.line()

    def reported(self, *lines: str) -> dict[str, Any]:
        """Its answer, of JSON."""
        answer: dict[str, Any] = json.loads(self.ask(*lines))
        return answer


def thread_seconds(pid: int) -> dict[str, float]:
    """CPU seconds of the threads of a process, to the nanosecond: the first as `loop`, the others by
    name, those that have none as `others`.
    """
    seconds: dict[str, float] = defaultdict(float)
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has just ended
            name = (task / "comm").read_text().strip()
            name = (
                "loop" if int(task.name) == pid else "others" if name.startswith("python") else name
            )
            seconds[name] += int((task / "schedstat").read_text().split()[0]) / 1e9
    return dict(seconds)


def us_each(seconds: float, count: float) -> float:
    """Microseconds of CPU time for each of so many; of none, for all together."""
    return seconds * 1e6 / max(1, count)
