"""The two programs under a simulation, each a process of its own: the beacon server that stands for
all providers, and `translink serve`, which is what is tested.
"""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict

import aiohttp
import orjson

from translink.callers.server_process import (
    SERVE_COMMAND,
    LegPlan,
    ServerProcess,
    ServerResources,
    resources_of,
)
from translink.errors import TranslinkError
from translink.offline.child import ServerChild

PROGRAM = "TRANSLINK_SIM_PROGRAM"
"""Environment variable: a module to run as `python -m <module> --config …` instead of `translink
serve`.
"""


SECOND_VENDOR = """listen = ["deepgram", "openai"]
translate = ["deepl", "openai"]
speak = ["deepgram", "openai"]
"""
"""Orders of the settings."""


class SimError(TranslinkError):
    """The simulation could not be run; says what a program answered."""


@dataclass(frozen=True, slots=True)
class RunCertificates:
    """Of a CA made for the run."""

    server: Path
    """Certificate and key of 127.0.0.1."""
    authority: Path
    """The CA's certificate."""


class Programs:
    """Both, from start to end: `async with Programs(…) as programs`."""

    def __init__(
        self,
        legs: Sequence[LegPlan],
        *,
        seed: int,
        mode: str = "auto",
        extra: str = "",
        delays: str = "",
        providers: Sequence[str] | None = None,
        second_vendor: bool = False,
        flags: Sequence[str] = (),
        certificates: RunCertificates | None = None,
    ) -> None:
        """`extra`: more TOML for the settings file (tables only); `delays`: fixed ones of the
        providers (`translink.sim.testbed.fixed_delays`); `providers`: another program that stands
        for them all; `second_vendor`: the beacons are in line again, by OpenAI's protocol; `flags`:
        more of `translink serve`; `certificates`: all providers by HTTPS and WSS.
        """
        self.http: aiohttp.ClientSession
        self.server: ServerProcess
        self._legs = legs
        self._mode = mode
        self._extra = extra
        self._second_vendor = second_vendor
        self._stack = AsyncExitStack()
        self._folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="translink-sim-")))
        command = [sys.executable, "-m", "translink.sim.testbed", str(seed)]
        command += [delays]
        command += [str(certificates.server)] if certificates else []
        command = list(providers or command)
        self._flags = tuple(flags)
        self._certificates = certificates
        self.beacons = ServerChild(command, log=self._folder / "offline.log")

    async def __aenter__(self) -> Programs:
        try:
            trusted = self._certificates and self._certificates.authority
            tls = ssl.create_default_context(cafile=trusted) if trusted else True
            connector = aiohttp.TCPConnector(ssl=tls)
            self.http = await self._stack.enter_async_context(
                aiohttp.ClientSession(connector=connector)
            )
            self._stack.push_async_callback(self.beacons.stop)
            await self.beacons.start()
            self.server = ServerProcess(
                self._legs,
                folder=self._folder,
                log=self.log_file,
                extra=beacon_settings(
                    self.beacons.url, self._mode, second_vendor=self._second_vendor
                )
                + self._extra,
                **_program(self._flags, {"SSL_CERT_FILE": str(trusted)} if trusted else {}),
            )
            await self._stack.enter_async_context(self.server)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def serve_url(self) -> str:
        """Of the program under test: its admin server."""
        return self.server.url

    async def stats(self) -> dict[str, object]:
        """`/api/stats` of the program under test."""
        return await self.get(f"{self.serve_url}/api/stats")

    async def observed(self) -> dict[str, object]:
        """`/faults` of the beacon server."""
        return await self.get(f"{self.beacons.url}/faults")

    async def order(self, **order: object) -> dict[str, object]:
        """POST an order to `/faults` of the beacon server."""
        return await self.post(f"{self.beacons.url}/faults", order)

    async def get(self, url: str) -> dict[str, object]:
        """GET a JSON object from any of the programs."""
        async with self.http.get(url) as answer:
            return await _object(answer)

    async def post(self, url: str, body: dict[str, object]) -> dict[str, object]:
        """A JSON object for another."""
        async with self.http.post(url, json=body) as answer:
            return await _object(answer)

    def resources(self) -> ServerResources:
        """Of the program under test."""
        return resources_of(self.server.pid)

    @property
    def pids(self) -> tuple[int, int]:
        """Of the program under test and of the beacon server."""
        if self.beacons.pid is None:
            raise SimError("the programs are not running")
        return self.server.pid, self.beacons.pid

    @property
    def log_file(self) -> Path:
        """Where the program under test writes its log; gone at the end."""
        return self._folder / "serve.log"

    def log(self) -> str:
        """What the program under test wrote so far."""
        path = self.log_file
        return path.read_text(errors="replace") if path.exists() else ""


def beacon_settings(url: str, mode: str, *, second_vendor: bool = False) -> str:
    """The beginning of a translink.toml whose providers are the beacons at `url`. The second in
    line are the same beacons under another key: no fault touches them.

    Beacons do not survive to be said faster, and the even beat in which they are said on both legs
    looks like an echo: so neither is done. Between two beacons is a pause that words of speech do not
    have: nothing is asked for early.
    """
    order = SECOND_VENDOR if second_vendor else ""
    return f"""mode = "{mode}"
idle_timeout = 120
{order}[lag]
fastest = 1.0
[echo]
guard = false
[deepgram]
api_key = "sim-first"
base_url = "{url}"
early_finalize = 0
finalize_flowing = 0
[deepl]
api_key = "sim-first"
server_url = "{url}"
[openai]
base_url = "{url}"
api_key = "sim-second"
voices = {{ en = "beacon-en", fr = "beacon-fr" }}
[[fallback.deepl]]
api_key = "sim-backup"
server_url = "{url}"
[[fallback.deepgram]]
api_key = "sim-backup"
base_url = "{url}"
"""


class _Program(TypedDict, total=False):
    command: Sequence[str]
    environ: dict[str, str]


def _program(flags: Sequence[str], environ: dict[str, str]) -> _Program:
    module = os.environ.get(PROGRAM)
    if not module:
        return {"command": (*SERVE_COMMAND, *flags), "environ": environ}
    path = os.pathsep.join(filter(None, (os.getcwd(), *sys.path)))
    return {
        "command": (sys.executable, "-m", module, *flags),
        "environ": environ | {"PYTHONPATH": path},
    }


async def _object(answer: aiohttp.ClientResponse) -> dict[str, object]:
    value = orjson.loads(await answer.read() or b"null")
    if answer.status >= 400 or not isinstance(value, dict):
        raise SimError(f"{answer.url.path} answered {answer.status}: {value}")
    return value
