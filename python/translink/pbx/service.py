"""Telephone systems as the program has them: put together from the settings, started and ended."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from translink.calls.leg import LegConnection
from translink.errors import SettingsError
from translink.pbx.ari import AriClient
from translink.pbx.audiosocket import AudioSocketServer, AwaitedConnection
from translink.pbx.controller import Controller
from translink.pbx.desk import Desk, Seat
from translink.pbx.line import Medium, Place, Unavailable
from translink.pbx.menu import LanguageMenu, Speak
from translink.pbx.outbound import AriListener
from translink.pbx.websocket import WebSocketServer
from translink.pbx.wire import AriWire
from translink.settings.types import Address

if TYPE_CHECKING:
    import socket

    from translink.calls.call import Call
    from translink.calls.leg import Leg
    from translink.calls.switchboard import Switchboard
    from translink.media import Media
    from translink.observe.journal import Journal
    from translink.settings.model import Settings
    from translink.settings.telephony import AriSettings

log = structlog.get_logger("translink")

RATES = {"slin16": 16_000, "slin": 8_000}


class Telephony:
    """All of it. Without settings for it, it does nothing."""

    def __init__(
        self,
        settings: Settings,
        board: Switchboard,
        media: Media,
        journal: Journal,
        speak: Speak,
    ) -> None:
        """`speak` says the language menu. Raises `SettingsError` for an address that cannot be
        listened on, or a file that cannot be played."""
        self._settings = settings
        ari = settings.ari
        menu = LanguageMenu(settings.menu, speak) if settings.menu.languages else None
        self.desk = Desk(
            board,
            media.add_leg,
            most=2 * settings.calls.max_created,
            host=ari.host,
            plan=ari.plan,
            menu=menu,
        )
        self.connections: AudioSocketServer | None = None
        self._awaited: dict[str, AwaitedConnection] = {}
        """By leg."""
        at = settings.audiosocket.listen
        if at is None and ari.wanted and ari.media == "audiosocket":
            at = Address(ari.host, 0)
        if at is not None:
            try:
                self.connections = AudioSocketServer(at, settings.audiosocket.legs, self.desk)
            except OSError as error:
                reason = error.strerror or error
                raise SettingsError(
                    f"audiosocket.listen = {at}: cannot be used: {reason}"
                ) from error
        self.websockets: WebSocketServer | None = None
        if (at := settings.websocket.listen) is not None:
            try:
                self.websockets = WebSocketServer(at, settings.websocket, self.desk, journal)
            except OSError as error:
                reason = error.strerror or error
                raise SettingsError(f"websocket.listen = {at}: cannot be used: {reason}") from error
        self.controller: Controller | None = None
        self.client: AriWire | None = None
        if ari.wanted and ari.password is not None:
            self.controller = Controller(ari.app, secrets.token_hex(4), self)
            self.client = _wire(ari, ari.password.get_secret_value(), self.controller)

    async def start(self) -> None:
        """Take calls."""
        if self.connections is not None:
            self.connections.start()
            host, port = self.connections.address
            log.info("AudioSocket", listens=f"{host}:{port}")
        if self.websockets is not None:
            self.websockets.start()
            host, port = self.websockets.address
            log.info("WebSocket", listens=f"{host}:{port}")
        if self.client is not None:
            await self.client.start()

    async def close(self) -> None:
        """Hang up everybody."""
        if self.client is not None:
            await self.client.close()
        if self.connections is not None:
            await self.connections.close()
        if self.websockets is not None:
            await self.websockets.close()

    def expect(self, leg: Leg) -> LegConnection:
        """Take a connection of AudioSocket for a leg of a call made on request. Needs `connections`."""
        assert self.connections is not None
        awaited = self._awaited[leg.name] = AwaitedConnection(self.connections, leg)
        return LegConnection(awaited.uuid, Address(*self.connections.address))

    def call_over(self, call: Call) -> None:
        """Every word of a call was said."""
        for name in call.legs:
            if (awaited := self._awaited.pop(name, None)) is not None:
                awaited.close()
        self.desk.call_over(call)
        self._pump()

    # --- What the controller asks for ---

    def seize(self, leg: str, call_id: str, hang_up: Callable[[], None]) -> tuple[Place, Medium]:
        """See `controller.Reception`."""
        seat = self.desk.seize(leg, call_id, hang_up)
        seat.leg.digits_told = True
        return seat, self._medium(seat)

    def seize_pair(
        self, name: str, languages: tuple[str, str], hang_ups: tuple[Callable[[], None], ...]
    ) -> tuple[tuple[Place, Medium], tuple[Place, Medium]]:
        """See `controller.Reception`."""
        one, two = self.desk.seize_pair(name, languages, hang_ups)
        one.leg.digits_told = two.leg.digits_told = True
        return (one, self._medium(one)), (two, self._medium(two))

    def report(self, what: str, **details: str) -> None:
        """See `controller.Reception`."""
        say = log.warning if "refused" in what or "another client" in what else log.info
        say(what, **details)

    def _medium(self, seat: Seat) -> Medium:
        if self._settings.ari.media == "rtp":
            return _RtpMedium(seat, self._settings.ari.format)
        if self.connections is None:  # pragma: no cover - the settings see to it
            raise Unavailable("there is no AudioSocket server", busy=False)
        return _AudioSocketMedium(self, seat, self.connections, self._settings.ari.format)

    def _lost(self, seat: Seat) -> None:
        if self.controller is not None:
            self.controller.media_lost(seat)
            self._pump()

    def _pump(self) -> None:
        if self.client is not None:
            self.client.pump()


def _wire(ari: AriSettings, password: str, controller: Controller) -> AriWire | None:
    """Either way of connecting. Raises `SettingsError`."""
    if ari.url is not None:
        return AriClient(ari.url, ari.user, password, controller)
    if ari.listen is None:
        return None
    try:
        return AriListener(ari.listen, ari.user, password, controller)
    except OSError as error:
        reason = error.strerror or error
        raise SettingsError(f"ari.listen = {ari.listen}: cannot be used: {reason}") from error


class _RtpMedium:
    """RTP between Asterisk and the leg's own socket. Asterisk never learns where to send to, and sends
    nothing while the telephone does not: so each is told where the other is."""

    def __init__(self, seat: Seat, format: str) -> None:
        self._seat = seat
        self._format = format

    def query(self) -> Mapping[str, str]:
        return {
            "external_host": str(Address(*self._seat.media.listen_address)),
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
        if host and port.isdecimal():
            address = Address(host, int(port))
            self._seat.media.set_source((str(address),))
            self._seat.media.set_play_to(address)

    def close(self) -> None:
        # The port is another channel's next; the socket is the leg's and stays.
        with suppress(LookupError, RuntimeError):
            self._seat.media.set_play_to(None)


class _AudioSocketMedium:
    """A connection that Asterisk makes because we asked for it."""

    def __init__(
        self, owner: Telephony, seat: Seat, server: AudioSocketServer, format: str
    ) -> None:
        self._owner = owner
        self._seat = seat
        self._server = server
        self._format = format
        self._name = str(uuid.uuid4())
        server.expect(self._name, self._take)

    def query(self) -> Mapping[str, str]:
        host, port = self._server.address
        return {
            "external_host": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "encapsulation": "audiosocket",
            "transport": "tcp",
            "format": self._format,
            "data": self._name,
        }

    def made(self, channel: Mapping[str, object]) -> None:
        """The connection says the rest."""

    def close(self) -> None:
        self._server.forget(self._name)
        media = self._seat.media
        media.on_hangup = None
        with suppress(LookupError, RuntimeError):
            media.hang_up()

    def _take(self, connection: socket.socket) -> None:
        media = self._seat.media
        media.attach(connection.fileno(), RATES[self._format])
        media.on_hangup = self._ended

    def _ended(self) -> None:
        self._owner._lost(self._seat)
