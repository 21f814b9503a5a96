"""The heap of a process that serves for weeks."""

from __future__ import annotations

import os
import sys

TUNABLES = "GLIBC_TUNABLES"
NO_THREAD_CACHE = "glibc.malloc.tcache_count=0"
_BEGUN_ANEW = "_TRANSLINK_HEAP"
"""In the environment of a process that has been through here. Not `TUNABLES` itself: the loader takes that from a
Python with capabilities of its own, which would begin anew for ever."""


def without_thread_cache() -> None:
    """Begin this program anew, as the same process, with a glibc that puts no small chunks aside for each thread.

    They come to lie in the holes that OpenSSL's buffers leave, 17 kB for each message and given back at once:
    the next buffer finds none that it fits into. A hundred calls over TLS took 2 MB more each minute; without
    that cache none of it, and the calls cost no more (docs/performance.md, "The soak"). Only the environment
    can say so, before the first allocation: there is no `mallopt` of it. Does nothing with another libc, or
    where the operator has set that tunable.
    """
    asked = os.environ.get(TUNABLES, "")
    if _BEGUN_ANEW in os.environ or "tcache_count" in asked or not (_is_glibc() and sys.executable):
        return
    tunables = f"{asked}:{NO_THREAD_CACHE}" if asked else NO_THREAD_CACHE
    os.execve(
        sys.executable,
        [sys.executable, *sys.orig_argv[1:]],
        os.environ | {TUNABLES: tunables, _BEGUN_ANEW: "1"},
    )


def _is_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (OSError, ValueError):  # musl knows no such name
        return False
