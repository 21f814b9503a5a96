"""How the audio of a caller that an Asterisk handed over comes: what it is asked for, and whose it is then."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from translink.settings.types import Address, reached_at

if TYPE_CHECKING:
    import socket

    from translink.pbx.audiosocket import AudioSocketServer
    from translink.pbx.desk import Seat
    from translink.pbx.websocket import WebSocketServer
    from translink.settings.telephony import AriSettings

log = structlog.get_logger("translink")

RATE_OF_FORMAT = {"slin16": 16_000, "slin": 8_000}

Lost = Callable[["Seat"], None]
"""The connection ended, and we did not end it."""


class RtpMedium:
    """RTP between Asterisk and the leg's own socket, or the shared port. Asterisk never learns where to send
    to, and sends nothing while the telephone does not: so each is given the other's address."""

    def __init__(self, seat: Seat, format: str, shared_host: str) -> None:
        """`shared_host`: where Asterisk reaches the shared port, if the leg is there."""
        self._seat = seat
        self._format = format
        self._shared_host = shared_host

    def query(self) -> Mapping[str, str]:
        media = self._seat.media
        host, port = media.listen_address
        return {
            "external_host": str(Address(self._shared_host if media.shares else host, port)),
            "encapsulation": "rtp",
            "transport": "udp",
            "format": self._format,
        }

    def made(self, channel: Mapping[str, object]) -> None:
        variables = channel.get("channelvars")
        if not isinstance(variables, dict):
            return
        host = str(variables.get("UNICASTRTP_LOCAL_ADDRESS", ""))
        port = str(variables.get("UNICASTRTP_LOCAL_PORT", ""))
        if not host or not port.isdecimal():
            return
        address = Address(host, int(port))
        media = self._seat.media
        try:
            media.set_source((str(address),))
        except OSError:
            # A leg that no telephone has any more still has it: it was another channel's before.
            log.warning("another leg already has this sender", leg=media.name, source=str(address))
        media.set_play_to(address)

    def close(self) -> None:
        # The port is another channel's next; the socket is the leg's and stays.
        with suppress(LookupError, RuntimeError):
            self._seat.media.set_play_to(None)
            self._seat.media.forget_source()


class _ConnectionMedium:
    """A connection that Asterisk makes because we asked for it."""

    def __init__(self, seat: Seat, lost: Lost) -> None:
        self._seat = seat
        self._lost = lost
        self._name = str(uuid.uuid4())

    def made(self, channel: Mapping[str, object]) -> None:
        """The connection says the rest."""

    def close(self) -> None:
        media = self._seat.media
        media.on_hangup = None
        with suppress(LookupError, RuntimeError):
            media.hang_up()

    def _ended(self) -> None:
        self._lost(self._seat)


class AudioSocketMedium(_ConnectionMedium):
    """It says which one it is by its UUID."""

    def __init__(self, seat: Seat, server: AudioSocketServer, ari: AriSettings, lost: Lost) -> None:
        super().__init__(seat, lost)
        self._server = server
        self._host = ari.host
        self._format = ari.format
        server.expect(self._name, self._take)

    def query(self) -> Mapping[str, str]:
        host, port = self._server.address
        return {
            "external_host": str(Address(reached_at(host, self._host), port)),
            "encapsulation": "audiosocket",
            "transport": "tcp",
            "format": self._format,
            "data": self._name,
        }

    def close(self) -> None:
        self._server.forget(self._name)
        super().close()

    def _take(self, connection: socket.socket) -> None:
        media = self._seat.media
        media.attach(connection.fileno(), RATE_OF_FORMAT[self._format])
        media.on_hangup = self._ended


class WebSocketMedium(_ConnectionMedium):
    """It says which one it is by its address, to which `chan_websocket` adds what `v(…)` holds."""

    def __init__(self, seat: Seat, server: WebSocketServer, ari: AriSettings, lost: Lost) -> None:
        super().__init__(seat, lost)
        self._server = server
        self._client = ari.websocket_client
        self._format = ari.format
        server.expect(self._name, self._take)

    def query(self) -> Mapping[str, str]:
        return {
            "external_host": self._client,
            "encapsulation": "none",
            "transport": "websocket",
            "connection_type": "client",
            "format": self._format,
            "transport_data": f"v(seat={self._name})",
        }

    def close(self) -> None:
        self._server.forget(self._name)
        super().close()

    def _take(self, connection: socket.socket) -> None:
        media = self._seat.media
        media.attach(connection.fileno(), RATE_OF_FORMAT[self._format], "asterisk")
        media.on_hangup = self._ended
