"""Recordings at rest: a file in chunks, each sealed by itself, none of which can be left out or moved. Sans-IO.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption, 2015), laid
out as in age's payload (C2SP, age.md), with AES-256-GCM: a key of the file's own by HKDF-SHA256 (RFC 5869)
from the operator's and a random salt; chunk n under the nonce n, of 11 bytes, and one byte that is 1 for the
last chunk. On disk: `RECORDING_MAGIC`, 8 bytes that name the key, 32 of salt, then chunks of 64 KiB, each
with its tag of 16 bytes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from translink.errors import SettingsError, TranslinkError
from translink.settings.types import is_installed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

RECORDING_MAGIC = b"translink-rec1\r\n"
CHUNK_BYTES = 65_536
TAG_BYTES = 16
KEY_BYTES = 32
NAME_BYTES = 8
SALT_BYTES = 32
HEADER = len(RECORDING_MAGIC) + NAME_BYTES + SALT_BYTES
SUFFIX = ".sealed"
"""Of a file's name."""
NO_KEY = "holds no key; `translink recording key FILE` makes one"


class SealError(TranslinkError):
    """It cannot be opened; the message says why."""


class CutOffError(SealError):
    """The end is missing: its writer was ended in the middle. What came before is true."""


def new_key() -> str:
    """For a key file: 64 hexadecimal digits."""
    return os.urandom(KEY_BYTES).hex()


def read_key(path: Path) -> bytes:
    """The key in a file of 64 hexadecimal digits. Raises `SettingsError`, also where nothing is installed that a key
    is of use to."""
    if not is_installed("cryptography"):
        raise SettingsError(f"{path}: needs the extra: pip install 'translink[record]'")
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            text = file.read(4_096)
        key = bytes.fromhex(text.decode("ascii").strip())
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise SettingsError(f"{path}: {NO_KEY}") from None
    if len(key) != KEY_BYTES:
        raise SettingsError(f"{path}: {NO_KEY}")
    return key


class Sealer:
    """Seals one file. What it is given comes out in chunks; the last one with `finish`."""

    def __init__(self, key: bytes) -> None:
        salt = os.urandom(SALT_BYTES)
        self._header = RECORDING_MAGIC + _derived(key, b"", b"name", NAME_BYTES) + salt
        self._cipher = _cipher(key, self._header)
        self._plain = bytearray()
        self._number = 0

    def push(self, plain: bytes) -> bytes:
        """What is ready to be written."""
        sealed, self._header = bytearray(self._header), b""
        self._plain += plain
        while len(self._plain) > CHUNK_BYTES:  # the last one is never empty
            sealed += self._seal(bytes(self._plain[:CHUNK_BYTES]), last=False)
            del self._plain[:CHUNK_BYTES]
        return bytes(sealed)

    def finish(self) -> bytes:
        """The end of the file."""
        return self.push(b"") + self._seal(bytes(self._plain), last=True)

    def _seal(self, plain: bytes, *, last: bool) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._number, last=last), plain, None)
        self._number += 1
        return sealed


class Opener:
    """Opens what a `Sealer` sealed."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher: AESGCM | None = None
        self._sealed = bytearray()
        self._number = 0

    def push(self, sealed: bytes) -> bytes:
        """Plain bytes, as far as they are certain. Raises `SealError`."""
        self._sealed += sealed
        if self._cipher is None:
            if len(self._sealed) < HEADER:
                return b""
            self._cipher = self._begin(bytes(self._sealed[:HEADER]))
            del self._sealed[:HEADER]
        plain = bytearray()
        while len(self._sealed) > CHUNK_BYTES + TAG_BYTES:
            plain += self._open(bytes(self._sealed[: CHUNK_BYTES + TAG_BYTES]), last=False)
            del self._sealed[: CHUNK_BYTES + TAG_BYTES]
        return bytes(plain)

    def finish(self) -> bytes:
        """The rest. Raises `CutOffError` where it is missing: what came until then is all there is."""
        if self._cipher is None:
            raise SealError("it is no sealed recording")
        try:
            return self._open(bytes(self._sealed), last=True)
        except SealError:
            raise CutOffError("its end is missing") from None

    def _begin(self, header: bytes) -> AESGCM:
        if not header.startswith(RECORDING_MAGIC):
            raise SealError("it is no sealed recording")
        name = header[len(RECORDING_MAGIC) : len(RECORDING_MAGIC) + NAME_BYTES]
        if name != _derived(self._key, b"", b"name", NAME_BYTES):
            raise SealError("it was sealed with another key")
        return _cipher(self._key, header)

    def _open(self, sealed: bytes, *, last: bool) -> bytes:
        from cryptography.exceptions import InvalidTag

        assert self._cipher is not None
        try:
            plain = self._cipher.decrypt(_nonce(self._number, last=last), sealed, None)
        except (InvalidTag, ValueError):
            raise SealError(f"chunk {self._number} was changed after it was written") from None
        self._number += 1
        return plain


def open_file(path: Path, key: bytes) -> tuple[bytes, bool]:
    """All of a sealed file that can be had, and whether that is the whole. Raises `SealError`, `OSError`."""
    opener = Opener(key)
    plain = opener.push(path.read_bytes())
    try:
        return plain + opener.finish(), True
    except CutOffError:
        return plain, False


def _cipher(key: bytes, header: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(_derived(key, header[-SALT_BYTES:], b"file", KEY_BYTES))


def _derived(key: bytes, salt: bytes, what: bytes, length: int) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), length, salt or None, RECORDING_MAGIC + what).derive(key)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
