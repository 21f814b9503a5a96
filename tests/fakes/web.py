"""A scripted HTTP server: aiohttp for well-formed answers, a bare socket for broken ones."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Seen:
    """One request as the server saw it."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeWeb:
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    peers: set[str] = field(default_factory=set)
    """Remote addresses: one for each connection."""


@contextlib.asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Serve it on a free loopback port. Yields the URL."""
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def fake_web(handler: Handler) -> AsyncIterator[FakeWeb]:
    """Serve every path by `handler` on a free loopback port."""
    fake = FakeWeb()

    async def remember(request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        fake.peers.add(str(transport.get_extra_info("peername")))
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        fake.seen.append(
            Seen(request.method, request.path, list(request.query.items()), headers, body)
        )
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", remember)
    async with served(app) as fake.url:
        yield fake


Dialogue = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def raw_server(dialogue: Dialogue) -> AsyncIterator[str]:
    """Serve bytes: `dialogue` talks on each connection, which then is closed. Yields the URL."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await dialogue(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """One HTTP request, body included when it has a Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return head + await reader.readexactly(int(value))
    return head
