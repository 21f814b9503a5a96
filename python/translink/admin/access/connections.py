"""The listening socket: a bounded number of connections, each for as long as it is of use.

Theory of operation
    We accept the connections ourselves, so that a connection counts from the moment it is accepted:
    1,300 TLS connections that never shook hands once took every descriptor of the process, because
    they were only counted when their handshake was over. Between the transport and aiohttp's own
    protocol stands a watch. It knows when a connection came, when it began to send a request and,
    from the guard, when that request is being answered. A connection is cut off when it sends no
    whole request within `ADMIN_REQUEST_TIME` of its first byte (a *slowloris*), nothing at all within
    `IDLE_TIME`, or does not take its answer within that time.

    When all places are taken, one that is not being answered makes room: of the address that has
    most of those, the one that has waited longest. So strangers that hold places hold them from one
    another, and the operator gets in. Where every place is at work the newcomer gets 503.

    What a client sends is read at `READ_RATE` at most, all its connections being equal: a flood of
    pings or of tiny requests waits in the kernel, not here. aiohttp stops and resumes reading, too, by what
    waits in its own queues; so it has the transport through `_PacedTransport`.

Bounds: `ADMIN_CONNECTIONS`, TLS handshakes under way included. What the admin server does is never worth a
call's audio: its descriptors and its memory end here.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable
from typing import cast

from aiohttp import web

from translink.errors import SettingsError

ADMIN_CONNECTIONS = 256
ADMIN_REQUEST_TIME = 10.0
"""Seconds for a whole request, its body included, and for a TLS handshake."""
IDLE_TIME = 75.0
"""Seconds between two requests, above the usual 60 s of proxies; also for reading an answer."""
SWEEP_SECONDS = 0.5
ACCEPT_BACKLOG = 1_024
"""Connections that wait in the kernel, without a descriptor of ours. One beyond would be dropped, and tried again
by its client after 1 s, 3 s, 7 s: 270 strangers at once had the operator wait so long."""
ACCEPTED_AT_ONCE = 16
"""Connections accepted before calls get their turn again."""
READ_RATE = 8_192.0
"""Bytes a second that one connection may send in the long run."""
READ_BURST = 131_072.0
"""Bytes that it may send at once: twice the largest body."""
READ_COST = 64.0
"""Bytes that each read counts for, however short."""
SHORTAGE_PAUSE = 0.5
"""Seconds until the next try when the process has no descriptor left."""

_FULL_ANSWER = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Connections:
    """Listens for a runner, within bounds."""

    def __init__(
        self,
        runner: web.AppRunner,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        most: int = ADMIN_CONNECTIONS,
    ) -> None:
        self.most = most
        self.refused = 0
        """Connections turned away because every place was at work."""
        self.cut_off = 0
        """Connections ended because they were slow, idle, or in the way."""
        self.seconds = 0.0
        """Time of the loop's thread spent on what clients sent."""
        self.on_sweep: Callable[[], None] = lambda: None
        """Called at every look for connections that have had their time."""
        self._runner = runner
        self._address = host, port
        self._tls = tls
        self._sockets: list[socket.socket] = []
        self._watches: set[_ConnectionWatch] = set()
        self._by_transport: dict[asyncio.Transport, _ConnectionWatch] = {}
        """Those whose handshake is over."""
        self._entering: dict[_ConnectionWatch, asyncio.Task[None]] = {}
        self._sweeping: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Open connections, and those whose handshake is under way."""
        return len(self._watches)

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Bind the address and accept connections. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        host, port = self._address
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        missing: OSError | None = None
        for family, _, _, _, address in dict.fromkeys(found):
            same = self._sockets[0].getsockname()[1] if port == 0 and self._sockets else port
            try:
                listening = _listen(family, str(address[0]), same)
            except OSError as error:
                # Of a name's addresses a container often has but one: ::1 stands in its hosts file only.
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                missing = error
                continue
            self._sockets.append(listening)
            loop.add_reader(listening.fileno(), self._accept, listening)
        if missing is not None and not self._sockets:
            raise missing
        self._sweeping = asyncio.create_task(self._sweep(), name="admin-connections")

    def move(self) -> None:
        """Listen on ports that are free instead, at the same hosts: another process gets ours. What is being
        answered goes on, streams too; connections that are kept alive for a next request are closed, so that
        it reaches the other process. Raises `OSError`, and nothing has changed then."""
        loop = asyncio.get_running_loop()
        before, moved = self._sockets, [_listening(old, 0) for old in self._sockets[:1]]
        try:
            port = moved[0].getsockname()[1]
            moved += [_listening(old, port) for old in before[1:]]
        except OSError:
            for each in moved:
                each.close()
            raise
        self._sockets = moved
        for watch in self._watches:
            watch.last_answer = True
        for old in before:
            loop.remove_reader(old.fileno())
            old.close()
        for new in moved:
            loop.add_reader(new.fileno(), self._accept, new)

    async def stop(self) -> None:
        """Listen no more. Idempotent."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        loop = asyncio.get_running_loop()
        sockets, self._sockets = self._sockets, []
        for listening in sockets:
            loop.remove_reader(listening.fileno())
            listening.close()
        for task in tuple(self._entering.values()):
            task.cancel()

    def begun(self, transport: asyncio.Transport | None) -> None:
        """A whole request came in over `transport` and is being answered."""
        if (watch := self._watch_of(transport)) is not None:
            watch.idle_since = watch.sending_since = None

    def ended(self, transport: asyncio.Transport | None) -> None:
        """Its answer is made."""
        if (watch := self._watch_of(transport)) is not None:
            watch.idle_since = time.monotonic()
            watch.sending_since = None

    def gone(self, transport: asyncio.Transport | None) -> asyncio.Event:
        """Set when the client has hung up."""
        watch = self._watch_of(transport)
        return watch.gone if watch is not None else _ALREADY_GONE

    def entered(self, watch: _ConnectionWatch, transport: asyncio.Transport) -> None:
        """A handshake is over."""
        self._by_transport[transport] = watch

    def left(self, watch: _ConnectionWatch) -> None:
        """A connection is over."""
        self._watches.discard(watch)
        if watch.transport is not None:
            self._by_transport.pop(watch.transport, None)

    def _watch_of(self, transport: asyncio.Transport | None) -> _ConnectionWatch | None:
        return None if transport is None else self._by_transport.get(transport)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                # No descriptor is left: the socket would be ready again at once, for ever.
                loop = asyncio.get_running_loop()
                loop.remove_reader(listening.fileno())
                loop.call_later(SHORTAGE_PAUSE, self._listen_again, listening)
                return
            accepted.setblocking(False)
            if len(self) >= self.most and not self._make_room():
                self._refuse(accepted)
                continue
            server = self._runner.server
            assert server is not None
            watch = _ConnectionWatch(self, server(), str(address[0]))
            self._watches.add(watch)
            task = asyncio.create_task(self._enter(watch, accepted), name="admin-handshake")
            self._entering[watch] = task

    def _listen_again(self, listening: socket.socket) -> None:
        if listening in self._sockets:
            asyncio.get_running_loop().add_reader(listening.fileno(), self._accept, listening)

    async def _enter(self, watch: _ConnectionWatch, accepted: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: watch,
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=ADMIN_REQUEST_TIME if self._tls else None,
            )
        except (OSError, asyncio.CancelledError):  # an `SSLError` is an `OSError`
            self.left(watch)
            accepted.close()
        finally:
            self._entering.pop(watch, None)

    def _refuse(self, accepted: socket.socket) -> None:
        self.refused += 1
        with contextlib.suppress(OSError):
            if self._tls is None:
                accepted.send(_FULL_ANSWER)
        accepted.close()

    def _make_room(self) -> bool:
        idle = [watch for watch in self._watches if watch.idle_since is not None]
        if not idle:
            return False
        held = Counter(watch.address for watch in idle)
        self._cut(min(idle, key=lambda watch: (-held[watch.address], watch.idle_since or 0.0)))
        return True

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.monotonic()
            for watch in [watch for watch in self._watches if watch.is_late(now)]:
                self._cut(watch)
            self.on_sweep()

    def _cut(self, watch: _ConnectionWatch) -> None:
        self.cut_off += 1
        self.left(watch)
        if (entering := self._entering.get(watch)) is not None and watch.transport is None:
            entering.cancel()
        elif watch.transport is not None:
            watch.transport.abort()


def _listen(family: int, host: str, port: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, port))
        listening.listen(ACCEPT_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _listening(like: socket.socket, port: int) -> socket.socket:
    return _listen(like.family, like.getsockname()[0], port)


_ALREADY_GONE = asyncio.Event()
_ALREADY_GONE.set()


class _PacedTransport:
    """A connection's transport as aiohttp has it: is read only while both want it, aiohttp and the watch."""

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        # By shape only: uvloop's transports are not asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._wanted = True
        self._held = False

    def __getattr__(self, name: str) -> object:
        found: object = getattr(self._transport, name)
        return found

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._wanted = False
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._wanted = True
        if not self._held:
            self._transport.resume_reading()

    def hold(self) -> None:
        """Nothing is read until `release`, whatever the protocol wants meanwhile."""
        self._held = True
        self._transport.pause_reading()

    def release(self) -> None:
        self._held = False
        if self._wanted and not self.is_closing():
            self._transport.resume_reading()


class _ConnectionWatch(asyncio.Protocol):
    """One connection: hands everything on to aiohttp's protocol and notes the times."""

    def __init__(self, connections: Connections, inner: web.RequestHandler, address: str) -> None:
        self.address = address
        self.transport: asyncio.Transport | None = None
        """None: the handshake is under way."""
        self.gone = asyncio.Event()
        self.idle_since: float | None = time.monotonic()
        """No request is being answered since then; None: one is."""
        self.sending_since: float | None = None
        """The first byte of a request that is not complete."""
        self.last_answer = False
        """There should be no other request."""
        self._connections = connections
        self._inner = inner
        self._paced: _PacedTransport | None = None
        self._credit = READ_BURST
        self._read_at = time.monotonic()

    def is_late(self, now: float) -> bool:
        """Has it had its time?"""
        if self.last_answer and self.idle_since is not None:
            return self.sending_since is None
        if self.sending_since is not None and now - self.sending_since > ADMIN_REQUEST_TIME:
            return True
        return self.idle_since is not None and now - self.idle_since > IDLE_TIME

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._paced = _PacedTransport(transport)
        self.transport = cast("asyncio.Transport", self._paced)
        self._connections.entered(self, self.transport)
        self._inner.connection_made(self.transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.gone.set()
        self._connections.left(self)
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if self.idle_since is not None and self.sending_since is None:
            self.sending_since = now
        self._credit = min(READ_BURST, self._credit + (now - self._read_at) * READ_RATE)
        self._credit -= max(READ_COST, len(data))
        self._read_at = now
        self._inner.data_received(data)
        self._connections.seconds += time.monotonic() - now
        if self._credit < 0 and self._paced is not None and not self._paced.is_closing():
            self._paced.hold()
            asyncio.get_running_loop().call_later(-self._credit / READ_RATE, self._paced.release)

    def eof_received(self) -> bool | None:
        self._inner.eof_received()
        return None

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


def address_refused(host: str, port: int, error: OSError) -> SettingsError:
    """What to tell of an address that cannot be listened on."""
    if error.errno == errno.EADDRINUSE:
        wrong = "is taken by another program; choose another, or 0 for any"
        return SettingsError(f"admin.port = {port}: {wrong}")
    if error.errno == errno.EACCES:
        return SettingsError(f"admin.port = {port}: is not ours to use; choose a port above 1023")
    return SettingsError(f"admin.host = {host!r}: {error.strerror}")
