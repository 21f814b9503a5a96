"""The parent's side of one `decoder` process: what it is sent, what it answers, how it ends."""

from __future__ import annotations

import asyncio
import struct
import sys

import orjson

from translink.offline.engines.protocols import EngineFailed
from translink.offline.engines.vad import RATE
from translink.process.child import end

_START = 60.0
"""Seconds a decoder may take to be ready; the first ever makes the French dictionary."""
_ANSWER = 20.0
"""Seconds a decoder may take to answer before it is taken for dead."""
_BACKLOG = 30 * RATE * 2
"""Bytes (30 s) a decoder may lag behind; then its stream waits."""


class DecoderProcess:
    """One process, for one stream or recording at a time."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    @property
    def alive(self) -> bool:
        """Whether it may still be asked."""
        return self._process is not None and self._process.returncode is None

    async def start(self, config: bytes) -> None:
        """Returns when it is ready to hear. Raises `EngineFailed`."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "translink.offline.engines.decoder",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await self.send(b"C", config)
        await self._receive(_START)

    async def send(self, letter: bytes, payload: bytes) -> None:
        """Waits when the decoder lags too far behind: it slows its stream, nobody else."""
        process = self._process
        if process is None or process.stdin is None:
            raise EngineFailed("the decoder is gone")
        try:
            process.stdin.write(struct.pack("<cI", letter, len(payload)) + payload)
            if process.stdin.transport.get_write_buffer_size() > _BACKLOG:
                async with asyncio.timeout(_ANSWER):
                    await process.stdin.drain()
        except (OSError, TimeoutError) as error:
            await self.stop()
            raise EngineFailed("the decoder died") from error

    async def ask(self, letter: bytes) -> list[list[object]]:
        """A request that is answered with words."""
        async with self._lock:
            await self.send(letter, b"")
            answer = await self._receive(_ANSWER)
        return answer if isinstance(answer, list) else []

    async def stop(self) -> None:
        """Kill it. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            await end(process)

    async def _receive(self, limit: float) -> object:
        process = self._process
        if process is None or process.stdout is None:
            raise EngineFailed("the decoder is gone")
        try:
            async with asyncio.timeout(limit):
                (length,) = struct.unpack("<I", await process.stdout.readexactly(4))
                return orjson.loads(await process.stdout.readexactly(length))
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            await self.stop()
            raise EngineFailed("the decoder died") from error
        except BaseException:
            await self.stop()  # a question cancelled half-way leaves an answer that nobody awaits
            raise
