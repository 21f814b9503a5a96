"""Connections of WebSocket: taken here, told apart by their path, handed to the engine.

Python sees the opening handshake; from then on the media thread has the connection, and nothing here runs
for its audio. One that does not say in time which leg it is for, or may not have it, is closed and logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog

from translink.pbx.acceptor import Acceptor
from translink.pbx.guest import Guest
from translink.pbx.line import Unavailable
from translink.pbx.opening import LONGEST_HEAD, Invitation, Opening, RefusedOpening

if TYPE_CHECKING:
    from translink.observe.journal import Journal
    from translink.pbx.desk import Desk
    from translink.settings.types import Address
    from translink.settings.websocket import WebSocketSettings

log = structlog.get_logger("translink")

OPENING_TIME = 2.0
"""Seconds for the request."""
HEADS_END = b"\r\n\r\n"

TakeWebSocket = Callable[[socket.socket], None]


class WebSocketServer:
    """Takes connections on one address."""

    def __init__(
        self, at: Address, settings: WebSocketSettings, desk: Desk, journal: Journal
    ) -> None:
        """Binds. Raises `OSError`."""
        self._acceptor = Acceptor(at, self._greet, "websocket")
        self.address = self._acceptor.address
        self.refused = 0
        """Connections that were turned away."""
        self._legs: Mapping[str, str] = settings.legs
        self._settings = settings
        self._desk = desk
        self._journal = journal
        self._expected: dict[str, TakeWebSocket] = {}

    def expect(self, seat: str, take: TakeWebSocket) -> None:
        """Asterisk's connection with this `seat` is `take`'s, once."""
        self._expected[seat] = take

    def forget(self, seat: str) -> None:
        """It is not wanted any more. Idempotent."""
        self._expected.pop(seat, None)

    def start(self) -> None:
        """Take connections."""
        self._acceptor.start()

    async def release(self) -> None:
        """Give the address up. Connections that are there stay."""
        await self._acceptor.release()

    async def close(self) -> None:
        """Stop taking connections; those that were taken stay."""
        await self._acceptor.close()

    async def _greet(self, connection: socket.socket, peer: str) -> None:
        answer = b""
        try:
            async with asyncio.timeout(OPENING_TIME):
                opening, asked = await self._asked(connection)
            await self._hand_over(connection, opening, asked)
        except RefusedOpening as refusal:
            answer, reason = refusal.answer, str(refusal)
        except TimeoutError:
            reason = "it did not say which leg it is for"
        except OSError as error:
            reason = str(error)
        else:
            return
        self.refused += 1
        log.warning("WebSocket refused", peer=peer, reason=reason)
        with contextlib.suppress(OSError):
            connection.send(answer)

    async def _asked(self, connection: socket.socket) -> tuple[Opening, Invitation]:
        """Raises `RefusedOpening`, `OSError`."""
        loop = asyncio.get_running_loop()
        settings = self._settings
        opening = Opening(
            origins=settings.origins,
            password=settings.password.get_secret_value() if settings.password else None,
            twilio_token=settings.twilio_token.get_secret_value()
            if settings.twilio_token
            else None,
        )
        got = b""
        while True:
            more = await loop.sock_recv(connection, LONGEST_HEAD)
            if not more:
                raise RefusedOpening("it hung up before it said which leg it is for", b"")
            got += more
            if (asked := opening.take(more)) is not None:
                if not got.endswith(HEADS_END):
                    reason = "it talks before it is answered"
                    raise opening.refused(HTTPStatus.BAD_REQUEST, reason)
                return opening, asked

    async def _hand_over(
        self, connection: socket.socket, opening: Opening, asked: Invitation
    ) -> None:
        """Raises `RefusedOpening`, `OSError`."""
        answer = opening.accepted()
        if (
            asked.dialect == "asterisk"
            and (take := self._expected.pop(asked.seat, None)) is not None
        ):
            await asyncio.get_running_loop().sock_sendall(connection, answer)
            take(connection)
            return
        leg = self._legs.get(asked.leg, asked.leg)
        guest = Guest(leg, asked.dialect, self._journal)
        has_keys = asked.dialect != "browser"
        try:
            guest.sit(self._desk.seize(leg, asked.call, guest.hang_up, has_keys=has_keys))
        except Unavailable as refusal:
            status = HTTPStatus.SERVICE_UNAVAILABLE if refusal.busy else HTTPStatus.NOT_FOUND
            raise opening.refused(status, str(refusal)) from None
        try:
            await asyncio.get_running_loop().sock_sendall(connection, answer)
            guest.begin(connection.fileno())
        except BaseException:
            guest.end("no connection")
            raise
