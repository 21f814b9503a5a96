"""Every address that `translink serve` listens on, and whether it can be had."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from translink.admin.access.connections import address_refused
from translink.errors import SettingsError
from translink.process.ports import probe
from translink.settings.types import Address

if TYPE_CHECKING:
    from translink.settings.legs import LegSettings
    from translink.settings.model import Settings

CONNECTIONS_MEND = 'audiosocket.listen = "0.0.0.0:9092"'
SHARED_PORT_MEND = (
    'RTP without a shared port needs one: set shared_port.listen = "0.0.0.0:7000", or '
    f'ari.media = "audiosocket" with {CONNECTIONS_MEND}'
)


class ListeningAddress(NamedTuple):
    """One of them."""

    setting: str
    at: Address
    kind: socket.SocketKind

    def problem(self) -> OSError | None:
        """Why it cannot be listened on; None: it can."""
        try:
            probe(self.at.host, self.at.port, self.kind)
        except OSError as error:
            # A name: the admin server asks for it in its own way.
            if self.setting == "admin.port":
                named = isinstance(error, socket.gaierror) or self._has_another(error)
                return None if named else error
            return error
        return None

    def _has_another(self, error: OSError) -> bool:
        """Whether a name that is not ours by its first address is by another: the server takes that one."""
        if error.errno != errno.EADDRNOTAVAIL:
            return False
        with contextlib.suppress(OSError):
            found = socket.getaddrinfo(self.at.host, self.at.port, type=self.kind)
            for address in dict.fromkeys(str(each[4][0]) for each in found):
                with contextlib.suppress(OSError):
                    probe(address, self.at.port, self.kind)
                    return True
        return False

    @property
    def mend(self) -> str:
        """What to do where it is `ari.host`, and no address of this machine."""
        connections = self.kind is socket.SOCK_STREAM
        return f"set {CONNECTIONS_MEND}" if connections else SHARED_PORT_MEND

    def refused(self, error: OSError) -> SettingsError:
        """What to tell of it."""
        if self.setting == "admin.port":
            return address_refused(self.at.host, self.at.port, error)
        if self.setting == "ari.host" and error.errno == errno.EADDRNOTAVAIL:
            return SettingsError(
                f"ari.host = {self.at.host}: is no address of this machine; {self.mend}"
            )
        mend = {
            errno.EADDRINUSE: "is in use; is another translink (or the server it replaces) still "
            "running there? Choose a free address or stop it.",
            errno.EADDRNOTAVAIL: "is no address of this machine; 127.0.0.1 takes what is sent here "
            "on this machine, 0.0.0.0 what comes from others.",
            errno.EACCES: "is not ours to use; choose a port above 1023.",
        }
        advice = mend.get(error.errno or 0) or f"cannot be used: {error.strerror or error}"
        return SettingsError(f"{self.setting} = {self.at}: {advice}")


def address_of(leg: LegSettings) -> ListeningAddress:
    """Where its socket is, by the setting that says so: RTP that an Asterisk brings comes to `ari.host`."""
    brought = leg.at_pbx and leg.transport == "rtp"
    setting = "ari.host" if brought else f"legs.{leg.name}.listen"
    return ListeningAddress(setting, leg.listen, socket.SOCK_DGRAM)


def addresses_of(settings: Settings) -> Iterator[ListeningAddress]:
    """Those of the legs first."""
    yield from dict.fromkeys(address_of(leg) for leg in settings.legs if not leg.shared)
    if (shared := settings.shared_port.listen) is not None:
        yield ListeningAddress("shared_port.listen", shared, socket.SOCK_DGRAM)
    ari = settings.ari
    if ari.wanted and ari.media == "audiosocket" and settings.audiosocket.listen is None:
        yield ListeningAddress("ari.host", Address(ari.host, 0), socket.SOCK_STREAM)
    for setting, at in (
        ("audiosocket.listen", settings.audiosocket.listen),
        ("websocket.listen", settings.websocket.listen),
        ("ari.listen", ari.listen),
        ("placement.listen", settings.placement.listen if settings.placement.nats else None),
    ):
        if at is not None:
            yield ListeningAddress(setting, at, socket.SOCK_STREAM)
    admin = settings.admin
    yield ListeningAddress("admin.port", Address(admin.host, admin.port), socket.SOCK_STREAM)


def refuse_taken_ports(settings: Settings) -> None:
    """Raises `SettingsError` for an address that cannot be listened on."""
    for each in addresses_of(settings):
        if (problem := each.problem()) is not None:
            raise each.refused(problem) from problem
