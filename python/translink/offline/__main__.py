"""`python -m translink.offline`: what `OfflineProcess` starts. People use `translink offline`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from translink.errors import TranslinkError
from translink.process.ending import leave
from translink.process.startup import quick_imports

with quick_imports():
    from translink.offline.child import KEY_NAME
    from translink.offline.run import run_offline


def main() -> None:
    """Parse the command line, serve, and leave with an exit code."""
    parser = argparse.ArgumentParser(prog="python -m translink.offline", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--phrasebook", type=Path)
    parser.add_argument("--recognizers", type=int)
    parser.add_argument("--whisper")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--until-eof", action="store_true")
    key = os.environ.pop(KEY_NAME, None)  # not for the programs that are started from here
    try:
        code = run_offline(**vars(parser.parse_args()), key=key)
    except (TranslinkError, OSError) as error:  # one line, which stands in the parent's log
        sys.stderr.write(f"translink offline: {error}\n")
        code = 1
    leave(code)


if __name__ == "__main__":
    main()
