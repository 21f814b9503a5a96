"""What commands print for programs."""

from __future__ import annotations

import sys

import orjson


def print_json(value: object) -> None:
    """On standard output, indented."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    sys.stdout.write(orjson.dumps(value, option=option).decode())
