"""One real `translink serve` with its offline engines for a whole module of real peers."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import shutil
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from translink.sim.caller import Caller
from translink.sim.serving import LegPlan, ServerProcess, free_port
from translink.sim.speech import Line, SpeechMissing, speak

ENGLISH, FRENCH = "3333", "4444"
PATIENCE = 12.0
"""Seconds for a translation on a machine that does other things as well; it takes 1 as a rule."""


@dataclass
class World:
    """The server, where its legs are, what it told, and a sentence to say in each language."""

    server: ServerProcess
    legs: dict[str, LegPlan]
    lines: dict[str, Line]
    events: list[dict[str, Any]] = field(default_factory=list)

    def microphone(self, leg: str) -> tuple[str, int]:
        return self.legs[leg].listen

    def ear(self, leg: str) -> tuple[str, int]:
        return self.legs[leg].play_to

    async def counters(self, leg: str) -> dict[str, Any]:
        """Of one leg, when the last datagrams have been counted."""
        await asyncio.sleep(0.15)
        counters: dict[str, Any] = (await self.server.get("/api/stats"))["legs"][leg]
        return counters

    async def translation(self, leg: str, since: int) -> str:
        """What `leg` said, translated, as told after event number `since`. Fails after
        `PATIENCE`."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for event in self.events[since:]:
                if event.get("leg") == leg and event["type"] == "translation":
                    return str(event["text"])
            await asyncio.sleep(0.05)
        told = [(e["type"], e.get("text")) for e in self.events[since:] if e.get("leg") == leg]
        pytest.fail(f"no translation of {leg} in {PATIENCE} s; events: {told}")

    @contextlib.asynccontextmanager
    async def listener(self, leg: str) -> AsyncIterator[Caller]:
        """Somebody at `leg` who only listens: no datagram leaves him."""
        async with Caller(self.microphone(leg), ear=self.ear(leg), open_mic=False) as caller:
            yield caller


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    if importlib.util.find_spec("translink.app") is None:
        pytest.skip("there is no server yet")
    try:
        lines = {
            ENGLISH: await speak("Hello, can you hear me?", "en"),
            FRENCH: await speak("Au revoir.", "fr"),
        }
    except SpeechMissing as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("serve")
    legs = {
        name: LegPlan(name, language, _loopback(), _loopback())
        for name, language in ((ENGLISH, "en"), (FRENCH, "fr"))
    }
    server = ServerProcess(list(legs.values()), folder=folder, log=folder / "log")
    async with server:
        world = World(server, legs, lines)
        following = asyncio.create_task(_follow(world))
        yield world
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def _follow(world: World) -> None:
    async for event in world.server.events():
        world.events.append(event)


def _loopback() -> tuple[str, int]:
    return "127.0.0.1", free_port(socket.SOCK_DGRAM)


def need(program: str) -> pytest.MarkDecorator:
    """Skip where a program is absent, and say so."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")
