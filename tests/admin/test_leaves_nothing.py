"""A request leaves nothing that only the garbage collector would free: a collection stops everything."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.support.console import ConsoleDesk
from tests.support.garbage import cycles
from translink.admin import AdminServer

PATHS = (
    *("/", "/talk", "/static/main.js", "/health", "/ready", "/metrics", "/openapi.json"),
    *("/api/session", "/api/stats", "/api/legs", "/api/legs/1", "/api/settings"),
    *("/api/calls", "/api/calls?state=all", "/api/calls?q=word", "/api/events/recent"),
    *("/api/calls/1-1", "/api/calls/1-1/transcript", "/api/calls/1-1/transcript?format=srt"),
    *("/api/calls/nobody", "/api/legs/nobody", "/api/calls?state=odd"),
)
"""Not one that does not exist: aiohttp makes a route for it that holds itself, ten objects in all."""


async def test_no_request_leaves_anything_to_the_garbage_collector() -> None:
    desk = ConsoleDesk()
    server = AdminServer(desk.console, port=0)
    await server.start()
    try:
        await desk.board.talk("1", 0.6)
        await _left_by(server, *PATHS)  # what is made once
        if await _left_by(server, *PATHS):
            left = {path: await _left_by(server, path) for path in PATHS}
            assert not any(left.values()), f"in cycles: {left}"
    finally:
        await desk.board.switchboard.close("test over")
        await server.close()


async def _left_by(server: AdminServer, *paths: str) -> Counter[str]:
    with cycles("translink.", "aiohttp.", "multidict.") as left:
        for path in paths:
            assert await _asked(server, path)
    return left


async def _asked(server: AdminServer, path: str) -> bytes:
    """The answer, over a connection of its own that is closed then."""
    port = int(server.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    writer.write(head.encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.01)  # the server's side ends, too
    return answer
