"""One WebSocket to every node, kept up: what a dashboard or a listener of events has behind the face.

Nothing is queued here: what a client does not take is not read from the nodes, whose own bounds hold then. Each
node has a task of its own, so that none waits for another.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import WSCloseCode

from translink.face.peers import AdminPeer, Peers

ROSTER_LOOK = 0.5
"""Seconds between two looks for nodes that came or went."""
REACH_PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0)
"""Seconds before the first, second, … attempt in a row to reach a node again."""


class ViewerGone(Exception):
    """Raised by `take`, `lose` and `behind`: nobody is left for whom the nodes are followed. Its text, if any, is
    why they were cut off."""


class Fan:
    """Runs as long as `run` does."""

    def __init__(
        self,
        peers: Peers,
        path: str,
        take: Callable[[str, str], Awaitable[None]],
        lose: Callable[[str], Awaitable[None]],
        behind: Callable[[str], None] = lambda node: None,
    ) -> None:
        """`take(node, text)` gets each message of a node, and is waited for before its next one;
        `lose(node)` is called when a connection that was there has ended. `behind(node)`: the node ended it,
        since its messages were taken too slowly; some are lost."""
        self._peers = peers
        self._path = path
        self._take = take
        self._lose = lose
        self._behind = behind
        self._asked = ""
        self._open: dict[AdminPeer, aiohttp.ClientWebSocketResponse] = {}

    async def ask(self, text: str) -> None:
        """Say this to every node, now and whenever one is connected."""
        self._asked = text
        for socket in tuple(self._open.values()):
            with contextlib.suppress(OSError, TimeoutError, aiohttp.ClientError):
                async with asyncio.timeout(1.0):
                    await socket.send_str(text)

    async def run(self) -> None:
        """Until cancelled. Raises `ViewerGone`."""
        tasks: dict[AdminPeer, asyncio.Task[None]] = {}
        try:
            while True:
                peers = set(self._peers.known().values())
                for peer in peers - tasks.keys():
                    if peer.url:
                        tasks[peer] = asyncio.create_task(
                            self._follow(peer), name=f"fan-{peer.name}"
                        )
                for peer in tasks.keys() - peers:
                    tasks.pop(peer).cancel()
                    await self._closed(peer)
                if not tasks:
                    await asyncio.sleep(ROSTER_LOOK)
                    continue
                done, _ = await asyncio.wait(
                    tasks.values(), timeout=ROSTER_LOOK, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    await task  # it never returns
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _follow(self, peer: AdminPeer) -> None:
        tries = 0
        while True:
            with contextlib.suppress(OSError, TimeoutError, aiohttp.ClientError):
                async with self._peers.connect(peer, self._path) as socket:
                    self._open[peer] = socket
                    tries = 0
                    if self._asked:
                        await socket.send_str(self._asked)
                    async for message in socket:
                        if message.type is aiohttp.WSMsgType.TEXT:
                            await self._take(peer.name, message.data)
                    if socket.close_code == WSCloseCode.TRY_AGAIN_LATER:
                        self._behind(peer.name)
            await self._closed(peer)
            await asyncio.sleep(REACH_PAUSES[min(tries, len(REACH_PAUSES) - 1)])
            tries += 1

    async def _closed(self, peer: AdminPeer) -> None:
        if self._open.pop(peer, None) is not None:
            await self._lose(peer.name)
