"""The other end of a connection of AudioSocket: a script of what Asterisk sends."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import uuid
from collections.abc import Awaitable, Callable

from translink._core import BeaconDecoder, Resampler, beacon_encode

KINDS = {8_000: 0x10, 16_000: 0x12}


class AsteriskEnd:
    """Asterisk's end of a connection: talks at a rate, in messages of 20 ms."""

    def __init__(self, port: int, rate: int) -> None:
        self.heard: list[int] = []
        self.kinds: set[int] = set()
        self.ended = asyncio.Event()
        self._port = port
        self._rate = rate
        self._decoder = BeaconDecoder()
        self._resampler = Resampler(rate, 16_000)

    async def begin(self, name: str) -> AsteriskEnd:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(b"\x01\x00\x10" + uuid.UUID(name).bytes)
        self._listening = asyncio.create_task(self._listen())
        return self

    async def say(self, *words: int) -> None:
        pcm = bytes(self._rate // 5) + b"".join(beacon_encode(w, rate=self._rate) for w in words)
        pcm += bytes(2 * self._rate)
        size = self._rate // 25
        for start in range(0, len(pcm), size):
            chunk = pcm[start : start + size]
            message = struct.pack("!BH", KINDS[self._rate], len(chunk)) + chunk
            self._writer.write(message)
            await asyncio.sleep(0.02)

    def press(self, key: str) -> None:
        """As Asterisk tells of a key."""
        self._writer.write(b"\x03\x00\x01" + key.encode())

    def has_heard(self) -> bool:
        return bool(self.heard)

    def hang_up(self) -> None:
        self._writer.write(bytes(3))

    async def close(self) -> None:
        self._listening.cancel()
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _listen(self) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                kind, length = struct.unpack("!BH", await self._reader.readexactly(3))
                body = await self._reader.readexactly(length)
                if kind == 0:
                    break
                assert length, "no audio ends Asterisk's channel"
                self.kinds.add(kind)
                pcm = self._resampler.push(body)
                self.heard += [number for number, _, _ in self._decoder.push(pcm)]
        self.ended.set()


Phone = Callable[[int, str], Awaitable[AsteriskEnd]]
