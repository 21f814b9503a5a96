"""A `translink serve` of one's own: a process with its own settings, on free ports, with its log in
a file.

It sees neither the user's settings files nor their keys, unless `keys` is given, and lives in a
session of its own, so that a Ctrl-C in the terminal reaches it once, through us.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from translink.callers.ports import free_port
from translink.errors import TranslinkError
from translink.process.child import TAIL_LINES, ChildProcess
from translink.settings.secrets import without_secrets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

SERVE_COMMAND: Sequence[str] = (sys.executable, "-m", "translink", "serve")
KEYLESS_NAMES = "USE_DEEPGRAM_"
"""Beginning of the environment variables that settings are read from, and that hold no key."""


class ServerError(TranslinkError):
    """The server did not start or did not answer; the message has the last lines of its log."""


@dataclass(frozen=True, slots=True)
class LegPlan:
    """One leg of the server's settings."""

    name: str
    language: str
    listen: tuple[str, int]
    play_to: tuple[str, int]
    ledger_seconds: float | None = None
    """None = the server's default."""
    shared_from: int | None = None
    """`listen` is the shared port, to which it speaks from this port of loopback. None = it has one of its own."""


@dataclass(frozen=True, slots=True)
class ServerResources:
    """What a process has used so far."""

    cpu_seconds: float
    rss_bytes: int
    """The most it ever held (VmHWM)."""
    rss_now_bytes: int
    descriptors: int
    threads: int


class ServerProcess:
    """`translink serve`. Use as an async context manager: it is ready inside and gone after."""

    def __init__(
        self,
        legs: Sequence[LegPlan],
        *,
        folder: Path,
        log: Path,
        extra: str = "",
        keys: bool = False,
        command: Sequence[str] | None = None,
        environ: Mapping[str, str] | None = None,
        admin: int | None = None,
    ) -> None:
        """Args:
        legs: paired in order: the first with the second, and so on.
        folder: where its settings file is written and where it runs; must exist.
        log: file for its standard error and output.
        extra: more TOML; begins with top-level keys, if any.
        keys: hand on the keys in the environment, so that it uses the real services.
        command: the program, None = `SERVE_COMMAND`; `--config FILE` is appended.
        environ: more environment variables.
        admin: its admin port; None = one that is free.
        """
        self.admin = admin or free_port(socket.SOCK_STREAM)
        self._config = folder / "translink.toml"
        seen = dict(os.environ)
        if not keys:
            seen = {
                name: value
                for name, value in without_secrets(seen).items()
                if not name.startswith(KEYLESS_NAMES)
            }
        self._child = ChildProcess(
            (*(command or SERVE_COMMAND), "--config", str(self._config)),
            environ=seen | dict(environ or {}),
            log=log,
            folder=folder,
        )
        self._http: aiohttp.ClientSession | None = None
        self._config.write_text(settings_file(legs, self.admin, extra), encoding="utf-8")

    @property
    def url(self) -> str:
        """Of the admin server."""
        return f"http://127.0.0.1:{self.admin}"

    @property
    def pid(self) -> int:
        """Of the server's main process."""
        assert self._child.pid is not None
        return self._child.pid

    async def __aenter__(self) -> ServerProcess:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, patience: float = 60.0) -> None:
        """Start it and wait until it is ready. Raises `ServerError`."""
        await self._child.start()
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15.0))
        try:
            async with asyncio.timeout(patience):
                while not await self._ready():  # noqa: ASYNC110 - another process's state
                    await asyncio.sleep(0.1)
        except TimeoutError:
            await self.stop()
            raise ServerError(
                f"the server was not ready in {patience:.0f} s{self.tail()}"
            ) from None
        except BaseException:
            await self.stop()
            raise

    async def ended(self) -> None:
        """Wait for its end. Raises `ServerError`: nobody has asked for it."""
        code = await self._child.wait()
        raise ServerError(f"the server ended with exit code {code}{self.tail()}")

    async def stop(self, patience: float = 15.0) -> int:
        """Ask it to end; kill it when it takes longer than `patience` seconds. Returns its exit
        code."""
        if self._http is not None:
            await self._http.close()
        return await self._child.stop(patience)

    async def get(self, path: str) -> dict[str, Any]:
        """A JSON answer of the admin API. Raises `ServerError`."""
        assert self._http is not None
        try:
            async with self._http.get(self._url(path)) as answer:
                got: dict[str, Any] = orjson.loads(await answer.read())
                return got
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
            what = f"GET {path}: {error or type(error).__name__}"
            raise ServerError(what + (self.tail() if self._over else "")) from error

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Events of `/api/events`, from now until the server ends or cuts us off."""
        assert self._http is not None
        timeout = aiohttp.ClientWSTimeout(ws_close=1.0)
        async with self._http.ws_connect(self._url("/api/events"), timeout=timeout) as stream:
            async for message in stream:
                if message.type is aiohttp.WSMsgType.TEXT:
                    event = orjson.loads(message.data)
                    if isinstance(event, dict):
                        yield event

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The end of its log, to stand below an error message."""
        return self._child.tail(lines)

    @property
    def _over(self) -> bool:
        return self._child.pid is None or self._child.exit_code is not None

    async def _ready(self) -> bool:
        assert self._http is not None
        if (code := self._child.exit_code) is not None:
            raise ServerError(f"the server ended at once with exit code {code}{self.tail()}")
        try:
            async with self._http.get(self._url("/ready")) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _url(self, path: str) -> str:
        return self.url + path


def resources_of(pid: int) -> ServerResources:
    """From /proc. Raises `OSError` when the process is gone."""
    process = Path(f"/proc/{pid}")
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    status = dict(
        line.split(":", 1) for line in (process / "status").read_text().splitlines() if ":" in line
    )
    return ServerResources(
        cpu_seconds=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
        rss_bytes=1024 * int(status["VmHWM"].split()[0]),
        rss_now_bytes=1024 * int(status["VmRSS"].split()[0]),
        descriptors=len(os.listdir(process / "fd")),
        threads=int(status["Threads"]),
    )


def settings_file(legs: Sequence[LegPlan], admin: int, extra: str = "") -> str:
    """translink.toml for these legs, as `ServerProcess` writes it. `extra`: see there."""
    parts = [extra.rstrip(), f"[admin]\nport = {admin}"]
    shared = {leg.listen for leg in legs if leg.shared_from is not None}
    parts += [f'[shared_port]\nlisten = "{host}:{port}"' for host, port in shared]
    for leg in legs:
        listen, play_to = (f"{host}:{port}" for host, port in (leg.listen, leg.play_to))
        place = f'listen = "{listen}"'
        if leg.shared_from is not None:
            place = f'shared = true\nsource = "127.0.0.1:{leg.shared_from}"'
        parts.append(
            f'[[legs]]\nname = "{leg.name}"\nlanguage = "{leg.language}"\n'
            f'{place}\nplay_to = "{play_to}"'
            + ("" if leg.ledger_seconds is None else f"\nledger_seconds = {leg.ledger_seconds}")
        )
    return "\n\n".join(part for part in parts if part) + "\n"
