"""A listening TCP socket, and a bounded number of connections that have not said yet what they want."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

import structlog

if TYPE_CHECKING:
    from translink.settings.types import Address

log = structlog.get_logger("translink")

UNKNOWN_CONNECTIONS = 64
"""That have not said what they want; more wait to be accepted."""
CONNECTION_BACKLOG = 128
SHORTAGE_SECONDS = 0.2
"""Until the next try where no descriptor is left."""

Greet = Callable[[socket.socket, str], Awaitable[None]]


class Acceptor:
    """Takes connections on one address; `greet` finds out what each wants."""

    def __init__(self, at: Address, greet: Greet, name: str) -> None:
        """Binds. `greet` gets the connection, which is closed when it returns, and its peer. Raises `OSError`."""
        family: Literal[socket.AddressFamily.AF_INET6, socket.AddressFamily.AF_INET] = (
            socket.AF_INET6 if ":" in at.host else socket.AF_INET
        )
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(at)
            self._socket.listen(CONNECTION_BACKLOG)
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        host, port = self._socket.getsockname()[:2]
        self.address: tuple[str, int] = (host, port)
        self._greet = greet
        self._name = name
        self._room = asyncio.Semaphore(UNKNOWN_CONNECTIONS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take connections."""
        self._accepting = asyncio.create_task(self._accept(), name=self._name)

    async def release(self) -> None:
        """Give the address up. Connections that are there stay. Idempotent."""
        accepting, self._accepting = self._accepting, None
        if accepting is not None:
            accepting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await accepting
        self._socket.close()

    async def close(self) -> None:
        """Stop taking connections; those that were taken stay."""
        for task in (*self._tasks, *([self._accepting] if self._accepting else [])):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._socket.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._room.acquire()
            try:
                connection, peer = await loop.sock_accept(self._socket)
            except OSError as error:
                self._room.release()
                log.warning("no connection can be taken", reason=str(error))
                await asyncio.sleep(SHORTAGE_SECONDS)
                continue
            connection.setblocking(False)
            task = asyncio.create_task(
                self._serve(connection, f"{peer[0]}:{peer[1]}"), name=f"{self._name}-greet"
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket, peer: str) -> None:
        try:
            with contextlib.closing(connection):
                await self._greet(connection, peer)
        finally:
            self._room.release()
