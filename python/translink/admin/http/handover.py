"""A WebSocket leaves aiohttp: its connection becomes somebody else's, from the first message on.

The handshake is aiohttp's, and so are the guard's rules before it. Reading is stopped before the answer goes
out, so that not a byte of a message is read here. Without TLS the descriptor is handed over and nothing of
ours runs for the connection any more. TLS is Python's: there the bytes go through here, to and from a pair of
sockets, by plain callbacks, no task per message; what the other side does not take is not read. The same way
they are passed on where another process has the call (`pass_on`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from typing import cast

from aiohttp import web

RELAY_BUFFER = 16_384
"""Bytes that wait for a page behind TLS: 0.5 s of 16 kHz."""
LEAVING_TIME = 2.0
"""Seconds for the answer to leave."""
UNACKNOWLEDGED = 10_000
"""Milliseconds without an acknowledgement after which a connection is over, as at every leg's."""


async def hand_over(
    request: web.Request, response: web.WebSocketResponse, take: Callable[[int], None]
) -> None:
    """Answer, then give the connection's descriptor to `take`, which copies it. Over TLS this returns
    when the connection is over. Raises what `take` raises, `ConnectionResetError`, and aiohttp's refusals."""
    async with _answered(request, response) as transport:
        if transport.get_extra_info("ssl_object") is not None:
            await _relay(transport, take)
        else:
            descriptor = os.dup(transport.get_extra_info("socket").fileno())
            with contextlib.closing(socket.socket(fileno=descriptor)):
                take(descriptor)


async def pass_on(
    request: web.Request, response: web.WebSocketResponse, wire: asyncio.Transport, first: bytes
) -> None:
    """Answer, then hand every byte on between the connection and `wire`, where a WebSocket without extensions
    is open, until one of the two is over. `wire` is not read yet; `first`: what came over it before. It is
    closed in the end. Raises `ConnectionResetError`, and aiohttp's refusals."""
    inner = _Half()
    try:
        async with _answered(request, response) as transport:
            if wire.is_closing():
                raise ConnectionResetError
            outer = _opposite(inner, transport)
            inner.connection_made(wire)
            wire.set_protocol(inner)
            inner.data_received(first)
            wire.resume_reading()
            transport.resume_reading()
            await _until_over(inner, outer)
    finally:
        wire.close()


@contextlib.asynccontextmanager
async def _answered(
    request: web.Request, response: web.WebSocketResponse
) -> AsyncIterator[asyncio.Transport]:
    """Its transport, the handshake done and nothing read behind it."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError
    transport.pause_reading()
    line: socket.socket | None = transport.get_extra_info("socket")
    if line is not None:
        # The engine sets these on what it gets, which over TLS and at a face is another socket than the client's.
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, UNACKNOWLEDGED // 1_000)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, UNACKNOWLEDGED // 2_000)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    await response.prepare(request)
    async with asyncio.timeout(LEAVING_TIME):
        while transport.get_write_buffer_size():  # noqa: ASYNC110 - a transport has no event for it
            await asyncio.sleep(0)
    try:
        yield transport
    finally:
        # Of ours; a connection that was handed over lives on in its copy.
        transport.abort()


async def _relay(transport: asyncio.Transport, take: Callable[[int], None]) -> None:
    near, far = socket.socketpair()
    with contextlib.closing(far):
        near.setblocking(False)
        far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, RELAY_BUFFER)
        inner = _Half()
        await asyncio.get_running_loop().create_unix_connection(lambda: inner, sock=near)
        outer = _opposite(inner, transport)
        try:
            take(far.fileno())
            transport.resume_reading()
        except BaseException:
            inner.close()
            raise
    await _until_over(inner, outer)


def _opposite(inner: _Half, transport: asyncio.Transport) -> _Half:
    """The client's end of the relay."""
    outer = _Half()
    inner.other, outer.other = outer, inner
    # The counter of connections learns of its end, too.
    outer.before = transport.get_protocol()
    outer.connection_made(transport)
    transport.set_protocol(outer)
    return outer


async def _until_over(inner: _Half, outer: _Half) -> None:
    try:
        await asyncio.wait({inner.over, outer.over}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        inner.close()
        outer.close()


class _Half(asyncio.Protocol):
    """One end of the relay: hands on what comes, as fast as the other end takes it."""

    def __init__(self) -> None:
        self.other: _Half = self
        self.before: asyncio.BaseProtocol | None = None
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    def close(self) -> None:
        """Say what is written, and no more. Idempotent."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not asyncio's
        self._transport.set_write_buffer_limits(RELAY_BUFFER)

    def connection_lost(self, exc: BaseException | None) -> None:
        if not self.over.done():
            self.over.set_result(None)
        if self.before is not None:
            before, self.before = self.before, None
            before.connection_lost(exc if isinstance(exc, Exception) else None)

    def data_received(self, data: bytes) -> None:
        other = self.other._transport
        if other is not None and not other.is_closing():
            other.write(data)

    def eof_received(self) -> bool | None:
        return None

    def pause_writing(self) -> None:
        if (other := self.other._transport) is not None and not other.is_closing():
            other.pause_reading()

    def resume_writing(self) -> None:
        if (other := self.other._transport) is not None and not other.is_closing():
            other.resume_reading()
