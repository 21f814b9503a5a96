"""A certificate of our own making, where there is none: browsers give a page the microphone only on localhost or
over HTTPS. They warn of it once, since nobody vouches for it: what they show must be compared by hand."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from translink.errors import SettingsError
from translink.settings.secrets import without_secrets
from translink.settings.types import Address

VALID_DAYS = 365
RENEWED_DAYS = 300
"""Old: then another one is made."""
MAKING_TIME = 30.0
"""Seconds that openssl may take; 0.05 are usual."""


def state_folder() -> Path:
    """Where it is kept: `$XDG_STATE_HOME/translink`, or `~/.local/state/translink`."""
    given = os.environ.get("XDG_STATE_HOME")
    return (Path(given) if given else Path.home() / ".local" / "state") / "translink"


def self_signed(host: str, names: Iterable[str] = (), folder: Path | None = None) -> Path:
    """A PEM file with key and certificate for `host`, `names` and this machine; made by `openssl` once, and kept,
    readable by us alone. Raises `SettingsError`."""
    alternatives = _alternatives(host, names)
    file = _file(alternatives, folder or state_folder())
    try:
        if file.exists() and time.time() - file.stat().st_mtime < RENEWED_DAYS * 86_400:
            return file
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = _made(alternatives)
        new = file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_bytes(made)
        if file.exists():  # a server that runs still shows it
            file.replace(file.with_suffix(".old.pem"))
        new.replace(file)
    except OSError as error:
        reason = error.strerror or error
        raise SettingsError(
            f"admin.tls_self_signed: '{file}' cannot be written: {reason}"
        ) from None
    return file


def kept(host: str, names: Iterable[str] = ()) -> list[Path]:
    """All such files: that one first, if it was made. A server that runs shows the one of its start, when this
    machine had another address, or `names` were others."""
    now = _file(_alternatives(host, names), state_folder())
    found = sorted(state_folder().glob("self-signed-*.pem"), key=lambda file: file != now)
    return [file for file in found if os.access(file, os.R_OK)]


def _file(alternatives: str, folder: Path) -> Path:
    return folder / f"self-signed-{hashlib.sha256(alternatives.encode()).hexdigest()[:12]}.pem"


def _made(alternatives: str) -> bytes:
    program = shutil.which("openssl")
    if program is None:
        raise SettingsError(
            "admin.tls_self_signed: needs the program openssl (apt-get install openssl); "
            "or set admin.tls_cert"
        )
    command = [
        program,
        "req",
        "-x509",
        "-nodes",
        "-days",
        str(VALID_DAYS),
        "-subj",
        "/CN=translink",
    ]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-addext", f"subjectAltName={alternatives}", "-keyout", "-", "-out", "-"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=MAKING_TIME,
            check=False,
            stdin=subprocess.DEVNULL,
            env=without_secrets(os.environ),
        )
    except subprocess.TimeoutExpired:
        raise SettingsError("admin.tls_self_signed: openssl does not come to an end") from None
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise SettingsError(f"admin.tls_self_signed: openssl failed: {last}")
    return done.stdout


def _alternatives(host: str, names: Iterable[str]) -> str:
    """As openssl wants them, each once."""
    return ",".join(dict.fromkeys(_each_alternative(host, names)))


def _each_alternative(host: str, names: Iterable[str]) -> Iterable[str]:
    yield "DNS:localhost"
    yield "IP:127.0.0.1"
    yield "IP:::1"
    yield f"DNS:{socket.gethostname()}"
    for name in (host, *names, *_addresses()):
        plain = name.rpartition(":")[0] if name.count(":") == 1 else name
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                socket.inet_pton(family, plain)
            except OSError:
                continue
            yield f"IP:{plain}"
            break
        else:
            if plain and not plain.startswith("["):
                yield f"DNS:{plain}"


def _addresses() -> Iterable[str]:
    """Ours as the network knows it. Nothing is sent: the kernel says which way it would go."""
    elsewhere = Address("192.0.2.1", 9)  # RFC 5737: nobody's
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(elsewhere)
        except OSError:
            return
        yield str(probe.getsockname()[0])
