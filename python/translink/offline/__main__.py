"""`python -m translink.offline`: what `OfflineProcess` starts. People use `translink offline`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import uvloop

from translink.offline.run import run_offline


def main() -> None:
    """Parse, run, leave."""
    parser = argparse.ArgumentParser(prog="python -m translink.offline", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--engine", choices=("real", "beacon"), default="real")
    parser.add_argument("--phrasebook", type=Path)
    parser.add_argument("--replace-phrasebook", action="store_true")
    parser.add_argument("--decoders", type=int)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--until-eof", action="store_true")
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            run_offline(
                host=given.host,
                port=given.port,
                engine=given.engine,
                phrasebook_path=given.phrasebook,
                replace_phrasebook=given.replace_phrasebook,
                decoders=given.decoders,
                json=given.json,
                until_eof=given.until_eof,
            )
        )


if __name__ == "__main__":
    main()
