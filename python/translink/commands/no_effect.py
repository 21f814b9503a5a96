"""Options that do nothing beside others."""

from __future__ import annotations

import typer


def without(context: typer.Context, *names: str, why: str) -> None:
    """Raises `typer.BadParameter`: one of these parameters was given."""
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if name in names and source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(why, ctx=context, param_hint=f"'{parameter.opts[0]}'")
