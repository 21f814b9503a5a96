"""Where a figure comes from: machine, date, versions, commit, load, command."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benches.kit.native import ROOT

_PACKAGES = ("uvloop", "websockets", "aiohttp", "orjson", "pytest-benchmark")


def provenance(scale: str = "") -> dict[str, Any]:
    """The head of every report. Names no host, no user and no path."""
    from translink import __version__

    return {
        "translink": __version__,
        "commit": commit(),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": command(),
        "scale": scale,
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "arch": platform.machine(),
        "kernel": platform.release(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PACKAGES},
        "node": _first_line("node", "--version"),
        "rustc": _first_line("rustc", "--version"),
        "load": round(os.getloadavg()[0], 2),
    }


def head(run: dict[str, Any]) -> str:
    """One line of it, for people."""
    return (
        f"translink {run['translink']} ({run['commit']}), {run['date'][:10]}, {run['cpu']} "
        f"with {run['cores']} cores, Linux {run['kernel']}, Python {run['python']}, "
        f"load {run['load']} at the start: `{run['command']}`"
    )


def commit() -> str:
    """The commit measured; `+` when the tree has changes beside it."""
    name = _first_line("git", "rev-parse", "--short", "HEAD")
    changed = _first_line("git", "status", "--porcelain", "--untracked-files=no")
    return (name or "unknown") + ("+" if changed else "")


def command() -> str:
    """What was typed, without paths of this machine."""
    given = os.environ.get("TRANSLINK_BENCH_COMMAND")
    words = given.split() if given else [*_spoken(Path(sys.argv[0])), *sys.argv[1:]]
    return " ".join(word if "/" not in word else Path(word).name for word in words)


def cpu_model() -> str:
    """As the kernel calls it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _spoken(script: Path) -> list[str]:
    if script.parent.name != "benches":
        return [script.name]
    return ["python", "-m", "benches" if script.stem == "__main__" else f"benches.{script.stem}"]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _first_line(*arguments: str) -> str:
    try:
        done = subprocess.run(
            arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.partition("\n")[0].strip() if done.returncode == 0 else ""
