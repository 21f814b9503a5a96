"""Which part of the settings is which worker's: pure.

Pairs of legs are dealt out one by one, and a pair is never split. What a telephone system connects to (ARI,
AudioSocket, WebSocket) and the shared port have one address each: they, and the legs that use them, are
the first worker's. Limits of the whole are divided.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import SecretStr

from translink.errors import SettingsError
from translink.settings.model import Notes, Settings
from translink.settings.shared_port import SharedPortSettings
from translink.settings.telephony import AriSettings, AudioSocketSettings
from translink.settings.types import port_range
from translink.settings.websocket import WebSocketSettings

FIRST_ONLY: Final = {
    "ari": AriSettings,
    "audiosocket": AudioSocketSettings,
    "websocket": WebSocketSettings,
    "shared_port": SharedPortSettings,
}
"""What only the first worker has; the others have none of it."""


def name_of(number: int) -> str:
    """Of a worker, counted from 0: the first is `w1`."""
    return f"w{number + 1}"


def split(settings: Settings, count: int, token: str) -> list[Settings]:
    """Settings for `count` workers, whose admin servers let in `token`. Raises `SettingsError`."""
    pairs = _dealt(settings, count)
    ports = list(_ranges(settings, count))
    created = _shares(settings.calls.max_created, count)
    most = _shares(settings.pressure.max_calls, count)
    if settings.pressure.max_calls and not all(most):
        raise SettingsError(
            f"pressure.max_calls = {settings.pressure.max_calls}: is divided among the workers; "
            f"should be at least {count}, or 0 for no limit, with --workers {count}"
        )
    kept = -(-settings.transcripts.keep_calls // count)
    parts = []
    for number in range(count):
        names = {name for pair in pairs[number] for name in pair}
        update = {
            "pairs": tuple(pairs[number]),
            "legs": tuple(leg for leg in settings.legs if leg.name in names),
            "calls": settings.calls.model_copy(
                update={"ports": ports[number], "max_created": created[number]}
            ),
            "pressure": settings.pressure.model_copy(update={"max_calls": most[number]}),
            "transcripts": settings.transcripts.model_copy(update={"keep_calls": kept}),
            "admin": _private(settings, token),
        }
        if number:
            update |= {name: none() for name, none in FIRST_ONLY.items()}
        part = settings.model_copy(update=update)
        if number:
            part.note(Notes())  # one of them warns
        parts.append(part)
    return parts


def _private(settings: Settings, token: str) -> object:
    """A worker's own admin server: for us alone."""
    return type(settings.admin)(port=0, token=SecretStr(token), listen_in=settings.admin.listen_in)


def _dealt(settings: Settings, count: int) -> list[list[tuple[str, str]]]:
    """The pairs of each worker; those that hang on an address of the first one are its."""
    dealt: list[list[tuple[str, str]]] = [[] for _ in range(count)]
    free = []
    for pair in settings.pairs:
        legs = [settings.leg(name) for name in pair]
        if any(leg.at_pbx or leg.shared for leg in legs):
            dealt[0].append(pair)
        else:
            free.append(pair)
    for pair in free:
        min(dealt, key=len).append(pair)
    return dealt


def _ranges(settings: Settings, count: int) -> Iterator[str]:
    """`calls.ports` in parts of an even number of ports: two a call."""
    ports = port_range(settings.calls.ports)
    each = len(ports) // count // 2 * 2
    if not each:
        raise SettingsError(
            f"calls.ports = {settings.calls.ports}: is divided among the workers; should have at least "
            f"{2 * count} ports with --workers {count}"
        )
    for number in range(count):
        first = ports[0] + number * each
        yield f"{first}-{first + each - 1}"


def _shares(whole: int, count: int) -> list[int]:
    return [whole // count + (number < whole % count) for number in range(count)]
