"""The parent's side of one engine in a process of its own: what it is sent, what it answers, how it
ends.

`parent_pipe` is the child's side and says how they speak. The child ends with its standard input, and its
command line names nothing but the module.
"""

from __future__ import annotations

import asyncio
import struct
import sys

from translink.offline.engines.protocols import EngineFailed
from translink.process.child import end

_DRAINED = 20.0
"""Seconds that a child which lags too far behind may take to come nearer."""
LARGEST_MESSAGE = 1 << 26
"""Bytes (64 MB): more is nothing that an engine says, but a pipe that something else wrote into."""


class EngineProcess:
    """One process of a module of this package. Dead after its first failure: make another one."""

    def __init__(self, module: str, *, backlog: int = 1 << 20) -> None:
        """`module`: of this package. `backlog`: bytes that the child may lag behind; then the sender
        waits."""
        self._module = f"translink.offline.engines.{module}"
        self._backlog = backlog
        self._process: asyncio.subprocess.Process | None = None

    @property
    def alive(self) -> bool:
        """Whether it may still be asked."""
        return self._process is not None and self._process.returncode is None

    async def begin(self, config: bytes, within: float) -> bytes:
        """Start it, hand it its configuration (`C`), and wait up to `within` seconds for its answer.
        Raises `EngineFailed`."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await self.send(b"C", config)
        return await self.receive(within)

    async def send(self, letter: bytes, payload: bytes) -> None:
        """Waits when the child lags too far behind: it slows its own user, nobody else. Raises
        `EngineFailed`."""
        process = self._process
        if process is None or process.stdin is None:
            raise EngineFailed("the engine is gone")
        try:
            process.stdin.write(struct.pack("<cI", letter, len(payload)) + payload)
            if process.stdin.transport.get_write_buffer_size() > self._backlog:
                async with asyncio.timeout(_DRAINED):
                    await process.stdin.drain()
        except (OSError, TimeoutError) as error:
            await self.stop()
            raise EngineFailed("the engine died") from error

    async def receive(self, within: float) -> bytes:
        """The next answer. A child that takes longer than `within` seconds, dies, or whose answer is
        awaited no more (cancelled) is killed. Raises `EngineFailed`."""
        process = self._process
        if process is None or process.stdout is None:
            raise EngineFailed("the engine is gone")
        try:
            async with asyncio.timeout(within):
                (length,) = struct.unpack("<I", await process.stdout.readexactly(4))
                if length > LARGEST_MESSAGE:
                    raise OSError("no answer")
                return await process.stdout.readexactly(length)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            await self.stop()
            raise EngineFailed("the engine died") from error
        except BaseException:
            await self.stop()  # a question cancelled half-way leaves an answer that nobody awaits
            raise

    async def stop(self) -> None:
        """Kill it. Idempotent."""
        process, self._process = self._process, None
        if process is not None:
            await end(process)
