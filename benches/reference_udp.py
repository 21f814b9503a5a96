"""What the engine does, in 60 lines of asyncio: the oracle of tests, the rival in benchmarks.

It lacks kernel timestamps, drop counters, padding, silence and detection, and its clock waits for
every other callback of the loop. The bytes it makes of datagrams, and the datagrams it makes of
speech, are what the engine's must be.
"""

from __future__ import annotations

import asyncio
from typing import cast

FRAME = 640
TICK = 0.020


class ReferenceLeg(asyncio.DatagramProtocol):
    """One leg: datagrams of any length become `frames`, `play` paces speech to the ear."""

    def __init__(self, ear: tuple[str, int] | None = None) -> None:
        self.frames: list[bytes] = []
        self.datagrams_in = 0
        self.address = ("", 0)
        self._ear = ear
        self._carried = bytearray()
        self._speech = bytearray()
        self._clock: asyncio.TimerHandle | None = None

    @classmethod
    async def open(
        cls, listen: tuple[str, int], ear: tuple[str, int] | None = None
    ) -> ReferenceLeg:
        """Bind to `listen`."""
        loop = asyncio.get_running_loop()
        _, leg = await loop.create_datagram_endpoint(lambda: cls(ear), local_addr=listen)
        return leg

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.address = transport.get_extra_info("sockname")
        self.socket = transport.get_extra_info("socket")

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.datagrams_in += 1
        self._carried += data
        whole = len(self._carried) // FRAME * FRAME
        self.frames += [bytes(self._carried[at : at + FRAME]) for at in range(0, whole, FRAME)]
        del self._carried[:whole]

    def play(self, pcm: bytes) -> None:
        """Queue speech; the last frame is padded with silence."""
        self._speech += pcm + bytes(-len(pcm) % FRAME)
        if self._clock is None:
            self._tick(asyncio.get_running_loop().time())

    def close(self) -> None:
        """Stop and close."""
        if self._clock is not None:
            self._clock.cancel()
        self._transport.close()

    def _tick(self, due: float) -> None:
        self._clock = None
        if not self._speech:
            return
        self._transport.sendto(bytes(self._speech[:FRAME]), self._ear)
        del self._speech[:FRAME]
        self._clock = asyncio.get_running_loop().call_at(due + TICK, self._tick, due + TICK)
