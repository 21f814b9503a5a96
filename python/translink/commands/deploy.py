"""Commands for those who install and upgrade: `init`, `dialplan`, `settings`, `drain`, `health`, `man`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from translink.commands.options import Config, EnvFile, Json, Set, Token, Url, loaded, target


def add_to(commands: typer.Typer) -> None:
    """Have the program know them."""
    commands.command(short_help="Write a translink.toml to begin with, by a few questions.")(init)
    commands.command(short_help="No new calls; wait until those that run have ended.")(drain)
    commands.command(short_help="Ask the running server whether it is well, for a probe.")(health)

    @commands.command("man", short_help="Print the manual page.")
    def manual_page() -> None:
        """Print the manual page, for a file such as /usr/local/share/man/man1/translink.1 of man."""
        from translink.commands import manual

        sys.stdout.write(manual.page(commands))

    commands.command(short_help="Print what to paste into Asterisk or FreeSWITCH.")(dialplan)
    commands.command("settings", short_help="Print the settings in force, or their JSON Schema.")(
        settings_
    )


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
    from translink.commands.drain import run_drain

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
    from translink.commands.control import run_health

    raise typer.Exit(run_health(target(url, token, config, env_file), ready=ready))


def settings_(
    schema: Annotated[
        bool, typer.Option("--schema", help="The JSON Schema of translink.toml, for editors.")
    ] = False,
    config: Config = None,
    env_file: EnvFile = None,
    set_: Set = None,
) -> None:
    """Print the settings in force as JSON, secrets masked, or the schema of the file they are written in."""
    from translink.commands.printing import print_json

    if schema:
        from translink.settings import schema as schemas

        print_json(schemas.schema())
        return
    print_json(loaded(config, env_file, set_).masked())


def init(
    system: Annotated[
        str | None, typer.Option(metavar="NAME", help="asterisk, freeswitch or raw (gateways).")
    ] = None,
    legs: Annotated[
        str | None, typer.Option(metavar="NAMES", help="In pairs, as in 3333,4444.")
    ] = None,
    languages: Annotated[
        str | None, typer.Option(metavar="TAGS", help="Two, or one for each leg: en,fr.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="IP", help="Where the telephone system reaches us.")
    ] = None,
    ari: Annotated[
        str | None, typer.Option(metavar="URL", help="Asterisk's HTTP server, for asterisk.")
    ] = None,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("translink.toml"),
    force: Annotated[
        bool, typer.Option("--force", help="Write over a file that is there.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing: what is not given is as usual.")
    ] = False,
) -> None:
    """Write a commented translink.toml, by a few questions or flags, and check it. A file that is there
    stays as it is."""
    from translink.commands.check import run_check
    from translink.commands.first_settings import Wishes, run_init, terminal_question, words

    wishes = Wishes(system, words(legs), words(languages), host, ari)
    ask = None if yes or not sys.stdin.isatty() else terminal_question
    raise typer.Exit(run_init(wishes, out, force=force, ask=ask, check=run_check))


def dialplan(
    system: Annotated[str, typer.Argument(metavar="asterisk|freeswitch")],
    config: Config = None,
    env_file: EnvFile = None,
    set_: Set = None,
) -> None:
    """Print what to paste into a telephone system, for the legs of the settings."""
    from translink.pbx import dialplan as texts

    kinds = {"asterisk": texts.asterisk, "freeswitch": texts.freeswitch}
    if system not in kinds:
        raise typer.BadParameter("asterisk or freeswitch", param_hint="SYSTEM")
    typer.echo(kinds[system](loaded(config, env_file, set_)))
