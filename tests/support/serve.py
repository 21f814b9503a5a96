"""A real `translink serve` against fake providers, and telephones to call it with."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.providers import FakeProviders
from translink._core import BeaconDecoder, beacon_encode
from translink.callers.caller import Caller
from translink.callers.ports import loopback
from translink.callers.server_process import SERVE_COMMAND, LegPlan, ServerProcess

DEEPGRAM_KEY = "dg-0123456789abcdef0123456789abcdef"
DEEPL_KEY = "01234567-89ab-cdef-0123-456789abcdef:fx"
BEACONS = (
    "TRANSLINK_LAG__FASTEST=1",
    "TRANSLINK_ECHO__GUARD=false",
    "TRANSLINK_DEEPGRAM__EARLY_FINALIZE=0",
)
"""Beacons do not survive to be said faster, all of them have one beat, as an echo has, and between two is a
pause that words of speech do not have."""
UNPRESSED = tuple(f"TRANSLINK_PRESSURE__{level}=2" for level in ("SHED", "COALESCE", "REFUSE"))
"""On a machine that is busy with other tests a server gives up captions, and then new calls."""
PATIENCE = 40.0
"""Seconds for what takes one on an idle machine."""
BOUND: Sequence[str] = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""In front of a command: it is killed when we die. A time-out ends a worker of pytest without the end of its
fixtures, and a server that it had started would run on for ever."""


class Serve(ServerProcess):
    """`translink serve` with the predecessor's settings file beside it."""

    def __init__(
        self,
        folder: Path,
        fake: FakeProviders,
        legs: Sequence[LegPlan],
        *,
        flag: str,
        extra: str,
        env: Sequence[str] = (),
        successor_of: int | None = None,
        command: Sequence[str] | None = None,
    ) -> None:
        """`successor_of`: it takes over from the server with that admin port; `command`: the program, if it is
        not `translink serve`."""
        self.folder = folder
        self.legs = {leg.name: leg for leg in legs}
        self.journal: list[dict[str, Any]] = []
        """Events since the start."""
        self._fake = fake
        self._env = env
        self._file = folder / "log"
        self.write_flag(flag)
        program = (*(command or SERVE_COMMAND), *(("--take-over",) if successor_of else ()))
        super().__init__(
            legs,
            folder=folder,
            log=self._file,
            extra=extra,
            command=(*BOUND, *program),
            admin=successor_of,
        )

    def write_flag(self, flag: str) -> None:
        """(Re)write `.env.externalmedia`; an empty flag is left out."""
        lines = [
            f"USE_DEEPGRAM_STREAMING={flag}" if flag else "# unset",
            f"DEEPGRAM_API_KEY={DEEPGRAM_KEY}",
            f"DEEPL_API_KEY={DEEPL_KEY}",
            f"DEEPGRAM_BASE_URL={self._fake.url}",
            f"DEEPL_SERVER_URL={self._fake.url}",
            "EXTERNAL_MEDIA_PORT=6120",
            *BEACONS,
            *UNPRESSED,
            *self._env,
        ]
        (self.folder / ".env.externalmedia").write_text("\n".join(lines) + "\n")

    def log(self) -> list[str]:
        """Lines written so far."""
        return self._file.read_text(encoding="utf-8", errors="replace").splitlines()

    def lines(self, part: str) -> list[str]:
        """Lines with `part` in them."""
        return [line for line in self.log() if part in line]

    async def says(self, part: str, times: int = 1) -> None:
        """Wait until the log has that many lines with `part`: it is written behind the act."""
        await until(lambda: len(self.lines(part)) >= times, self.tail)

    def happened(self, type_: str = "", **wanted: object) -> list[dict[str, Any]]:
        """Those of the journal so far, of a type and with these fields."""
        return [
            event
            for event in self.journal
            if (not type_ or event["type"] == type_)
            and all(event.get(key) == value for key, value in wanted.items())
        ]

    async def answer(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """Status and text of any request."""
        assert self._http is not None
        async with self._http.request(method, self._url(path), json=body) as answer:
            return answer.status, await answer.text()

    async def asked(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status of any request, and its JSON or its text."""
        assert self._http is not None
        async with self._http.request(method, self._url(path), json=body) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await (answer.json() if is_json else answer.text())

    async def post(self, path: str, body: dict[str, object]) -> int:
        """The status of a POST."""
        return (await self.answer("POST", path, body))[0]

    async def made(self, path: str, body: dict[str, object]) -> dict[str, Any]:
        """What a POST answers that makes something."""
        status, text = await self.answer("POST", path, body)
        assert status == 201, text
        made: dict[str, Any] = json.loads(text)
        return made

    async def patch(self, path: str, body: dict[str, object]) -> int:
        """The status of a PATCH."""
        return (await self.answer("PATCH", path, body))[0]

    async def ask(self, path: str) -> tuple[int, str]:
        """Status and text of a GET."""
        return await self.answer("GET", path)

    async def leg(self, name: str) -> dict[str, Any]:
        """Its part of the statistics."""
        leg: dict[str, Any] = (await self.get("/api/stats"))["legs"][name]
        return leg

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def exit_code(self, within: float) -> int:
        """Wait for its end."""
        return await asyncio.wait_for(self._child.wait(), within)

    async def idle(self) -> None:
        """Until no call is left."""

        async def none_left() -> bool:
            return not (await self.get("/api/calls"))["calls"]

        end = time.monotonic() + PATIENCE
        while not await none_left():
            assert time.monotonic() < end, "a call does not end"
            await asyncio.sleep(0.1)


class Phone:
    """Somebody at a leg: says beacons, and knows which they heard."""

    def __init__(self, leg: LegPlan, *, open_mic: bool = True) -> None:
        self.words: list[int] = []
        """Heard so far."""
        self._decoder = BeaconDecoder()
        self.caller = Caller(leg.listen, ear=leg.play_to, open_mic=open_mic, record=self._hear)

    @classmethod
    def at(cls, leg: Mapping[str, Any], *, open_mic: bool = True) -> Phone:
        """At a leg that `POST /api/calls` made; its ear is where it talks from."""
        host, port = leg["send_to"].split(":")
        plan = LegPlan(leg["name"], leg["language"], (host, int(port)), ("127.0.0.1", 0))
        return cls(plan, open_mic=open_mic)

    async def __aenter__(self) -> Phone:
        await self.caller.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.caller.close()

    async def say(self, *numbers: int) -> None:
        """An utterance; its words are 80 ms apart."""
        await self.caller.say(b"".join(beacon_encode(number) for number in numbers))

    async def hears(self, *numbers: int) -> None:
        """Wait until these, and nothing else, were heard since the call began."""
        await until(lambda: len(self.words) >= len(numbers), lambda: f"heard {self.words}")
        assert self.words == list(numbers)

    def _hear(self, pcm: bytes) -> None:
        self.words += [number for number, _, _ in self._decoder.push(pcm)]


def runs(pid: int) -> bool:
    """It is there, and is not only waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(
    condition: Callable[[], object],
    report: Callable[[], str] = lambda: "",
    patience: float = PATIENCE,
) -> None:
    """Wait for it; fail with what `report` says."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"not within {patience:.0f} s; {report()}")
        await asyncio.sleep(0.02)


def pairs(*names: tuple[str, str], languages: tuple[str, str] = ("en", "fr")) -> list[LegPlan]:
    """Legs on free ports."""
    return [
        LegPlan(name, language, loopback(), loopback())
        for pair in names
        for name, language in zip(pair, languages, strict=True)
    ]


@dataclass(frozen=True)
class ServerPlan:
    """What the server of a test module is like: its `SERVER`."""

    legs: Sequence[LegPlan]
    flag: str = "true"
    """`USE_DEEPGRAM_STREAMING`."""
    extra: str = "idle_timeout = 0.6\ndrain_timeout = 5.0"
    env: Sequence[str] = ()

    def served(self, folder: Path, fake: FakeProviders) -> AbstractAsyncContextManager[Serve]:
        """It runs inside."""
        return serving(folder, fake, self.legs, flag=self.flag, extra=self.extra, env=self.env)


@contextlib.asynccontextmanager
async def serving(
    folder: Path,
    fake: FakeProviders,
    legs: Sequence[LegPlan],
    *,
    flag: str = "true",
    extra: str = "idle_timeout = 0.6\ndrain_timeout = 5.0",
    env: Sequence[str] = (),
    command: Sequence[str] | None = None,
) -> AsyncIterator[Serve]:
    """A server that is ready, its events followed. `env` = more lines of `.env.externalmedia`."""
    server = Serve(folder, fake, legs, flag=flag, extra=extra, env=env, command=command)
    async with server:
        following = asyncio.create_task(_follow(server))
        try:
            yield server
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


@contextlib.asynccontextmanager
async def call(server: Serve, one: str, two: str) -> AsyncIterator[tuple[Phone, Phone]]:
    """Both pick up, and hang up at the end."""
    async with Phone(server.legs[one]) as first, Phone(server.legs[two]) as second:
        yield first, second


async def _follow(server: Serve) -> None:
    with contextlib.suppress(aiohttp.ClientError):
        async for event in server.events():
            server.journal.append(event)
