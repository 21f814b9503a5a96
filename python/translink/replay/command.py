"""`translink replay` on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from translink.commands.options import Config, EnvFile, Json, Set, loaded
from translink.commands.recordings import KeyFile


def add_to(commands: typer.Typer) -> None:
    """Have the program know it."""
    commands.command("replay", short_help="Run a recorded call again, and compare the words.")(
        replay
    )


def replay(
    recording: Annotated[Path, typer.Argument(help="A recording's folder.")],
    key_file: KeyFile = None,
    config: Config = None,
    env_file: EnvFile = None,
    set_: Set = None,
    json: Json = False,
) -> None:
    """Run a recorded call again through today's settings, in real time, and compare words and times with its
    transcript. With keys the real services are used; they charge. Exit code 0: the words are the same, 1:
    they differ, 2: wrong arguments, or no recording."""
    from translink import log
    from translink.recording.cipher import read_key
    from translink.replay.run import run_replay

    settings = loaded(config, env_file, set_)
    log.configure(level="error", secrets=settings.secrets())
    file = key_file or settings.record.key_file
    raise typer.Exit(
        run_replay(recording, settings, read_key(file) if file is not None else None, json=json)
    )
