"""`translink` and `python -m translink`: the same."""

from __future__ import annotations

import gc
import os
import signal
import sys

from translink.process.heap import without_thread_cache

OBJECTS = 50_000
"""More than before, at which Python looks for garbage. Its own 700 would have it look a hundred times while
modules are loaded, which are none; a server sets what suits it (`process.collector`)."""


def main() -> None:
    """Import and run the command line; Ctrl-C in the middle of it is no traceback."""
    if os.getpid() == 1:
        # The kernel keeps signals without a handler from a container's first process. Before our own
        # imports, which take a second on a busy machine. SIGUSR1 is the image's signal to stop.
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, lambda got, _: os._exit(128 + got))
    if sys.argv[1:2] == ["serve"]:
        without_thread_cache()
    gc.set_threshold(OBJECTS)
    # pydantic asks every package that is installed whether it is a plugin, 5 ms for 130 of them; none is
    # meant to see our settings.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        from translink.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
