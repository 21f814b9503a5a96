"""`translink` and `python -m translink`: the same."""

from __future__ import annotations

import sys


def main() -> None:
    """Import and run the command line; Ctrl-C in the middle of it is no traceback."""
    try:
        from translink.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
