"""Loading a program quickly.

Measured (Python 3.11, compiled files, 2 shared cores): of what `translink serve` imports, the garbage collector
takes 30 ms, since modules are none; rich 25 ms and 6 MB; and the authorities that aiohttp reads for two contexts
of its own 42 ms.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

_READ = "set_default_verify_paths"


@contextlib.contextmanager
def quick_imports() -> Iterator[None]:
    """Import what a program needs inside: without collecting garbage, without rich, and without authorities.

    structlog takes rich for its tracebacks if it can have it; ours are plain. aiohttp makes two contexts for
    TLS that trust this machine's authorities; they trust nobody when they are made inside, and a session
    that opens connections needs `translink.trust`.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        with _without_rich(), _without_authorities():
            yield
    finally:
        if collecting:
            gc.enable()


@contextlib.contextmanager
def _without_rich() -> Iterator[None]:
    if "rich" in sys.modules:
        yield
        return
    sys.modules["rich"] = None  # type: ignore[assignment] # Python's word for: not to be found
    try:
        yield
    finally:
        del sys.modules["rich"]


@contextlib.contextmanager
def _without_authorities() -> Iterator[None]:
    """Contexts that this thread makes meanwhile trust nobody; another one may read authorities."""
    import ssl

    usual, here = ssl.SSLContext.set_default_verify_paths, threading.get_ident()
    if _READ in vars(ssl.SSLContext):  # nested
        yield
        return

    def read(context: ssl.SSLContext) -> None:
        if threading.get_ident() != here:
            usual(context)

    setattr(ssl.SSLContext, _READ, read)
    try:
        yield
    finally:
        delattr(ssl.SSLContext, _READ)
