"""Connections of AudioSocket: taken here, told apart by their first message, handed to the engine.

A connection's first message is a UUID. Either somebody expects it (a media channel that we asked
Asterisk for, a leg of a call made on request) or it names a leg. From then on the media thread has the
connection; nothing here runs for its audio. A connection that does not say in time which call it is
for, or names none, is closed and logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import structlog

from translink.pbx.acceptor import Acceptor
from translink.pbx.line import Unavailable

if TYPE_CHECKING:
    from translink.calls.leg import Leg
    from translink.media import MediaLeg
    from translink.pbx.desk import Desk, Seat
    from translink.settings.types import Address

log = structlog.get_logger("translink")

FIRST_MESSAGE = 19
"""Bytes: kind 1, length 16, the UUID."""
HANG_UP = bytes(3)
GREETING_TIME = 2.0
"""Seconds for the first message: Asterisk sends it at once."""
APPLICATION_RATE = 8_000
"""What the dialplan's application and `Dial` with `c(slin)` speak; the first audio tells. Without `c(…)` `Dial`
sends the caller's own codec under the name of this one, and nobody can distinguish the two."""

Take = Callable[[socket.socket], None]


class AudioSocketServer:
    """Takes connections on one address."""

    def __init__(self, at: Address, legs: Mapping[str, str], desk: Desk) -> None:
        """Binds. `legs`: UUID to the name of a leg of the settings. Raises `OSError`."""
        self._acceptor = Acceptor(at, self._greet, "audiosocket")
        self.address = self._acceptor.address
        self.refused = 0
        """Connections that named no call."""
        self._legs = {str(uuid.UUID(key)): leg for key, leg in legs.items()}
        self._desk = desk
        self._expected: dict[str, Take] = {}

    def start(self) -> None:
        """Take connections."""
        self._acceptor.start()

    async def release(self) -> None:
        """Give the address up. Connections that are there stay."""
        await self._acceptor.release()

    async def close(self) -> None:
        """Stop taking connections; those that were taken stay."""
        await self._acceptor.close()

    def expect(self, name: str, take: Take) -> None:
        """A connection with this UUID is `take`'s, once."""
        self._expected[name] = take

    def forget(self, name: str) -> None:
        """It is not wanted any more. Idempotent."""
        self._expected.pop(name, None)

    async def _greet(self, connection: socket.socket, peer: str) -> None:
        # It is closed afterwards in any case; the engine has a copy of its own.
        try:
            async with asyncio.timeout(GREETING_TIME):
                name = await self._first(connection)
            self._hand_over(connection, name)
        except (OSError, TimeoutError, Unavailable, ValueError) as error:
            self.refused += 1
            reason = str(error) or "it did not say which call it is"
            log.warning("AudioSocket refused", peer=peer, reason=reason)
            with contextlib.suppress(OSError):
                connection.send(HANG_UP)

    async def _first(self, connection: socket.socket) -> str:
        """The UUID; not a byte more is read. Raises `ValueError`, `OSError`."""
        loop = asyncio.get_running_loop()
        got = b""
        while len(got) < FIRST_MESSAGE:
            more = await loop.sock_recv(connection, FIRST_MESSAGE - len(got))
            if not more:
                raise ValueError("it hung up before it said which call it is")
            got += more
        if got[:3] != b"\x01\x00\x10":
            raise ValueError("its first message is no UUID: this is no AudioSocket")
        return str(uuid.UUID(bytes=got[3:]))

    def _hand_over(self, connection: socket.socket, name: str) -> None:
        if (take := self._expected.pop(name, None)) is not None:
            take(connection)
            return
        leg = self._legs.get(name) or self._named(name)
        if leg is None:
            raise ValueError(f"no call or leg has UUID {name}; {self._desk.known}")
        _Connection(self._desk, leg).begin(connection)

    def _named(self, name: str) -> str | None:
        """The leg whose name is in the UUID's last twelve digits."""
        tail = name[-12:]
        for leg in self._desk.legs:
            if leg.lower().rjust(12, "0") == tail:
                return leg
        return None


class _Connection:
    """A party that came by itself."""

    def __init__(self, desk: Desk, leg: str) -> None:
        self._seat: Seat = desk.seize(leg, "", self._hang_up)
        self._media: MediaLeg = self._seat.media

    def begin(self, connection: socket.socket) -> None:
        try:
            self._media.attach(connection.fileno(), APPLICATION_RATE)
        except OSError:
            self._seat.leave("no connection")
            raise
        self._media.on_hangup = self._ended
        log.info("AudioSocket", leg=self._media.name)
        self._seat.arrive()

    def _ended(self) -> None:
        self._end("hung up")

    def _hang_up(self) -> None:
        with contextlib.suppress(LookupError, RuntimeError):
            self._media.hang_up()
        self._end("the call is over")

    def _end(self, reason: str) -> None:
        self._media.on_hangup = None
        self._seat.leave(reason)


class AwaitedConnection:
    """The connection of a party for whose call somebody asked: it begins without them."""

    def __init__(self, server: AudioSocketServer, leg: Leg) -> None:
        """Expects it from now on."""
        self.uuid = str(uuid.uuid4())
        self._server = server
        self._leg = leg
        server.expect(self.uuid, self._take)

    def close(self) -> None:
        """The call is over: hang up, or expect nobody any more."""
        self._server.forget(self.uuid)
        self._leg.attend(False)
        self._leg.media.on_hangup = None
        with contextlib.suppress(LookupError, RuntimeError):
            self._leg.media.hang_up()

    def _take(self, connection: socket.socket) -> None:
        self._leg.media.attach(connection.fileno(), APPLICATION_RATE)
        self._leg.media.on_hangup = self._ended
        self._leg.attend(True)
        if self._leg.call is not None:
            self._leg.call.announcements.came(self._leg.name)
        log.info("AudioSocket", leg=self._leg.name)

    def _ended(self) -> None:
        self._leg.attend(False)
        if self._leg.call is not None:
            self._leg.call.end("hung up")
