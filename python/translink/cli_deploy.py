"""Commands for those who install and upgrade: `drain`, `health`."""

from __future__ import annotations

from typing import Annotated

import typer

from translink.cli_options import Config, EnvFile, Json, Token, Url, target


def add_to(commands: typer.Typer) -> None:
    """Have the program know them."""
    commands.command(short_help="No new calls; wait until those that run have ended.")(drain)
    commands.command(short_help="Ask the running server whether it is well, for a probe.")(health)


def drain(
    limit: Annotated[
        float | None,
        typer.Option(
            min=0, max=604_800, metavar="SECONDS", help="Then end calls [default: drain.limit]."
        ),
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Do not wait for the last call's end.")
    ] = False,
    url: Url = None,
    token: Token = None,
    config: Config = None,
    env_file: EnvFile = None,
    json: Json = False,
) -> None:
    """Let the running server take no new calls and end with the last one that runs; show which
    parties still talk. Exit code 5: calls still ran at the limit."""
    from translink.control_drain import run_drain

    server = target(url, token, config, env_file)
    raise typer.Exit(run_drain(server, limit=limit, wait=not no_wait, json=json))


def health(
    ready: Annotated[
        bool, typer.Option("--ready", help="Whether a call that begins now would be translated.")
    ] = False,
    url: Url = None,
    token: Token = None,
    config: Config = None,
    env_file: EnvFile = None,
) -> None:
    """Ask the running server whether it is well, for a container's or a supervisor's probe. Exit code 1:
    no, 3: nobody answers."""
    from translink.control import run_health

    raise typer.Exit(run_health(target(url, token, config, env_file), ready=ready))
