"""The core's acts, counted: instructions by callgrind, allocations by an allocator that counts.

The program is `rust/counts`, built as the extension is (release, fat LTO). So that a count is the
same on every machine of one architecture with one compiler:

* flags of the environment and of cargo's settings are not taken: the code is for the baseline of the
  architecture (x86-64: SSE2), whatever this machine has;
* glibc is kept from choosing its copying by what the processor has (`GLIBC_TUNABLES`): with AVX2 a
  batch of the mailbox is 6 % fewer instructions;
* each figure is the difference of two runs of different length, without start and end.

What is left is the compiler: between Rust 1.85 and 1.95 the acts differ by 1 to 46 %, so a count is
compared with one of the same compiler only (`benches/gate/limits.toml`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from benches.kit.native import ROOT

FEW, MANY = 200, 1200
"""Rounds of the two runs."""
ALLOCATING = 5000
"""Rounds in which nothing may be allocated, after as many to warm up."""
PLAIN = "-AVX2,-AVX2_Usable,-AVX,-AVX_Usable,-AVX512F,-AVX512F_Usable,-AVX512VL,-ERMS,-FSRM"
"""Names of two generations of glibc; what one does not know it ignores."""
_COLLECTED = re.compile(r"Collected : (\d+)")
_VERSION = re.compile(r"rustc (\d+\.\d+)")


def have_valgrind() -> bool:
    """Whether instructions can be counted here."""
    return shutil.which("valgrind") is not None


def compiler() -> str:
    """The Rust that builds here: `1.95`."""
    done = subprocess.run(
        [*_rust(), "rustc", "--version"], capture_output=True, text=True, check=True
    )
    found = _VERSION.match(done.stdout)
    if found is None:
        raise RuntimeError(f"rustc says {done.stdout!r}")
    return found[1]


def acts() -> list[str]:
    """Their names."""
    return _output().splitlines()


def instructions() -> dict[str, float]:
    """For one round of each act. Needs valgrind."""
    names = acts()
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as runs:
        few = [runs.submit(_collected, name, FEW) for name in names]
        many = [runs.submit(_collected, name, MANY) for name in names]
        return {
            name: (more.result() - less.result()) / (MANY - FEW)
            for name, less, more in zip(names, few, many, strict=True)
        }


def allocations() -> dict[str, int]:
    """In `ALLOCATING` rounds of each act, once it is warm."""
    lines = (line.partition(" ") for line in _output("allocations", str(ALLOCATING)).splitlines())
    return {name: int(number) for number, _, name in lines}


def _collected(act: str, times: int) -> int:
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", _program(), act, str(times)],
        capture_output=True, text=True, check=True,
        env=os.environ | {"GLIBC_TUNABLES": f"glibc.cpu.hwcaps={PLAIN}"},
    )  # fmt: skip
    found = _COLLECTED.search(done.stderr)
    if found is None:
        raise RuntimeError(done.stderr[-1000:])
    return int(found[1])


def _output(*arguments: str) -> str:
    return subprocess.run(
        [_program(), *arguments], capture_output=True, text=True, check=True
    ).stdout


@cache
def _program() -> str:
    """Built if need be."""
    flags = ("RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET")
    plain = {name: value for name, value in os.environ.items() if name not in flags}
    done = subprocess.run(
        [*_rust(), "cargo", "build", "-q", "--release", "-p", "translink-counts", "--message-format=json"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
        env=plain | {"CARGO_ENCODED_RUSTFLAGS": ""},  # empty: the settings' flags neither
    )  # fmt: skip
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("target", {}).get("name") == "translink-counts" and message.get(
            "executable"
        ):
            return str(message["executable"])
    raise RuntimeError("cargo built no translink-counts")


def _rust() -> list[str]:
    machine = ROOT / "tools" / "machine"
    return [str(machine), "rust"] if os.access(machine, os.X_OK) else []
