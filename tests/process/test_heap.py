"""The heap that `serve` begins with."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from translink.process.heap import NO_THREAD_CACHE, TUNABLES

SCRIPT = """
import os
print("began", os.getpid(), flush=True)
from translink.process.heap import without_thread_cache
without_thread_cache()
print(os.getpid(), os.environ.get("GLIBC_TUNABLES"))
"""


PROGRAM = """
import os, runpy, sys
sys.argv[1:] = [{command!r}, "--help"]
try:
    runpy.run_module("translink", run_name="__main__", alter_sys=True)
finally:
    print(os.environ.get("GLIBC_TUNABLES"))
"""


def lines(script: str = SCRIPT, **environment: str) -> list[list[str]]:
    """What a process printed, word by word."""
    clean = {n: v for n, v in os.environ.items() if n not in (TUNABLES, "_TRANSLINK_HEAP")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [line.split() for line in done.stdout.splitlines()]


needs_glibc = pytest.mark.skipif(
    "CS_GNU_LIBC_VERSION" not in os.confstr_names, reason="this libc is not glibc"
)


@needs_glibc
def test_a_process_begins_anew_once_and_stays_the_same_process() -> None:
    first, again, then = lines()
    assert first == again
    assert then == [first[1], NO_THREAD_CACHE]


@needs_glibc
def test_other_tunables_stay() -> None:
    *_, then = lines(**{TUNABLES: "glibc.malloc.arena_max=2"})
    assert then[1] == f"glibc.malloc.arena_max=2:{NO_THREAD_CACHE}"


def test_an_operator_who_set_it_is_obeyed() -> None:
    first, then = lines(**{TUNABLES: "glibc.malloc.tcache_count=7"})
    assert then == [first[1], "glibc.malloc.tcache_count=7"]


def test_a_loader_that_takes_the_tunables_away_makes_no_endless_loop() -> None:
    first, then = lines(_TRANSLINK_HEAP="1")
    assert then == [first[1], "None"]


@needs_glibc
@pytest.mark.parametrize(("command", "tunables"), [("serve", NO_THREAD_CACHE), ("status", "None")])
def test_only_a_server_begins_anew(command: str, tunables: str) -> None:
    assert lines(PROGRAM.format(command=command))[-1] == [tunables]
