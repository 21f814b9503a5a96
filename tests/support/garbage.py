"""What only the garbage collector would free."""

from __future__ import annotations

import contextlib
import gc
from collections import Counter
from collections.abc import Iterator


@contextlib.contextmanager
def cycles(*modules: str) -> Iterator[Counter[str]]:
    """Types of the objects that are left in cycles by what is done inside, of these packages; filled in
    at the end. What others leave, such as the loop of a test, is not ours to mend."""
    left: Counter[str] = Counter()
    collecting, flags = gc.isenabled(), gc.get_debug()
    gc.collect()
    gc.disable()
    try:
        yield left
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left.update(
            type(each).__qualname__
            for each in gc.garbage
            if type(each).__module__.startswith(modules)
        )
    finally:
        gc.set_debug(flags)
        gc.garbage.clear()
        if collecting:
            gc.enable()
