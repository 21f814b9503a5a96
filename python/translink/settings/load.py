"""Where settings come from, in order of strength, and how a wrong one is named.

defaults < `translink.toml` < `.env.externalmedia` < environment < flags. Each source becomes a
list of entries (path, value, name, place); stronger entries are laid over weaker ones; pydantic
checks the sum; an error has the name as it was written and the place.

- A table of the file is laid over field by field; `legs`, `pairs` and other arrays replace the
  weaker array whole.
- Environment: `TRANSLINK_ADMIN__PORT=3021` is `admin.port`; a leg is addressed by its name:
  `TRANSLINK_LEGS__3333__LISTEN=127.0.0.1:0`; a value that begins with `[` or `{` is JSON. An empty
  value counts as not set. Besides there are the well-known names of `WELL_KNOWN`. All names become
  lower case, so one with a capital of its own is given in a table: `TRANSLINK_VOICES={"pt-BR": "…"}`.
- Names that we do not know are refused in `translink.toml` and behind `TRANSLINK_`, with the
  nearest name that we do know. `.env.externalmedia` is the Node.js server's file too: its other names
  are passed over.
- A secret may be given by its place (`keys`): `DEEPGRAM_API_KEY_FILE=/path` is
  `DEEPGRAM_API_KEY=file:/path`. On the command line it *must*, since everybody on the machine can
  read that.
- Of `USE_DEEPGRAM_STREAMING` and `TRANSLINK_MODE` in one source, the second wins.
"""

from __future__ import annotations

import io
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import ValidationError

from translink.errors import SettingsError
from translink.settings.explain import (
    PREFIX,
    UNSHOWN,
    Naming,
    Trail,
    WrittenValue,
    complaint,
    did_you_mean,
    explain,
)
from translink.settings.model import Notes, Settings
from translink.settings.secrets import (
    FILE_FORM,
    holds_plain_secret,
    is_plain_secret,
    names_secret,
    readable_by_all,
)

CONFIG_FILE = "translink.toml"
ENV_FILE = ".env.externalmedia"

WELL_KNOWN: Mapping[str, str] = {
    # Weaker names first: of two names for one setting the later wins.
    "DEEPGRAM_API_KEY": "deepgram.api_key",
    "DEEPGRAM_BASE_URL": "deepgram.base_url",
    "DEEPL_AUTH_KEY": "deepl.api_key",
    "DEEPL_API_KEY": "deepl.api_key",
    "DEEPL_SERVER_URL": "deepl.server_url",
    "ELEVENLABS_API_KEY": "elevenlabs.api_key",
    "OPENAI_API_KEY": "openai.api_key",
    "OPENAI_BASE_URL": "openai.base_url",
    "USE_DEEPGRAM_STREAMING": "mode",
}

_FILE = "_FILE"

FLAGS: Mapping[str, str] = {
    "--mode": "mode",
    "--host": "admin.host",
    "--admin-port": "admin.port",
    "--idle-timeout": "idle_timeout",
    "--tls-self-signed": "admin.tls_self_signed",
    "--ari": "ari.url",
    "--ari-app": "ari.app",
    "--log-level": "log.level",
    "--log-format": "log.format",
}

DEFAULTS: Mapping[str, object] = {
    "legs": [
        {"name": "3333", "language": "en", "listen": "127.0.0.1:6120", "play_to": "127.0.0.1:6121"},
        {"name": "4444", "language": "fr", "listen": "127.0.0.1:6122", "play_to": "127.0.0.1:6123"},
    ]
}
"""The Node.js server's: its gateways must find everything where it was."""


def load(
    *,
    config: Path | None,
    env_file: Path | None,
    environ: Mapping[str, str] | None,
    flags: Mapping[str, object] | None,
    directory: Path | None,
) -> Settings:
    """See `Settings.load`."""
    here = directory or Path()
    files: list[Path] = []
    entries: list[WrittenValue] = []
    ignored: list[str] = []
    config_path = config or here / CONFIG_FILE
    if (text := _read(config_path, must_exist=config is not None)) is not None:
        files.append(config_path)
        entries += _from_toml(text, config_path)
    env_path = env_file or here / ENV_FILE
    if (text := _read(env_path, must_exist=env_file is not None)) is not None:
        files.append(env_path)
        entries += _from_env_file(text, env_path, ignored)
    entries += _from_environ(os.environ if environ is None else environ)
    entries += _from_flags(flags or {})

    tree: dict[str, object] = json.loads(json.dumps(DEFAULTS))
    written: dict[Trail, WrittenValue] = {}
    overruled: dict[str, str] = {}
    for entry in entries:
        path = _lay(tree, entry)
        if (weaker := written.get(path)) and _beats(entry, weaker):
            overruled[".".join(entry.path)] = (
                f"{entry.name} ({entry.where}) beats {weaker.name} ({weaker.where}): "
                "editing the file changes nothing"
            )
        for older in [p for p in written if p[: len(path)] == path]:
            del written[older]
        written[path] = entry
    ari, legs = tree.get("ari"), tree["legs"]
    by_ari = isinstance(ari, dict) and bool(ari.get("url") or ari.get("listen"))
    if by_ari and not any(_places_legs(path, entry.value) for path, entry in written.items()):
        for leg in legs if isinstance(legs, list) else ():
            if isinstance(leg, dict):  # Asterisk brings the audio of both
                leg.pop("listen", None)
                leg.pop("play_to", None)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsError(explain(error, written, tree)) from None
    exposed = (path for path in files if _holds_secret(path, entries) and readable_by_all(path))
    settings.note(Notes(tuple(files), tuple(ignored), tuple(exposed), tuple(overruled.items())))
    return settings


def _places_legs(path: Trail, value: object) -> bool:
    """Does it say which legs there are, or where the audio of one comes from?"""
    places = {"listen", "play_to", "shared"}
    match path:
        case ("legs",):
            return True
        case ("legs", _):
            return isinstance(value, dict) and not places.isdisjoint(value)
        case ("legs", _, name, *_):
            return name in places
    return False


def _beats(entry: WrittenValue, older: WrittenValue) -> bool:
    """Does it take another value's place from outside the files?"""
    outside = ("environment", "command line")
    return entry.where in outside and older.where not in outside and entry.value != older.value


def _holds_secret(path: Path, entries: Sequence[WrittenValue]) -> bool:
    return any(
        holds_plain_secret(entry.path, entry.value) and entry.where.startswith(str(path))
        for entry in entries
    )


# Sources


def _read(path: Path, *, must_exist: bool) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if not must_exist:
            return None
        raise SettingsError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None


def _from_toml(text: str, path: Path) -> Iterator[WrittenValue]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: is not TOML: {error}") from None
    lines = _toml_lines(text)
    for leaf, value in _leaves(table):
        name = ".".join(leaf).replace("#", "")
        line = lines.get(tuple(name.split(".")))
        yield WrittenValue(leaf, value, name, f"{path}, line {line}" if line else str(path))


def _leaves(table: Mapping[str, object], above: Trail = ()) -> Iterator[tuple[Trail, object]]:
    for key, value in table.items():
        path = (*above, key)
        if isinstance(value, dict) and value:
            yield from _leaves(value, path)
            continue
        yield path, value
        if isinstance(value, list):  # once more, field by field: each has a line of its own
            for place, item in enumerate(value):
                if isinstance(item, dict):
                    yield from _leaves(item, (*path, f"#{place}"))


def _toml_lines(text: str) -> dict[Trail, int]:
    """Line of each plain key and header, for error messages."""
    lines: dict[Trail, int] = {}
    table: Trail = ()
    counts: dict[Trail, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)\s*([^\]]+?)\s*\]", line):
            table = tuple(part.strip().strip("\"'") for part in header[2].split("."))
            if header[1] == "[[":
                lines.setdefault(table, number)
                counts[table] = counts.get(table, -1) + 1
                table = (*table, str(counts[table]))
            lines.setdefault(table, number)
        elif key := re.match(r"\s*([\w\"'.-]+)\s*=", line):
            parts = tuple(part.strip("\"'") for part in key[1].split("."))
            lines.setdefault(table + parts, number)
    return lines


def _from_env_file(text: str, path: Path, ignored: list[str]) -> Iterator[WrittenValue]:
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            line = binding.original.line
            raise SettingsError(f"{path}, line {line}: should be NAME=value or a comment")
        if binding.key is not None:
            values[binding.key] = binding.value or ""
            lines[binding.key] = binding.original.line
    ignored += [name for name in values if not _is_ours(name)]
    yield from _from_names(values, lambda name: f"{path}, line {lines[name]}")


def _from_environ(environ: Mapping[str, str]) -> Iterator[WrittenValue]:
    yield from _from_names(environ, lambda _: "environment")


def _is_ours(name: str) -> bool:
    return name.removesuffix(_FILE) in WELL_KNOWN or name.startswith(PREFIX)


def _from_names(values: Mapping[str, str], where: Naming) -> Iterator[WrittenValue]:
    for name, dotted in WELL_KNOWN.items():
        path = tuple(dotted.split("."))
        if names_secret(path) and (place := values.get(name + _FILE, "").strip()):
            yield _by_file(path, place, name, values, where)
        elif value := values.get(name, "").strip():
            at = where(name)
            parsed = _flag_to_mode(name, value, at) if name == "USE_DEEPGRAM_STREAMING" else value
            yield WrittenValue(path, parsed, name, at)
    for name in sorted(values, key=lambda name: (name.count("__"), name)):
        value = values[name].strip()
        if name.startswith(PREFIX) and value:
            path = tuple(name.removeprefix(PREFIX).lower().split("__"))
            plain = path[-1].removesuffix(_FILE.lower())
            if plain != path[-1] and names_secret((*path[:-1], plain)):
                yield _by_file((*path[:-1], plain), value, name.removesuffix(_FILE), values, where)
            else:
                yield WrittenValue(path, _parse(value, name, where(name)), name, where(name))


def _by_file(
    path: Trail, place: str, name: str, values: Mapping[str, str], where: Naming
) -> WrittenValue:
    """The entry for `NAME_FILE=place`."""
    both = name + _FILE
    if values.get(name, "").strip():
        raise SettingsError(
            complaint(both, place, where(both), f"{name} is set too; which is meant?")
        )
    return WrittenValue(path, FILE_FORM + place, both, where(both))


def _flag_to_mode(name: str, value: str, where: str) -> str:
    match value.lower():
        case "true" | "1" | "yes" | "on":
            return "auto"
        case "false" | "0" | "no" | "off":
            return "prerecorded"
    right = "should be true (streaming) or false (prerecorded)"
    raise SettingsError(complaint(name, value, where, right))


def _from_flags(flags: Mapping[str, object]) -> Iterator[WrittenValue]:
    where = "command line"
    for flag, value in flags.items():
        if flag == "--set":
            for assignment in value if isinstance(value, (list, tuple)) else ():
                name, equals, text = str(assignment).partition("=")
                if not equals:
                    # What stands behind the name may be a key.
                    name = re.split(r"[^\w.]", name.strip(), maxsplit=1)[0]
                    right = "should be name=value, as in admin.port=3021"
                    raise SettingsError(f"--set {name}: {right}")
                path = tuple(name.strip().split("."))
                if _shows_a_secret(tuple(part.lower() for part in path), text):
                    raise SettingsError(_shown(f"--set {name}", path))
                yield WrittenValue(path, _parse(text, name, where), f"--set {name}", where)
        elif value is not None:
            path = tuple(FLAGS[flag].split("."))
            if is_plain_secret(path, value):
                raise SettingsError(_shown(flag, path))
            yield WrittenValue(path, value, flag, where)


def _shown(name: str, path: Trail) -> str:
    right = "on the command line everybody on this machine can read it; "
    if path == ("ari", "url"):
        right += "leave the password out and give ari.password as file:PATH or keyring:SERVICE/NAME"
    else:
        right += "give file:PATH or keyring:SERVICE/NAME"
    return f"{name} = ******** (command line): {right}, or put it into the environment or a file"


def _shows_a_secret(path: Trail, text: str) -> bool:
    if is_plain_secret(path, text):
        return True
    try:
        return holds_plain_secret(path, json.loads(text))  # inside an array of accounts
    except json.JSONDecodeError:
        return False


def _parse(text: str, name: str, where: str) -> object:
    if text[:1] not in ("[", "{") or re.fullmatch(r"\[[0-9A-Fa-f:.%]+\]:\d+", text):
        return text  # the second is an IPv6 address with a port
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        # Not shown: it may be a list of accounts with their keys.
        raise SettingsError(complaint(name, UNSHOWN, where, f"should be JSON: {error}")) from None


# Laying one over the other


def _lay(tree: dict[str, object], entry: WrittenValue) -> Trail:
    """Put the entry into the tree. Returns its path there, with places for the names of legs. Raises
    `SettingsError` without the value: a name that leads nowhere may be a key's, misspelt."""
    node: object = tree
    path: list[str] = []
    for depth, key in enumerate(entry.path):
        last = depth == len(entry.path) - 1
        if isinstance(node, list):
            place = _place(node, key)
            if place is None:
                known = [str(item.get("name")) for item in node if isinstance(item, dict)]
                hint = f"{entry.path[depth - 1]} has no {key!r}" + did_you_mean(key, known)
                raise SettingsError(complaint(entry.name, UNSHOWN, entry.where, hint))
            path.append(str(place))
            if last:
                node[place] = entry.value
            else:
                node = node[place]
        elif isinstance(node, dict):
            path.append(key)
            if last:
                node[key] = entry.value
            else:
                node = node.setdefault(key, {})
        else:
            hint = f"{'.'.join(entry.path[:depth])} is a plain value, nothing can be set inside it"
            raise SettingsError(complaint(entry.name, UNSHOWN, entry.where, hint))
    return tuple(path)


def _place(items: Sequence[object], key: str) -> int | None:
    if key.startswith("#"):
        key = key[1:]
        return int(key) if key.isdecimal() and int(key) < len(items) else None
    for place, item in enumerate(items):
        if isinstance(item, dict) and str(item.get("name", "")).lower() == key.lower():
            return place
    return int(key) if key.isdecimal() and int(key) < len(items) else None
