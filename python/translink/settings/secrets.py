"""Where a secret may be kept: in the setting itself, in a file, in the keyring.

Every secret setting (`deepgram.api_key`, `admin.token`, …) takes three forms: the value itself;
`file:/run/secrets/deepgram`, a file that holds it and nothing else, as containers and systemd give
it; and `keyring:service/name`, an entry of the system's keyring (needs `pip install
translink[keyring]`). In the environment `NAME_FILE=/path` stands for `NAME=file:/path`, as is the
custom of container images. An empty one is not set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import SecretStr

SECRET_NAMES = ("api_key", "token", "read_token", "twilio_token", "password", "secret")
"""Last names of the settings that hold secrets: all whose type is `Key` (a test compares)."""
FREE_TABLES = ("options", "extra")
"""Tables of settings whose names are somebody else's (a vendor's, Deepgram's): a name tells what may be a secret."""
_SECRET_WORD = re.compile(
    r"key(?!s?[-_. ]?(term|word|board|phrase|frame))|token(?!s\b|s_|i[sz])|secret|passw|passphrase|passcode|pwd"
    r"|credential|authoriz|bearer|jwt|(^|[-_. ])(pass|auth)$",
    re.IGNORECASE,
)
"""`apikey`, `X-API-Key`, `accessToken`, `client_secret`, `pwd`; and not `keyterm` or `max_tokens`."""
_PASSWORD_IN_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#\s]*:\S+@")
"""The password may have a `/` in it, as those of `openssl rand -base64`."""
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
        try:
            place = Path(value.removeprefix(FILE_FORM)).expanduser()
        except RuntimeError:
            raise ValueError(f"{value} cannot be read: there is no user of that name") from None
        return _from_file(place)
    if value.startswith(KEYRING_FORM):
        return _from_keyring(value.removeprefix(KEYRING_FORM))
    return value


def is_reference(value: str) -> bool:
    """Does it say where the secret is, instead of what it is?"""
    return value.startswith((FILE_FORM, KEYRING_FORM))


def names_secret(path: Sequence[str]) -> bool:
    """Is the setting of this path, as in `("deepgram", "api_key")`, a secret?"""
    if not path:
        return False
    free = len(path) > 1 and path[-2] in FREE_TABLES
    return path[-1] in SECRET_NAMES or (free and _SECRET_WORD.search(path[-1]) is not None)


def is_plain_secret(path: Sequence[str], value: object) -> bool:
    """Does the setting of this path, as written, hold a secret itself? A URL may hold one, too."""
    if not isinstance(value, str) or not value:
        return False
    if names_secret(path):
        return not is_reference(value)
    return _PASSWORD_IN_URL.match(value.strip()) is not None


def holds_plain_secret(path: Sequence[str], value: object) -> bool:
    """The same, also of anything inside a table or a list."""
    if isinstance(value, list):
        return any(holds_plain_secret(path, item) for item in value)
    if isinstance(value, dict):
        return any(holds_plain_secret((*path, str(name)), item) for name, item in value.items())
    return is_plain_secret(path, value)


def masked_options(value: object) -> object:
    """A table of `FREE_TABLES` with each of its secrets fetched, and hidden. Raises `ValueError`."""
    if not isinstance(value, dict):
        return value
    made: dict[object, object] = {}
    for name, text in value.items():
        if isinstance(text, bool) or not isinstance(text, str | int | float | SecretStr):
            raise ValueError(f"{name}: should be text, in quotes")
        plain = text if isinstance(text, SecretStr) else str(text)
        if isinstance(plain, str) and plain and names_secret((FREE_TABLES[0], str(name))):
            plain = SecretStr(fetched(plain.strip()))
        made[name] = plain
    return made


def shown_options(options: Mapping[str, str | SecretStr]) -> dict[str, str]:
    """The table as it is sent."""
    return {
        name: text.get_secret_value() if isinstance(text, SecretStr) else text
        for name, text in options.items()
    }


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
