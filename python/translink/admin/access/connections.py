"""The listening socket: so many connections, and each for so long as it is of use.

Theory of operation
    Between the transport and aiohttp's own protocol stands a watch. It knows when a connection came,
    when it began to send a request and, told by the guard, when that request is being answered. Who
    neither sends a whole request within `REQUEST_TIME` of its first byte (a *slowloris*), nor anything
    within `IDLE_TIME`, nor takes his answer within that time, is cut off. When all places are taken,
    the connection that has been idle for longest makes room, so that whoever holds places without
    using them holds them until somebody else wants one; where every place is at work the newcomer
    gets 503.

Bounds: `MOST` connections, TLS handshakes under way included. What the admin server does is never
worth a call's audio: its descriptors and its memory end here.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import cast

from aiohttp import web

MOST = 256
REQUEST_TIME = 10.0
"""Seconds for a request's line and headers, and for a TLS handshake."""
IDLE_TIME = 75.0
"""Seconds between two requests, above the usual 60 s of proxies; also for reading an answer."""
SWEEP = 0.5
BACKLOG = 128

_FULL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Door(web.BaseSite):
    """Listens for a runner, as `web.TCPSite` does, within bounds."""

    __slots__ = ("_address", "_made", "_sweeping", "_watches", "cut_off", "most", "refused")

    def __init__(
        self,
        runner: web.AppRunner,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        most: int = MOST,
    ) -> None:
        super().__init__(runner, ssl_context=tls, backlog=BACKLOG)
        self._address = host, port
        self._watches: dict[asyncio.Transport, _Watch] = {}
        self._made: dict[_Watch, float] = {}
        """Handshakes under way: a protocol was made, and no connection yet."""
        self._sweeping: asyncio.Task[None] | None = None
        self.most = most
        self.refused = 0
        """Connections turned away because every place was at work."""
        self.cut_off = 0
        """Connections ended because they were slow, idle, or in the way."""

    def __len__(self) -> int:
        """Open connections."""
        return len(self._watches) + len(self._made)

    @property
    def name(self) -> str:
        """For aiohttp's messages."""
        host, port = self._address
        return f"{'https' if self._ssl_context else 'http'}://{host}:{port}"

    async def start(self) -> None:
        """Listen."""
        await super().start()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._make,
            *self._address,
            ssl=self._ssl_context,
            ssl_handshake_timeout=REQUEST_TIME if self._ssl_context else None,
            backlog=self._backlog,
        )
        self._sweeping = asyncio.create_task(self._sweep(), name="admin-connections")

    async def stop(self) -> None:
        """Listen no more."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        await super().stop()

    def begun(self, transport: asyncio.Transport | None) -> None:
        """A whole request came in over `transport` and is being answered."""
        if transport is not None and (watch := self._watches.get(transport)) is not None:
            watch.idle_since = watch.sending_since = None

    def ended(self, transport: asyncio.Transport | None) -> None:
        """Its answer is made."""
        if transport is not None and (watch := self._watches.get(transport)) is not None:
            watch.idle_since = time.monotonic()

    def _make(self) -> asyncio.BaseProtocol:
        server = self._runner.server
        assert server is not None
        watch = _Watch(self, server())
        if self._ssl_context is not None:
            self._made[watch] = time.monotonic()
        return watch

    def entered(self, watch: _Watch, transport: asyncio.Transport) -> bool:
        """A connection is there; False: it was turned away."""
        self._made.pop(watch, None)
        if len(self) >= self.most and not self._make_room():
            self.refused += 1
            transport.write(_FULL)
            transport.close()
            return False
        self._watches[transport] = watch
        return True

    def left(self, transport: asyncio.Transport) -> None:
        """It is gone."""
        self._watches.pop(transport, None)

    def _make_room(self) -> bool:
        idle = [
            (watch.idle_since, number, transport)
            for number, (transport, watch) in enumerate(self._watches.items())
            if watch.idle_since is not None
        ]
        if not idle:
            return False
        self._cut(min(idle)[2])
        return True

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            now = time.monotonic()
            for watch in [w for w, since in self._made.items() if now - since > 2 * REQUEST_TIME]:
                del self._made[watch]  # a handshake that failed: nobody tells the protocol
            late = [transport for transport, w in self._watches.items() if w.is_late(now)]
            for transport in late:
                self._cut(transport)

    def _cut(self, transport: asyncio.Transport) -> None:
        self.cut_off += 1
        self._watches.pop(transport, None)
        transport.abort()


class _Watch(asyncio.Protocol):
    """One connection: hands everything on to aiohttp's protocol and notes the times."""

    def __init__(self, door: Door, inner: web.RequestHandler) -> None:
        self._door = door
        self._inner: web.RequestHandler | None = inner
        self._transport: asyncio.Transport | None = None
        self.idle_since: float | None = time.monotonic()
        """No request is being answered since then; None: one is."""
        self.sending_since: float | None = None
        """The first byte of a request that is not complete."""

    def is_late(self, now: float) -> bool:
        """Has it had its time?"""
        if self.sending_since is not None and now - self.sending_since > REQUEST_TIME:
            return True
        return self.idle_since is not None and now - self.idle_since > IDLE_TIME

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # By shape only: uvloop's transports are not asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        assert self._inner is not None
        if self._door.entered(self, self._transport):
            self._inner.connection_made(transport)
        else:
            self._inner = None

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._transport is not None:
            self._door.left(self._transport)
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._inner is None:
            return
        if self.idle_since is not None and self.sending_since is None:
            self.sending_since = time.monotonic()
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        if self._inner is not None:
            self._inner.eof_received()
        return None

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()
