"""`translink init`: a commented `translink.toml` to begin with, by a few answers.

Exit codes: 0 written, and `check` refuses nothing; 1 there is a file already, or it cannot be written; 2 wrong
answers, and nothing is written; 3 written, and something beside it is missing or wrong, which is said (a password, a
key, a variable of the environment).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from translink.errors import SettingsError, TranslinkError
from translink.settings.legs import LEG_NAME
from translink.settings.model import Settings
from translink.settings.types import is_loopback, known_language

SYSTEMS = ("asterisk", "freeswitch", "raw")
FIRST_PORT = 6120
NOT_YET = 3
"""Exit code: the file is written, and something beside it is missing."""

Ask = Callable[[str, str], str]
"""A question and its usual answer to the answer."""


class InitError(TranslinkError):
    """No file was written; the message says why."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is known; None = to be asked, or the usual."""

    system: str | None = None
    legs: tuple[str, ...] | None = None
    """Names of two legs, or of more in pairs."""
    languages: tuple[str, ...] | None = None
    """One for each leg, or two that take turns."""
    host: str | None = None
    """Our address as the telephone system reaches it."""
    ari: str | None = None
    """URL of Asterisk's HTTP server."""


def run_init(
    wishes: Wishes, out: Path, *, force: bool, ask: Ask | None, check: Callable[[Settings], int]
) -> int:
    """Write `out` and check it. `ask` None: nobody is asked. Returns the exit code. Raises `InitError`,
    `SettingsError`; nothing has been written then."""
    if out.exists() and not force:
        raise InitError(f"{out} is there already; --force writes over it, --out FILE elsewhere")
    text = made(wishes, ask)
    try:
        _write(out, text, force)
    except OSError as error:
        raise InitError(f"{out} cannot be written: {error.strerror or error}") from error
    sys.stdout.write(f"{out} is written. What `translink serve` makes of it:\n\n")
    try:
        code = NOT_YET if check(Settings.load(config=out)) else 0
    except SettingsError as error:
        sys.stdout.write(f"It cannot serve yet: {error}\n")
        code = NOT_YET
    sys.stdout.write(f"\nNext: {_next_step(text, out)}\n")
    return code


def made(wishes: Wishes, ask: Ask | None = None) -> str:
    """The file's text. Raises `SettingsError`."""

    def answer(given: str | None, question: str, usual: str) -> str:
        return given if given is not None else (ask(question, usual) if ask else usual)

    system = answer(wishes.system, "Telephone system (asterisk, freeswitch, raw)", "raw")
    if system not in SYSTEMS:
        raise SettingsError(f"--system = {system!r}: should be {', '.join(SYSTEMS)}")
    names = wishes.legs or _terms(answer(None, "Names of the legs, two or more", "3333, 4444"))
    spoken = wishes.languages or _terms(answer(None, "Their languages", "en, fr"))
    for name in names:
        if not re.fullmatch(LEG_NAME, name):
            raise SettingsError(
                f"--legs = {name!r}: should begin with a letter or digit; then letters, digits, . _ or -"
            )
    for language in spoken:
        try:
            known_language(language)
        except ValueError as error:
            raise SettingsError(f"--languages = {language!r}: {error}") from None
    if len(names) < 2 or len(names) % 2 or len(set(names)) < len(names):
        raise SettingsError("--legs: should be pairs, as in 3333,4444, and no name twice")
    if len(spoken) not in (2, len(names)):
        raise SettingsError("--languages: should be two, or one for each leg")
    languages = [spoken[at % len(spoken)] for at in range(len(names))]
    host = answer(
        wishes.host, "Address at which the telephone system reaches translink", "127.0.0.1"
    )
    parts = [_HEAD]
    if system == "asterisk":
        url = answer(wishes.ari, "URL of Asterisk's HTTP server", "http://127.0.0.1:8088")
        parts.append(_ASTERISK.format(url=url, host=host))
    elif system == "freeswitch":
        parts.append("# FreeSWITCH brings headerless PCM over UDP. What to paste there: translink dialplan "
                     "freeswitch\n")  # fmt: skip
    for at, (name, language) in enumerate(zip(names, languages, strict=True)):
        leg = [f'[[legs]]\nname = "{name}"\nlanguage = "{language}"']
        if system != "asterisk":
            leg.append(
                f'listen = "{_shown(host)}:{FIRST_PORT + 2 * at}"       # its gateway sends here'
            )
            # Beyond this machine the ear has an address that only the gateway knows.
            near = system == "raw" and is_loopback(host)
            ear = f"{_shown(host)}:{FIRST_PORT + 2 * at + 1}"
            leg.append(_EAR_ON_THIS_MACHINE.format(at=ear) if near else _EAR_WHERE_IT_SENDS)
            leg.append(_FORMAT[system])
        parts.append("\n".join(leg) + "\n")
    parts.append(_REST)
    return "\n".join(parts)


def terminal_question(question: str, usual: str) -> str:
    """Ask on the terminal; an empty line is the usual answer."""
    sys.stderr.write(f"{question} [{usual}]: ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    return line.strip() or usual


def words(text: str | None) -> tuple[str, ...] | None:
    """`a, b` as two; None as None."""
    return None if text is None else _terms(text)


def _terms(text: str) -> tuple[str, ...]:
    return tuple(term.strip() for term in text.split(",") if term.strip())


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _write(out: Path, text: str, force: bool) -> None:
    # Without `force` it must be new: somebody may have made it meanwhile. A link is not followed.
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_TRUNC if force else os.O_EXCL)
    with os.fdopen(os.open(out, flags, 0o644), "w", encoding="utf-8") as file:
        file.write(text)


def _next_step(text: str, out: Path) -> str:
    then = f"translink serve --config {out}"
    if "[ari]" in text:
        return f"translink dialplan asterisk --config {out}, then {then}"
    return then


_HEAD = """\
# Settings of translink, written by `translink init`. All of them: docs/settings.md.
#
# Keys do not belong here: put DEEPGRAM_API_KEY=… and DEEPL_API_KEY=… into .env.externalmedia (mode 0600) or
# the environment. Without them local engines serve, in offline demo quality.

# mode = "auto"          # or "streaming", "prerecorded"
# idle_timeout = 30      # seconds of silence on the line that end a call
"""
_ASTERISK = """\
[ari]
url = "{url}"
host = "{host}"          # our address as Asterisk reaches it: audio comes in there
# password = "file:/run/secrets/ari"     # of ari.conf, or TRANSLINK_ARI__PASSWORD in the environment
# What to paste into Asterisk: translink dialplan asterisk
"""
_EAR_ON_THIS_MACHINE = 'play_to = "{at}"      # and hears what comes from here'
_EAR_WHERE_IT_SENDS = "send_from_listen = true            # its ear is where it sends from"
_FORMAT: Mapping[str, str] = {
    "raw": '# transport = "rtp"                # headerless 16-bit PCM at 16 kHz if left out',
    "freeswitch": "# rate = 8000                       # for a channel of 8 kHz",
}
_REST = """\
[admin]                  # the dashboard and the API
host = "127.0.0.1"       # beyond loopback a token is needed
port = 3020
# token = "file:/run/secrets/admin"      # openssl rand -hex 16

# [calls]                # calls made by POST /api/calls, on ports of their own
# ports = "24000-24999"

# [notice.text]          # what each party hears first
# en = "This call is translated by a machine."

# [drain]
# limit = 3600           # seconds that running calls may go on after `translink drain`
"""
