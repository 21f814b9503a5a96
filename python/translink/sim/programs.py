"""The two programs under a simulation, each a process of its own: the beacon server that stands for
all providers, and `translink serve`, which is what is tested.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import aiohttp
import orjson

from translink.callers.server_process import ServerUsage, free_port, usage_of
from translink.errors import TranslinkError

_START = 30.0
"""Seconds a program may take until it is ready."""
_STOP = 20.0
PROGRAM = "TRANSLINK_SIM_PROGRAM"
"""Environment variable: a module to run as `python -m <module> --config …` instead of `translink
serve`.
"""
_HIDDEN = ("TRANSLINK_", "DEEPGRAM_", "DEEPL_", "USE_DEEPGRAM_")
"""Settings of the user that must not reach the program under test: it is to talk to no real
service.
"""


class SimError(TranslinkError):
    """The simulation could not be run; says which program failed and what it said last."""


@dataclass(frozen=True, slots=True)
class LegPorts:
    """One simulated caller's extension."""

    name: str
    language: str
    listen: int
    play_to: int
    ledger_seconds: float = 60.0


class Programs:
    """Both, from start to end: `async with Programs(…) as programs`."""

    def __init__(
        self,
        legs: Sequence[LegPorts],
        *,
        seed: int,
        mode: str = "auto",
        extra: str = "",
        delays: str = "",
    ) -> None:
        """`extra`: more TOML for the settings file (tables only); `delays`: fixed ones of the
        providers (`translink.sim.testbed.fixed_delays`).
        """
        self.http: aiohttp.ClientSession
        self.offline_url = ""
        self.serve_url = ""
        self._legs = legs
        self._seed = seed
        self._mode = mode
        self._extra = extra
        self._delays = [delays] if delays else []
        self._folder = tempfile.TemporaryDirectory(prefix="translink-sim-")
        self._offline: asyncio.subprocess.Process | None = None
        self._serve: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Programs:
        self.http = aiohttp.ClientSession()
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._end()

    async def stats(self) -> dict[str, object]:
        """`/api/stats` of the program under test."""
        return await self.get(f"{self.serve_url}/api/stats")

    async def record(self) -> dict[str, object]:
        """`/faults` of the beacon server."""
        return await self.get(f"{self.offline_url}/faults")

    async def order(self, **order: object) -> dict[str, object]:
        """POST to `/faults`."""
        return await self.post(f"{self.offline_url}/faults", order)

    async def get(self, url: str) -> dict[str, object]:
        """A JSON object."""
        async with self.http.get(url) as answer:
            return await _object(answer)

    async def post(self, url: str, body: dict[str, object]) -> dict[str, object]:
        """A JSON object for another."""
        async with self.http.post(url, json=body) as answer:
            return await _object(answer)

    def usage(self) -> ServerUsage:
        """Of the program under test."""
        if self._serve is None:
            raise SimError("translink serve is not running")
        return usage_of(self._serve.pid)

    @property
    def pids(self) -> tuple[int, int]:
        """Of the program under test and of the beacon server."""
        if self._serve is None or self._offline is None:
            raise SimError("the programs are not running")
        return self._serve.pid, self._offline.pid

    @property
    def log_file(self) -> Path:
        """Where the program under test writes its log; gone at the end."""
        return Path(self._folder.name) / "serve.log"

    def log(self) -> str:
        """What the program under test wrote so far."""
        path = self.log_file
        return path.read_text(errors="replace") if path.exists() else ""

    async def _start(self) -> None:
        here = Path(self._folder.name)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(_HIDDEN)}
        if os.environ.get(PROGRAM):
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, (os.getcwd(), *sys.path)))
        with (here / "offline.log").open("wb") as log:
            self._offline = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "translink.sim.testbed", str(self._seed), *self._delays,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
                cwd=here, env=environment,
            )  # fmt: skip
        if self._offline.stdout is None:
            raise SimError("the beacon server has no output")
        with contextlib.suppress(TimeoutError):
            line = await asyncio.wait_for(self._offline.stdout.readline(), _START)
            self.offline_url = str(orjson.loads(line)["url"]) if line else ""
        if not self.offline_url:
            told = (here / "offline.log").read_text(errors="replace")
            raise SimError(f"the beacon server did not start: {told[-2000:]}")
        port = free_port(socket.SOCK_STREAM)
        self.serve_url = f"http://127.0.0.1:{port}"
        config = here / "translink.toml"
        config.write_text(
            settings_file(
                self._legs, url=self.offline_url, port=port, mode=self._mode, extra=self._extra
            )
        )
        with (here / "serve.log").open("wb") as log:
            self._serve = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *_program(), "--config", str(config),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=here, env=environment,
            )  # fmt: skip
        await self._until_ready(self._serve)

    async def _until_ready(self, serve: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START):
                while serve.returncode is None:
                    with contextlib.suppress(aiohttp.ClientError, SimError):
                        await self.get(f"{self.serve_url}/ready")
                        return
                    await asyncio.sleep(0.1)
        raise SimError(f"translink serve did not get ready: {self.log()[-3000:]}")

    async def _end(self) -> None:
        try:
            if self._serve is not None:
                await _stopped(self._serve)
            if self._offline is not None:
                if self._offline.stdin is not None:
                    self._offline.stdin.close()
                await _stopped(self._offline)
        finally:
            await self.http.close()
            self._folder.cleanup()


def settings_file(
    legs: Sequence[LegPorts], *, url: str, port: int, mode: str, extra: str = ""
) -> str:
    """translink.toml for the program under test. The second in line are the same beacons under
    another key: no fault touches them.
    """
    lines = [
        f'mode = "{mode}"',
        "idle_timeout = 120",
        f'[admin]\nhost = "127.0.0.1"\nport = {port}',
        f'[deepgram]\napi_key = "sim-first"\nbase_url = "{url}"',
        f'[deepl]\napi_key = "sim-first"\nserver_url = "{url}"',
        f'[[fallback.deepl]]\napi_key = "sim-backup"\nserver_url = "{url}"',
        f'[[fallback.deepgram]]\napi_key = "sim-backup"\nbase_url = "{url}"',
    ]
    lines += [
        f'[[legs]]\nname = "{leg.name}"\nlanguage = "{leg.language}"\n'
        f'listen = "127.0.0.1:{leg.listen}"\nplay_to = "127.0.0.1:{leg.play_to}"\n'
        f"ledger_seconds = {leg.ledger_seconds}"
        for leg in legs
    ]
    return "\n".join([*lines, extra, ""])


def _program() -> list[str]:
    other = os.environ.get(PROGRAM)
    return [other] if other else ["translink", "serve"]


async def _stopped(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _STOP)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _object(answer: aiohttp.ClientResponse) -> dict[str, object]:
    value = orjson.loads(await answer.read() or b"null")
    if answer.status >= 400 or not isinstance(value, dict):
        raise SimError(f"{answer.url.path} answered {answer.status}: {value}")
    return value
