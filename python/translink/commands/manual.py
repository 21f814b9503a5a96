"""The manual page, made from the commands themselves: `translink man`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from translink import __version__

MANUAL_FILES = (
    ("./translink.toml", "Settings. A schema for editors: translink settings --schema."),
    ("./.env.externalmedia", "NAME=value, keys among them. Stronger than translink.toml."),
)


def page(commands: typer.Typer) -> str:
    """The manual page as roff source, see man(7)."""
    return "\n".join(_lines(typer.main.get_command(commands))) + "\n"


def _lines(program: Any) -> Iterator[str]:
    yield f'.TH TRANSLINK 1 "" "translink {__version__}" "User Commands"'
    yield ".SH NAME"
    yield r"translink \- translates a phone call while people speak"
    yield ".SH SYNOPSIS"
    yield ".B translink"
    yield r"[\fIoptions\fR] \fIcommand\fR [\fIarguments\fR]"
    yield ".SH OPTIONS"
    yield from _options(program, "translink")
    yield ".SH COMMANDS"
    for name, command in program.commands.items():
        context = command.make_context(name, [], resilient_parsing=True)
        pieces = " ".join(command.collect_usage_pieces(context))
        yield f".SS translink {_roff(name)} {_roff(pieces)}"
        yield _roff(" ".join((command.help or "").split()))
        yield from _options(command, name)
    yield ".SH FILES"
    for file, text in MANUAL_FILES:
        yield from (".TP", rf"\fI{_roff(file)}\fR", _roff(text))
    yield ".SH EXIT STATUS"
    yield _roff("0: done. 1: failed, the reason is on standard error. 2: wrong arguments or a wrong setting. "
                "130: interrupted. Others are said with their command.")  # fmt: skip


def _options(command: Any, name: str) -> Iterator[str]:
    context = command.make_context(name, [], resilient_parsing=True)
    for option in command.get_params(context):
        if (record := option.get_help_record(context)) is not None:
            written, means = record
            yield from (".TP", rf"\fB{_roff(written)}\fR", _roff(" ".join(means.split())) or "\\&")


def _roff(text: str) -> str:
    """Its own characters, and a point or an apostrophe at a line's beginning, mean themselves."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return r"\&" + text if text.startswith((".", "'")) else text
