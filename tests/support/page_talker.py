"""One side of a talk, without a browser."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from translink._core import BeaconDecoder, beacon_encode


class PageTalker:
    """What a page would send, word for word, and what it would hear."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self._decoder = BeaconDecoder()

    @contextlib.asynccontextmanager
    async def at(self, link: str, language: str) -> AsyncIterator[ClientConnection]:
        place, token = link.split("/talk#")
        url = f"{place.replace('http', 'ws')}/api/talks/audio?language={language}"
        protocols = [Subprotocol("translink.talk"), Subprotocol(f"talk.{token}")]
        async with connect(url, subprotocols=protocols) as line:
            listening = asyncio.create_task(self._listen(line))
            yield line
            listening.cancel()

    async def say(self, line: ClientConnection, *words: int) -> None:
        pcm = bytes(32_000) + b"".join(beacon_encode(word) for word in words) + bytes(64_000)
        for start in range(0, len(pcm), 640):
            await line.send(pcm[start : start + 640])
            await asyncio.sleep(0.02)

    async def _listen(self, line: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in line:
                if isinstance(message, bytes):
                    self.heard += [number for number, _, _ in self._decoder.push(message)]
