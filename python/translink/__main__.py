"""`translink` and `python -m translink`: the same."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Import and run the command line; Ctrl-C in the middle of it is no traceback."""
    if os.getpid() == 1:
        # The kernel keeps signals without a handler from a container's first process. Before our own
        # imports, which take a second on a busy machine.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    try:
        from translink.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
