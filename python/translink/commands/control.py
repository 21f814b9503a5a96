"""`translink status`, `health`, `mode` and `end`: the admin API for an operator without curl at hand.

Which server, and its token, are read from the same settings that `serve` reads; `--url` and `--token`
name another one. Exit codes: 0 done; 1 the server says no (not ready, no such call or leg); 2 wrong
arguments or settings; 3 nobody answers there; 4 the token is not accepted.
"""

from __future__ import annotations

import http.client
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import orjson

from translink.commands.printing import print_json
from translink.credentials import header_key, known_host
from translink.errors import SettingsError, TranslinkError, complaints, printable
from translink.settings.secrets import fetched, is_reference
from translink.settings.types import Address

if TYPE_CHECKING:
    from pathlib import Path

    from translink.settings.model import Settings

_BREAKER_STATES = {
    "closed": "works",
    "held": "asks for a pause",
    "open": "OUT OF SERVICE",
    "half-open": "OUT OF SERVICE, is being tried",
}
"""Of a provider's breaker, for people."""
SERVER_SAYS_NO = 1
NOBODY_ANSWERS = 3
TOKEN_REFUSED = 4
BUSY_STATUSES = (429, 503)
"""More was asked of the server than it may do beside its calls, or more connections than it takes."""
CONTROL_SECONDS = 10.0
"""For each request."""
NONE_ANSWERS = "none of its workers answers"
"""As while all of them start: there are no figures then."""
LARGEST_ANSWER = 16 * 2**20
"""Bytes; a thousand legs are one megabyte."""


class ControlError(TranslinkError):
    """The order was not carried out. `code`: the exit code; `busy`: the server is there, and asked for too much;
    `stranger`: what answers is no translink; `untrusted`: it shows another certificate."""

    def __init__(
        self,
        message: str,
        code: int,
        *,
        busy: bool = False,
        stranger: bool = False,
        untrusted: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.busy = busy
        self.stranger = stranger
        self.untrusted = untrusted


@dataclass(frozen=True, slots=True)
class Target:
    """Address and token of a running server."""

    url: str
    """`http(s)://host:port`."""
    token: str
    """Empty: none is needed."""
    tls: ssl.SSLContext | None = None
    """None: as everywhere, by the system's authorities."""
    host: str = ""
    """The `Host` to name; empty: that of `url`."""


def target_of(settings: Settings, url: str | None, token: str | None) -> Target:
    """The settings' own server, or the one of `url`; `token` is `file:PATH` or `keyring:SERVICE/NAME`.

    The settings' token goes to the settings' server alone. Raises `SettingsError`.
    """
    admin = settings.admin
    own = admin.token or admin.read_token
    shown = own.get_secret_value() if own and url is None else ""
    if token is not None:
        if not is_reference(token):
            raise SettingsError(
                "--token = ******** (command line): everybody on this machine can read it; give "
                "file:PATH or keyring:SERVICE/NAME"
            )
        try:
            shown = header_key(fetched(token))  # else the client names it where it refuses it
        except ValueError as error:
            raise SettingsError(f"--token: {error}") from None
    if url is not None:
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and not parts.username and parts.port != 0
            known_host(parts.hostname or "")
        except ValueError:
            good = False
        if not good:
            raise SettingsError(f"--url = {printable(url)!r}: should be http(s)://host:port")
        tls = None
        if parts.scheme == "https" and (certificates := _own_certificates(settings)):
            tls = ssl.create_default_context()
            _trust(tls, certificates)  # beside the system's authorities
        return Target(f"{parts.scheme}://{parts.netloc}", shown, tls)
    if not admin.port:
        raise SettingsError("admin.port = 0: name the server with --url; its log says where it is")
    at = Address(admin.host, admin.port).reached()
    if not admin.serves_tls:
        return Target(f"http://{at}", shown, host=admin.own_host)
    # Its own certificate is what is expected there, by any signer and for any name.
    context = None
    if certificates := _own_certificates(settings):
        context = ssl.create_default_context(cafile=str(certificates[0]))
        context.check_hostname = False
        _trust(context, certificates)
    return Target(f"https://{at}", shown, context, admin.own_host)


def _trust(context: ssl.SSLContext, files: list[Path]) -> None:
    for file in files:
        context.load_verify_locations(file)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _own_certificates(settings: Settings) -> list[Path]:
    """Files of which the settings' own server shows one, or would; empty: there are none."""
    admin = settings.admin
    if admin.tls_cert is not None:
        return [admin.tls_cert]
    from translink.admin.access.self_signed import kept  # loaded only where it is wanted

    return kept(admin.host, admin.allowed_hosts)


def run_status(target: Target, *, json: bool = False) -> int:
    """Print how the server is. Returns the exit code: 0 ready, 1 not ready."""

    def work() -> int:
        ready, verdict = asked(target, "GET", "/ready", accept=(200, 503))
        _, stats = asked(target, "GET", "/api/stats")
        _, listed = asked(target, "GET", "/api/calls")
        if json:
            print_json({"ready": verdict, "stats": stats, "calls": listed["calls"]})
        else:
            _print_status(target, verdict, stats, listed["calls"])
        return 0 if ready == 200 else SERVER_SAYS_NO

    return carried_out(work)


def run_health(target: Target, *, ready: bool = False) -> int:
    """Ask `/health`, or `/ready`, for a supervisor that has no HTTP client. Returns the exit code: 0 yes,
    1 no. Prints the answer."""

    def work() -> int:
        status, verdict = asked(target, "GET", "/ready" if ready else "/health", accept=(200, 503))
        print_json(verdict)
        return 0 if status == 200 else SERVER_SAYS_NO

    return carried_out(work)


def run_mode(
    target: Target,
    *,
    mode: str | None,
    leg: str | None,
    share: float | None,
    json: bool = False,
) -> int:
    """Switch the mode of all calls, or of a leg; None, None, None: print it. Returns the exit code."""

    def work() -> int:
        if mode is None and share is None:
            _, stats = asked(target, "GET", "/api/stats")
            if "mode" not in stats:
                raise ControlError(f"{target.url}: {NONE_ANSWERS}", SERVER_SAYS_NO)
            answer: Mapping[str, Any] = {"mode": stats["mode"]}
        else:
            wish = {"mode": mode, "leg": leg, "share": share}
            body = {name: value for name, value in wish.items() if value is not None}
            _, answer = asked(target, "POST", "/api/mode", body)
        if json:
            print_json(answer)
        else:
            said = [f"{name} {value}" for name, value in answer.items() if value is not None]
            sys.stdout.write(", ".join(said) + "\n")
        return 0

    return carried_out(work)


def run_end(target: Target, call: str, *, json: bool = False) -> int:
    """End a call. Returns the exit code: 1 when there is none of that name."""

    def work() -> int:
        _, answer = asked(target, "POST", f"/api/calls/{quote(call, safe='')}/end", {})
        if json:
            print_json(answer)
        else:
            sys.stdout.write(f"ended {answer['ended']}\n")
        return 0

    return carried_out(work)


def asked_of(target: Target, path: str) -> dict[str, Any]:
    """What a GET answers, as JSON. Raises `ControlError`."""
    return asked(target, "GET", path)[1]


def carried_out(work: Callable[[], int]) -> int:
    """The exit code of an order: what it returns, or that of its `ControlError`, which is printed."""
    try:
        return work()
    except ControlError as error:
        sys.stderr.writelines(complaints(error))
        return error.code


def asked(
    target: Target,
    method: str,
    path: str,
    body: Mapping[str, object] | None = None,
    accept: tuple[int, ...] = (200,),
) -> tuple[int, dict[str, Any]]:
    """Status and JSON. Raises `ControlError`."""
    parts = urlsplit(target.url)
    host, port = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=CONTROL_SECONDS, context=target.tls)
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=CONTROL_SECONDS)
    )
    headers = {"Authorization": f"Bearer {target.token}"} if target.token else {}
    if target.host:
        headers["Host"] = target.host
    sent = None if body is None else orjson.dumps(body)
    if sent is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, sent, headers)
        answer = connection.getresponse()
        text = answer.read(LARGEST_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        untrusted = isinstance(error, ssl.SSLCertVerificationError)
        raise ControlError(
            f"{target.url} does not answer: {reason}", NOBODY_ANSWERS, untrusted=untrusted
        ) from None
    finally:
        connection.close()
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if answer.status in accept and isinstance(value, dict):
        return answer.status, value
    reason = value.get("error") if isinstance(value, dict) else None
    said = printable(str(reason or answer.reason), secret=target.token)
    # One without an `error` is another program's, which has a token or a password of its own.
    if reason is not None and (answer.status == 401 or (answer.status == 403 and "role" in said)):
        said += "; the token is admin.token of the settings, or --token"
        raise ControlError(f"{target.url}: {answer.status}: {said}", TOKEN_REFUSED)
    busy = answer.status in BUSY_STATUSES
    # A translink says no with an `error`, or because it has too many connections to say why.
    stranger = reason is None and not busy and answer.status < 500
    if stranger:
        said += "; what answers there is no translink"
    raise ControlError(
        f"{target.url}: {answer.status}: {said}", SERVER_SAYS_NO, busy=busy, stranger=stranger
    )


def _print_status(
    target: Target,
    ready: Mapping[str, Any],
    stats: Mapping[str, Any],
    calls: list[dict[str, Any]],
) -> None:
    word = "ready" if ready.get("ok") else f"NOT READY: {_why_not(ready)}"
    about = NONE_ANSWERS
    if "version" in stats:
        about = f"version {stats['version']}, up {stats['uptime']:.0f} s"
    lines = [f"server     {target.url}, {about}", f"calls may  {word}"]
    if "mode" in stats:
        lines.append(f"mode       {stats['mode']}")
    providers = (stats.get("providers") or {}).items()
    lines += [
        f"provider   {name}: {_BREAKER_STATES.get(str(provider.get('state')), provider.get('state'))}"
        for name, provider in providers
    ]
    lines += [
        f"call       {call['call']}: {call['seconds']:.0f} s, {' and '.join(call['languages'])}, "
        f"{call['words']} words, {call['lost_ms']:.0f} ms lost"
        for call in calls
    ]
    if not calls:
        lines.append("call       none")
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _why_not(ready: Mapping[str, Any]) -> str:
    """What is in the way of a call, by the answer to `/ready` of a server or of one of its nodes."""
    why: list[str] = []
    for name, value in ready.items():
        if name in ("ok", "offline") or not value or value == "up":
            continue
        if name == "draining" and ready.get("drain"):
            continue
        if name == "nodes":
            ill = {node: said for node, said in value.items() if said and not said["ok"]}
            why += [f"{node}: {_why_not(said)}" for node, said in ill.items()]
        elif name == "drain":  # which says that it drains, and who still talks
            why.append(str(value))
        elif value is True:
            why.append(name)
        else:
            why.append(f"{name} {_in_words(value)}")
    return "; ".join(why) or "it does not say why"


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {why}" for name, why in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
