"""A server of ours as a child process, so that its work never delays the caller's event loop.

The child says that it is ready with one line of JSON on standard output, and ends when its standard
input does: it reads a pipe that only the parent holds, so it never outlives the parent.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from translink.errors import TranslinkError
from translink.offline.engines.whisper import WHISPER_LOADS
from translink.process.child import ChildProcess
from translink.settings.secrets import without_secrets

_CHILD_READY = 90.0
"""Seconds a child may take to be ready; the first start ever makes the French dictionary."""
_STOP = 0.3
"""Seconds a child may take to end before it is killed; it has nothing to save, and to stop a
server must not wait for it."""
KEY_NAME = "TRANSLINK_OFFLINE_KEY"
"""Environment variable with the key that an offline server is to let in."""


class ServerChild:
    """Any program that keeps to the contract above. `start`, use `announced`, `stop`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path | None = None,
        environ: Mapping[str, str] | None = None,
        ready: float = _CHILD_READY,
    ) -> None:
        """Nothing is started yet. `ready`: seconds it may take to be. `log`: file for its standard error,
        None = ours. `environ`: for it alone, beside ours without the secrets."""
        seen = without_secrets(os.environ) | dict(environ or {})
        self._child = ChildProcess(command, environ=seen, log=log, piped=True)
        self._ready = ready
        self.announced: dict[str, object] = {}
        """What it said when it was ready."""
        self.url = ""
        """`http://127.0.0.1:port`, once started."""

    async def start(self) -> str:
        """Returns the URL when the server is ready. Raises `TranslinkError`. Once it has ended or was
        stopped, it may be started again."""
        self.announced = {}
        await self._child.start()
        try:
            async with asyncio.timeout(self._ready):
                line = await self._child.line()
            self.announced = orjson.loads(line)
        except (TimeoutError, orjson.JSONDecodeError) as error:
            await self.stop()
            raise TranslinkError(f"the offline server did not start{self._child.tail()}") from error
        except BaseException:
            await self.stop()
            raise
        self.url = str(self.announced["url"])
        return self.url

    @property
    def pid(self) -> int | None:
        """Of the child, for measuring it."""
        return self._child.pid

    async def ended(self) -> int:
        """Waits for its end, asked for or not; its exit code, -N after signal N."""
        return await self._child.wait()

    async def stop(self) -> None:
        """Ends it, by force after 0.3 s; at once if it is not ready yet. Idempotent."""
        await self._child.stop(_STOP if self.announced else 0.0)


class OfflineProcess(ServerChild):
    """The offline server with the real engines. Started again, it listens where it did before and
    lets in the same key, so that nothing changes for its clients."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        phrasebook: Path | None = None,
        recognizers: int | None = None,
        whisper: str | None = None,
    ) -> None:
        """As for `start_offline`. Nothing is started yet."""
        self.key = secrets.token_urlsafe(24)
        """The only key that this server lets in."""
        command = [sys.executable, "-m", "translink.offline", "--json", "--until-eof"]
        command += ["--host", host]
        if phrasebook is not None:
            command += ["--phrasebook", str(phrasebook)]
        if recognizers is not None:
            command += ["--recognizers", str(recognizers)]
        if whisper is not None:
            command += ["--whisper", whisper]
        # Not on the command line, which everybody on this machine can read.
        ready = _CHILD_READY if whisper is None else WHISPER_LOADS
        super().__init__(command, environ={KEY_NAME: self.key}, ready=ready)
        self._plain = self._child.command
        self._port = port

    async def start(self) -> str:
        """As `ServerChild.start`."""
        self._child.command = (*self._plain, "--port", str(self._port))
        url = await super().start()
        self._port = urlsplit(url).port or self._port
        return url

    @property
    def missing(self) -> list[str]:
        """What could not be started, with the command that installs it."""
        found = self.announced["missing"]
        return [str(part) for part in found] if isinstance(found, list) else []
