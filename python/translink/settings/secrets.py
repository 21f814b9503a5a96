"""Where a secret may be kept: in the setting itself, in a file, in the keyring.

Every secret setting (`deepgram.api_key`, `admin.token`, …) takes three forms: the value itself;
`file:/run/secrets/deepgram`, a file that holds it and nothing else, as containers and systemd give
it; and `keyring:service/name`, an entry of the system's keyring (needs `pip install
translink[keyring]`). In the environment `NAME_FILE=/path` stands for `NAME=file:/path`, as is the
custom of container images.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

SECRET_NAMES = ("api_key", "token", "read_token", "twilio_token", "password", "secret")
"""Last names of the settings that hold secrets: all whose type is `Key` (a test compares)."""
_PASSWORD_IN_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]*:[^/?#\s]+@")
FILE_FORM = "file:"
KEYRING_FORM = "keyring:"
_OURS = ("DEEPGRAM_", "DEEPL_", "ELEVENLABS_", "OPENAI_", "TRANSLINK_")
LONGEST_SECRET = 4_096
"""Bytes; a file that is longer is not a key."""


def fetched(value: str) -> str:
    """The secret itself. `value` is any of the forms.

    Raises:
        ValueError: what should be where it was looked for; never with any of its content.
    """
    if value.startswith(FILE_FORM):
        return _from_file(Path(value.removeprefix(FILE_FORM)).expanduser())
    if value.startswith(KEYRING_FORM):
        return _from_keyring(value.removeprefix(KEYRING_FORM))
    return value


def is_reference(value: str) -> bool:
    """Does it say where the secret is, instead of what it is?"""
    return value.startswith((FILE_FORM, KEYRING_FORM))


def is_plain_secret(name: str, value: object) -> bool:
    """Does the setting of this last name, as written, hold a secret itself? A URL may hold one, too."""
    if not isinstance(value, str) or not value:
        return False
    if name in SECRET_NAMES:
        return not is_reference(value)
    return _PASSWORD_IN_URL.match(value.strip()) is not None


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment for child processes: without the names that settings are read from."""
    return {name: value for name, value in environ.items() if not name.startswith(_OURS)}


def readable_by_all(path: Path) -> bool:
    """May everybody on this machine read the file?"""
    try:
        return bool(path.stat().st_mode & 0o004)
    except OSError:
        return False


def _from_file(path: Path) -> str:
    try:
        # A pipe without a writer would keep us waiting for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            content = file.read(LONGEST_SECRET + 1)
    except OSError as error:
        raise ValueError(f"file:{path} cannot be read: {error.strerror}") from None
    if len(content) > LONGEST_SECRET:
        raise ValueError(f"file:{path} should hold the key and nothing else")
    try:
        secret = content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise ValueError(f"file:{path} should hold the key and nothing else") from None
    if not secret:
        raise ValueError(f"file:{path} is empty")
    return secret


def _from_keyring(entry: str) -> str:
    service, slash, name = entry.rpartition("/")
    if not (slash and service and name):
        raise ValueError("should be keyring:service/name, as in keyring:translink/deepgram")
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise ValueError("the keyring needs: pip install 'translink[keyring]'") from None
    try:
        secret = keyring.get_password(service, name)
    except keyring.errors.KeyringError as error:
        raise ValueError(f"the keyring cannot be asked: {type(error).__name__}") from None
    if not secret:
        raise ValueError(
            f"the keyring has nothing for {service} and {name}; "
            f"put it there with: keyring set {service} {name}"
        )
    return secret
