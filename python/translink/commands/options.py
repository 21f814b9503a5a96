"""Options that several commands share, and which running server an order is for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from translink.commands.control import Target
    from translink.settings.model import Settings

Config = Annotated[Path | None, typer.Option(help="Settings file [default: ./translink.toml]")]
EnvFile = Annotated[
    Path | None, typer.Option(help="File of NAME=value [default: ./.env.externalmedia]")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any setting, as in --set deepl.timeout=2"),
]
Url = Annotated[
    str | None, typer.Option(metavar="URL", help="A server other than the settings' own.")
]
Token = Annotated[
    str | None,
    typer.Option(metavar="PLACE", help="Where its token is: file:PATH or keyring:SERVICE/NAME."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def target(
    url: str | None, token: str | None, config: Path | None, env_file: Path | None
) -> Target:
    """The running server that an order is for."""
    from translink.commands.control import target_of

    return target_of(loaded(config, env_file), url, token)


def loaded(config: Path | None, env_file: Path | None, set_: list[str] | None = None) -> Settings:
    """The settings in force. Raises `SettingsError`."""
    from translink.settings.model import Settings

    return Settings.load(config=config, env_file=env_file, flags={"--set": set_ or []})
