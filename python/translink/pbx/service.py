"""Telephone systems as the program has them: put together from the settings, started and ended."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import structlog

from translink.calls.leg import LegConnection
from translink.errors import SettingsError
from translink.pbx.ari import AriClient
from translink.pbx.audiosocket import AudioSocketServer, AwaitedConnection
from translink.pbx.controller import Controller
from translink.pbx.desk import Desk, Seat
from translink.pbx.inquiry import addresses, way_of
from translink.pbx.line import Medium, Place, Unavailable
from translink.pbx.medium import AudioSocketMedium, RtpMedium, WebSocketMedium
from translink.pbx.menu import LanguageMenu, Speak
from translink.pbx.outbound import AriListener
from translink.pbx.websocket import WebSocketServer
from translink.pbx.wire import AriWire
from translink.settings.types import Address

if TYPE_CHECKING:
    from translink.calls.call import Call
    from translink.calls.leg import Leg
    from translink.calls.switchboard import Switchboard
    from translink.media import Media
    from translink.observe.journal import Journal
    from translink.settings.model import Settings
    from translink.settings.telephony import AriSettings

log = structlog.get_logger("translink")


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
            host=ari.legs_host,
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
        self._starting: asyncio.Task[None] | None = None
        self.controller: Controller | None = None
        self.client: AriWire | None = None
        if ari.wanted and ari.password is not None:
            self.controller = Controller(ari.app, secrets.token_hex(4), self)
            self.client = _wire(ari, ari.password.get_secret_value(), self.controller)

    async def start(self, after: asyncio.Event | None = None) -> None:
        """Take calls. Where we connect to Asterisk, once `after` is set: an application has one client, and
        the one before us would lose its calls' events."""
        for line in addresses(self._settings.ari, way_of(self._settings)):
            log.warning("no audio will come from Asterisk", reason=line)
        if self.connections is not None:
            self.connections.start()
            host, port = self.connections.address
            log.info("AudioSocket", listens=f"{host}:{port}")
        if self.websockets is not None:
            self.websockets.start()
            host, port = self.websockets.address
            log.info("WebSocket", listens=f"{host}:{port}")
        if self.client is not None and (after is None or self._settings.ari.url is None):
            await self.client.start()
        elif self.client is not None and after is not None:
            self._starting = asyncio.create_task(self._start_later(self.client, after), name="ari")

    async def _start_later(self, client: AriWire, after: asyncio.Event) -> None:
        log.info("Asterisk: the process before us has its application until its last call is over")
        await after.wait()
        await client.start()

    async def release(self) -> None:
        """Give all addresses up: another process takes over. Calls that run go on."""
        for taker in (self.client, self.connections, self.websockets):
            if taker is not None:
                await taker.release()

    async def close(self) -> None:
        """Hang up everybody."""
        if self._starting is not None:
            self._starting.cancel()
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

    def send_away(self) -> None:
        """See `Desk`. Nothing else happens that would have what it asks for sent."""
        self.desk.send_away()
        self._pump()

    # --- What the controller asks for ---

    def seize(self, leg: str, call_id: str, hang_up: Callable[[], None]) -> tuple[Place, Medium]:
        """See `controller.Reception`."""
        seat = self.desk.seize(leg, call_id, hang_up, digits_reported=True)
        return seat, self._medium(seat)

    def seize_pair(
        self,
        name: str,
        languages: tuple[str, str],
        hang_ups: tuple[Callable[[], None], ...],
        orders: Mapping[str, tuple[str, ...]],
    ) -> tuple[tuple[Place, Medium], tuple[Place, Medium]]:
        """See `controller.Reception`."""
        one, two = self.desk.seize_pair(
            name,
            languages,
            hang_ups,
            orders,
            digits_reported=True,
            shared=self._settings.asterisk_shares_port,
        )
        return (one, self._medium(one)), (two, self._medium(two))

    def report(self, what: str, **details: str) -> None:
        """See `controller.Reception`."""
        say = log.warning if "refused" in what or "another client" in what else log.info
        say(what, **details)

    def _medium(self, seat: Seat) -> Medium:
        ari = self._settings.ari
        if ari.media == "rtp":
            return RtpMedium(seat, ari.format, self._settings.shared_port.reached_at(ari.host))
        if ari.media == "audiosocket" and self.connections is not None:
            return AudioSocketMedium(seat, self.connections, ari, self._lost)
        if ari.media == "websocket" and self.websockets is not None:
            return WebSocketMedium(seat, self.websockets, ari, self._lost)
        raise Unavailable(  # pragma: no cover - the settings see to it
            f"there is no server for {ari.media}", busy=False
        )

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
