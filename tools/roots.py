"""Bare systems to run things in: made once by mmdebstrap, kept as archives.

They reach package registries as this machine does: apt's Acquire settings are taken along. Used by
`tools/fresh` (bare systems for the README's commands) and `tools/pbx-root` (an Asterisk for tests).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "translink-fresh"
"""Where archives are kept if nothing else is said."""
PATIENCE = 1200
"""Seconds for making one."""


def make(suite: str, archive: Path, extra: Sequence[str]) -> tuple[Path | None, str]:
    """A root of a Debian or Ubuntu release as a tar file; else None and the reason."""
    say(f"making a root of {suite}")
    log = archive.with_suffix(".log")
    part = archive.with_suffix(".part.tar")
    with tempfile.TemporaryDirectory(prefix="translink-fresh-") as folder:
        options = Path(folder) / "apt.conf"
        options.write_text(apt_settings())
        with log.open("w") as out:
            try:
                code = subprocess.run(
                    ["mmdebstrap", *extra, f"--aptopt={options}", suite, part],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    timeout=PATIENCE,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                code = -1
    if code:
        part.unlink(missing_ok=True)
        errors = [line for line in log.read_text().splitlines() if line.startswith("E: ")]
        return None, (errors or [f"mmdebstrap took too long or failed, see {log}"])[0]
    part.rename(archive)
    return archive, ""


def apt_settings() -> str:
    """How this machine's apt reaches its sources."""
    dump = subprocess.run(
        ["apt-config", "dump", "--no-empty", "Acquire"], capture_output=True, text=True, check=True
    ).stdout
    return "".join(f"{line}\n" for line in dump.splitlines() if "IndexTargets" not in line)


def say(text: str) -> None:
    """For people who wait at a terminal."""
    sys.stderr.write(f"{Path(sys.argv[0]).name}: {text}\n")
