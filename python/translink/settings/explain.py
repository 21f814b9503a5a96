"""The message about a wrong setting: its name as written, the place, the value, what is right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from translink.settings.model import Settings
from translink.settings.secrets import names_secret

PREFIX = "TRANSLINK_"

Trail = tuple[str, ...]
"""The way to a value: `("admin", "port")`; an item of an array by its place."""
Naming = Callable[[str], str]


class WrittenValue(NamedTuple):
    """One value as it was written in a file, the environment or a flag."""

    path: Trail
    value: object
    name: str
    """As it was written."""
    where: str
    """File and line, `environment`, `command line`."""


def explain(error: ValidationError, written: Mapping[Trail, WrittenValue], tree: object) -> str:
    """One line for each thing that pydantic found wrong with the tree of settings."""
    lines: list[str] = []
    for problem in error.errors(include_url=False):
        path = [str(part) for part in problem["loc"]]
        wrong = problem["msg"].removeprefix("Value error, ").replace("Input should", "should")
        wrong = re.sub(r"a valid dictionary.*", "a table of settings", wrong)
        wrong = wrong.replace("a valid tuple", 'a list, as in ["one", "two"]')
        if problem["type"] == "extra_forbidden":
            spell = _speller(path, _entry_at(tuple(path), written)[0])
            wrong = "is not a setting" + did_you_mean(path[-1], _names_at(path[:-1]), spell)
        elif problem["type"] == "missing":
            wrong = "is missing"
        elif field := re.match(r"([a-z_]+(?:\.[a-z0-9_]+)*): (.*)", wrong, re.DOTALL):
            path, wrong = [*path, *field[1].split(".")], field[2]
        # A misspelt name may be a key's, and so may what stands where a table should be.
        unknown = problem["type"] in ("extra_forbidden", "model_type", "dict_type")
        lines.append(_complain(tuple(path), wrong, written, {} if unknown else tree))
    return "\n".join(dict.fromkeys(lines))


def complaint(name: str, value: object, where: str, wrong: str, *, secret: bool = False) -> str:
    """`name = value (where): what is right`, the value masked where it may be a secret."""
    at = f" ({where})" if where else ""
    if value is UNSHOWN or isinstance(value, (dict, list)):
        return f"{name}{at}: {wrong}"
    secret = secret or bool(re.search(r"key(?!term)|token|secret|password", name, re.IGNORECASE))
    # A password may have a slash in it; what is asked or behind a # may be a key.
    secret = secret or bool(re.search(r"://.*[@?#]|_key|token", str(value), re.DOTALL))
    return f"{name} = {'********' if secret else repr(value)}{at}: {wrong}"


def did_you_mean(name: str, known: Iterable[str], spell: Naming = str) -> str:
    """The nearest known name as a hint, or else all of them."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    if near:
        return f"; did you mean {spell(near[0])}?"
    return f"; known are {', '.join(sorted(known))}"


def _complain(path: Trail, wrong: str, written: Mapping[Trail, WrittenValue], tree: object) -> str:
    entry, exact = _entry_at(path, written) if path else (None, False)
    value: object = tree
    for key in path:
        if isinstance(value, dict):
            value = value.get(key, UNSHOWN)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            value = UNSHOWN
    shown = ".".join(path)
    if entry is None:
        return complaint(shown, value, "", wrong) if path else wrong
    name = entry.name if exact else f"{entry.name}: {shown}"
    return complaint(name, value, entry.where, wrong, secret=names_secret(path))


def _entry_at(
    path: Trail, written: Mapping[Trail, WrittenValue]
) -> tuple[WrittenValue | None, bool]:
    """What was written at the path (True), around it (False) or inside it (True)."""
    if entry := written.get(path):
        return entry, True
    if inside := next((e for p, e in written.items() if p[: len(path)] == path), None):
        return inside, True
    around = (written.get(path[:length]) for length in range(len(path) - 1, 0, -1))
    return next((entry for entry in around if entry), None), False


class _Nothing:
    pass


UNSHOWN = _Nothing()
"""In place of a value that is not there, or is not to be repeated."""


def _speller(path: Sequence[str], entry: WrittenValue | None) -> Naming:
    """Writes another last name of the path the way that the entry was written."""
    if entry is not None and entry.name.startswith(PREFIX):
        return lambda name: PREFIX + "__".join((*entry.path[: len(path) - 1], name)).upper()
    return lambda name: ".".join((*path[:-1], name))


def _names_at(path: Sequence[str]) -> list[str]:
    """The settings that exist under `path`."""
    model: type[BaseModel] = Settings
    for part in path:
        if part.isdecimal() or part not in model.model_fields:
            continue
        inner = _model_in(model.model_fields[part].annotation)
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        if (found := _model_in(argument)) is not None:
            return found
    return None
