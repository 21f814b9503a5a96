"""The small C programs beside the benchmarks, built when they are first needed.

They send, receive and call where Python would itself be what is measured. Any C compiler will do; a
program is built once for each version of its source.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "benches" / "native"
FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror")


@cache
def program(name: str) -> Path:
    """`native/NAME.c` as a program. Skips the benchmark where there is no compiler."""
    return _built(name, name, ())


@cache
def tls_sink() -> Path:
    """`native/sink.c` over TLS. Skips the benchmark where there is no OpenSSL to compile with."""
    if not has_openssl_headers():
        pytest.skip("no OpenSSL headers on this machine: apt-get install libssl-dev")
    return _built("sink", "sink-tls", ("-DWITH_TLS",), ("-lssl", "-lcrypto"))


def has_openssl_headers() -> bool:
    """Whether the C compiler finds them."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return False
    command = [compiler, "-E", "-x", "c", "-"]
    header = "#include <openssl/ssl.h>\n"
    return not subprocess.run(
        command, input=header, capture_output=True, text=True, check=False
    ).returncode


@cache
def library(name: str) -> Path:
    """`native/NAME.c` as a shared library, for ctypes."""
    return _built(name, f"{name}.so", ("-shared", "-fPIC", "-pthread"))


def node() -> str | None:
    """The Node interpreter, where there is one."""
    return shutil.which("node")


def _built(name: str, product: str, more: tuple[str, ...], libraries: tuple[str, ...] = ()) -> Path:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    source = SOURCES / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:12]
    folder = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "benches" / digest
    made = folder / product
    if not made.exists():
        folder.mkdir(parents=True, exist_ok=True)
        half = folder / f"{product}.{os.getpid()}"
        subprocess.run([compiler, *FLAGS, *more, "-o", half, source, "-lm", *libraries], check=True)
        half.replace(made)
    return made
