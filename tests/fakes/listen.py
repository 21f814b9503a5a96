"""A scripted `/v1/listen`: plays what a test tells it to, remembers what it was sent."""

from __future__ import annotations

import asyncio
import contextlib
import http
from collections.abc import AsyncIterator, Awaitable, Callable

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Script = Callable[["Peer"], Awaitable[None]]


class Gone(Exception):
    """The client has gone, and what a script waits for will never come."""


class Peer:
    """One connection, seen from the server."""

    def __init__(self, websocket: ServerConnection) -> None:
        self.websocket = websocket
        self.received: list[str | bytes] = []
        self._over = False
        self._news = asyncio.Condition()

    @property
    def texts(self) -> list[str]:
        return [m for m in self.received if isinstance(m, str)]

    @property
    def audio(self) -> bytes:
        return b"".join(m for m in self.received if isinstance(m, bytes))

    async def read(self) -> None:
        """Take everything the client sends until it is gone."""
        with contextlib.suppress(ConnectionClosed):
            async for message in self.websocket:
                async with self._news:
                    self.received.append(message)
                    self._news.notify_all()
        async with self._news:
            self._over = True
            self._news.notify_all()

    async def until(self, condition: Callable[[Peer], bool]) -> None:
        """Wait until what was received satisfies `condition`; raises `Gone` if it never will. A
        script that waited on would hold its server, and the test, for ever."""
        async with self._news:
            await self._news.wait_for(lambda: self._over or condition(self))
        if not condition(self):
            raise Gone


class FakeListen:
    """The server. `url` for the client; `peers` in order of connection."""

    def __init__(self) -> None:
        self.url = ""
        self.peers: list[Peer] = []
        self.requests: list[Request] = []
        self.connected = asyncio.Event()
        """Set by the first connection."""


@contextlib.asynccontextmanager
async def fake_listen(
    script: Script | None = None,
    *,
    refuse: Callable[[Request], Response | None] | None = None,
    read: bool = True,
    **options: object,
) -> AsyncIterator[FakeListen]:
    """Serve on a free loopback port. Each connection runs `script`, then is held until its end.

    Args:
        refuse: answers a handshake with a plain HTTP response.
        read: False: nothing the client sends is ever read.
    """
    fake = FakeListen()

    async def handler(websocket: ServerConnection) -> None:
        peer = Peer(websocket)
        fake.peers.append(peer)
        fake.connected.set()
        reader = asyncio.create_task(peer.read()) if read else None
        try:
            with contextlib.suppress(ConnectionClosed, Gone):
                if script is not None:
                    await script(peer)
                await websocket.wait_closed()
        finally:
            if reader is not None:
                reader.cancel()

    def request(websocket: ServerConnection, request: Request) -> Response | None:
        fake.requests.append(request)
        return refuse(request) if refuse is not None else None

    def answer(websocket: ServerConnection, request: Request, response: Response) -> None:
        response.headers.setdefault("dg-request-id", "req-1")

    server: Server
    async with serve(
        handler,
        "127.0.0.1",
        0,
        process_request=request,
        process_response=answer,
        close_timeout=0.5,
        **options,  # type: ignore[arg-type]
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        fake.url = f"http://127.0.0.1:{port}"
        yield fake
        for peer in fake.peers:
            peer.websocket.transport.abort()


def plain(status: int, headers: dict[str, str], body: bytes) -> Response:
    """An HTTP response for `refuse`."""
    every = Headers(headers)
    every["Content-Length"] = str(len(body))
    every["Connection"] = "close"
    return Response(status, http.HTTPStatus(status).phrase, every, body)
