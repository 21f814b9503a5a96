"""Instructions of the loop's thread for a frame of a leg, and all that it causes:
`python -m benches.loop [calls [rounds [silent]]]`.

Counted by callgrind, so that other programs on the machine matter little. `frames`: from the mailbox to the
transport's `write`, of parties who talk all the time, or who are silent. `rest`: results, translations, speech, log
lines, timers. Timers go by the clock: on a machine that is too slow for callgrind there are more of them a frame. So a
count says how long a round took and how many segments were translated; compare what agrees in both. The kernel's part
is in neither, nor is waiting for memory, which in a server is most of the time: compare counts with counts.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from benches.kit.certificates import certificates
from benches.kit.native import ROOT
from benches.kit.processes import Talking

CALLS, ROUNDS = 1, 300
ATTEMPTS = 3
CALLGRIND = (
    "valgrind",
    "--tool=callgrind",
    "--callgrind-out-file=/dev/null",
    "--collect-atstart=no",
    "--instr-atstart=no",
)
_COLLECTED = re.compile(r"Collected : (\d+)")


class Disturbed(Exception):
    """Something else was counted than a quiet run."""


class Counted(NamedTuple):
    """One count."""

    instructions: float
    """For a frame."""
    round_ms: float
    """Length of a round of 20 ms. Longer: callgrind did not keep up, and timers came more often a frame."""
    segments: int
    """Translated meanwhile."""


def count(
    what: str, calls: int, rounds: int, *, tls: bool = False, voices: str = "talking"
) -> Counted:
    """Tried again where the machine was so slow that connections broke."""
    for attempt in range(ATTEMPTS):
        try:
            return _count(what, calls, rounds, tls, voices)
        except Disturbed as why:
            print(why, file=sys.stderr)
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError


def _count(what: str, calls: int, rounds: int, tls: bool, voices: str) -> Counted:
    with tempfile.TemporaryDirectory() as name:
        made = certificates(Path(name)) if tls else None
        pem, trusted = ([made.server], {"SSL_CERT_FILE": str(made.authority)}) if made else ([], {})
        with Talking([sys.executable, "-m", "benches.kit.answering", *pem]) as it:
            port = int(it.line().removeprefix("ready"))
            url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
            scene = [
                sys.executable,
                "-m",
                "benches.kit.looped",
                what,
                str(calls),
                str(rounds),
                url,
                voices,
            ]
            done = subprocess.run(
                [*CALLGRIND, *scene], cwd=ROOT, capture_output=True, text=True, check=False,
                env=os.environ | {"PYTHONHASHSEED": "0"} | trusted,
            )  # fmt: skip
    found = _COLLECTED.search(done.stderr)
    if done.returncode or found is None:
        raise RuntimeError(done.stderr[-2000:])
    said, round_ms, segments = done.stdout.split()
    frames, wanted = int(said), 2 * calls * rounds
    if abs(frames - wanted) > 0.02 * wanted:
        raise Disturbed(f"{frames} frames were sent to the recogniser instead of {wanted}")
    return Counted(int(found[1]) / wanted, float(round_ms), int(segments))


def main() -> None:
    """Print all four."""
    given = [int(each) for each in sys.argv[1:3]]
    voices = sys.argv[3] if len(sys.argv) > 3 else "talking"
    calls, rounds = (*given, *(CALLS, ROUNDS)[len(given) :])
    for tls in (False, True):
        for what in ("frames", "rest"):
            each = count(what, calls, rounds, tls=tls, voices=voices)
            print(
                f"{'TLS' if tls else 'plain':6} {what:7} {each.instructions:10,.0f}"
                f"  (a round {each.round_ms:.1f} ms, {each.segments} segments)",
                flush=True,
            )


if __name__ == "__main__":
    main()
