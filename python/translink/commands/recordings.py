"""`translink recording`: a key for recordings, and recordings without their encryption."""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from translink.commands.options import Config, EnvFile, Set, loaded
from translink.errors import SettingsError, TranslinkError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from translink.recording.cipher import Opener

READ_BYTES = 2**20
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", metavar="FILE", help="The key [default: record.key_file]."),
]


def add_to(commands: typer.Typer) -> None:
    """Have the program know them."""
    group = typer.Typer(
        name="recording",
        help="Keys for recordings, and what was encrypted with them.",
        no_args_is_help=True,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    group.command("key", short_help="Make a key for record.key_file.")(key)
    group.command("decrypt", short_help="Write a recording without its encryption.")(decrypt)
    commands.add_typer(group, short_help="Make a key for recordings; decrypt them.")


def key(
    file: Annotated[Path, typer.Argument(help="File to write; one that is there stays.")],
) -> None:
    """Make a key for record.key_file. Keep a copy elsewhere: without it no recording can be heard again."""
    from translink.recording.cipher import new_key
    from translink.recording.store import PRIVATE_FILE

    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(file, flags, PRIVATE_FILE)
    except OSError as error:
        raise TranslinkError(f"{file}: {error.strerror}") from None
    with os.fdopen(descriptor, "w") as opened:
        opened.write(new_key() + "\n")
    sys.stdout.write(f"wrote {file}; set record.key_file to it, and keep a copy elsewhere\n")


def decrypt(
    recording: Annotated[Path, typer.Argument(help="A recording's folder, or one file of it.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to [default: beside it, NAME.open].")
    ] = None,
    key_file: KeyFile = None,
    config: Config = None,
    env_file: EnvFile = None,
    set_: Set = None,
) -> None:
    """Write a recording without its encryption. Exit code 1: a file could not be opened, or its end is missing
    (what there is of it is written)."""
    from translink.recording.cipher import SUFFIX, SealError, read_key
    from translink.recording.store import PRIVATE_FOLDER

    if not recording.is_dir() and not recording.name.endswith(SUFFIX):
        raise TranslinkError(f"{recording}: is not encrypted: its name does not end in {SUFFIX}")
    secret = read_key(found_key(key_file, config, env_file, set_))
    files = sorted(recording.glob(f"*{SUFFIX}")) if recording.is_dir() else [recording]
    if not files:
        raise TranslinkError(f"{recording}: has no encrypted file in it")
    folder = out or recording.with_name(f"{recording.name.removesuffix(SUFFIX)}.open")
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    failed = False
    for file in files:
        target = folder / file.name.removesuffix(SUFFIX)
        try:
            whole = _decrypted(file, target, secret)
        except SealError as error:
            failed = True
            sys.stderr.write(f"translink: {file}: {error}\n")
            continue
        if not whole:
            failed = True
            sys.stderr.write(f"translink: {file}: its end is missing; wrote what there is\n")
        sys.stdout.write(f"{target}\n")
    raise typer.Exit(int(failed))


def found_key(
    key_file: Path | None,
    config: Path | None,
    env_file: Path | None,
    set_: list[str] | None,
) -> Path:
    """Where the key is. Raises `SettingsError` when nobody says so."""
    if key_file is not None:
        return key_file
    settings = loaded(config, env_file, set_)
    if settings.record.key_file is None:
        raise SettingsError("record.key_file: is not set; say where the key is with --key-file")
    return settings.record.key_file


def _decrypted(file: Path, target: Path, secret: bytes) -> bool:
    """Whether it was whole. Raises `SealError`, with nothing but what is true written; `OSError`. A file that is
    there is written over once something could be opened."""
    from translink.recording.cipher import CutOffError, Opener
    from translink.recording.stereo import HEADER_BYTES, stereo_header
    from translink.recording.store import PRIVATE_FILE

    whole, size = True, 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with file.open("rb") as sealed:
        pieces = _opened(Opener(secret), sealed)
        first = next(filter(None, pieces), b"")
        with os.fdopen(os.open(target, flags, PRIVATE_FILE), "wb") as plain:
            try:
                for piece in itertools.chain((first,), pieces):
                    size += plain.write(piece)
            except CutOffError:
                whole = False
            if target.suffix == ".wav" and size >= HEADER_BYTES:
                plain.seek(0)
                plain.write(stereo_header(size - HEADER_BYTES))
    return whole


def _opened(opener: Opener, sealed: BinaryIO) -> Iterator[bytes]:
    while piece := sealed.read(READ_BYTES):
        yield opener.push(piece)
    yield opener.finish()
