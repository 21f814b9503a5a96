"""A program for the admin server to ask, made of literals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from translink.admin import AdminServer


@dataclass(frozen=True)
class Happened:
    type: str
    leg: str

    def as_dict(self) -> Mapping[str, Any]:
        return {"type": self.type, "at": 1.0, "call": None, "leg": self.leg, "text": "<b>hé</b>"}


class Feed:
    def __init__(self) -> None:
        self.cut_off: str | None = None
        self.closing = asyncio.Event()
        self.queue: asyncio.Queue[Happened | None] = asyncio.Queue()

    async def __aiter__(self) -> AsyncIterator[Happened]:
        while (event := await self.queue.get()) is not None:
            yield event

    def close(self) -> None:
        self.closing.set()


class Program:
    """An `AdminSource`."""

    def __init__(self) -> None:
        self.good = True
        self.modes: list[tuple[str | None, str | None, float | None]] = []
        self.feeds: list[tuple[str | None, str | None, Feed]] = []

    def stats(self) -> Mapping[str, Any]:
        return {
            "mode": "auto",
            "legs": {
                "3333": {
                    "language": "en",
                    "datagrams_in": 50,
                    "playout_queued": 640,
                    "stt": {"mode": "streaming", "connections_active": 1, "errors": 0},
                }
            },
            "totals": {"datagrams_in": 50},
            "stages_ms": {"loop_to_wire": {"count": 3, "p50": 0.2, "p99": 1.5}},
        }

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        return self.good, {"media": "running"}

    def ready(self) -> tuple[bool, Mapping[str, Any]]:
        return self.good, {}

    def settings(self) -> Mapping[str, Any]:
        return {"mode": "auto"}

    def calls(self) -> list[Mapping[str, Any]]:
        return [{"id": "3333-1"}]

    async def set_mode(
        self, leg: str | None, mode: str | None = None, share: float | None = None
    ) -> None:
        if leg not in (None, "3333"):
            raise KeyError(leg)
        self.modes.append((leg, mode, share))

    async def end_call(self, call: str) -> bool:
        return call == "3333-1"

    def subscribe(self, *, call: str | None = None, leg: str | None = None) -> Feed:
        feed = Feed()
        self.feeds.append((call, leg, feed))
        return feed


@pytest.fixture
def program() -> Program:
    return Program()


@pytest.fixture
async def server(program: Program) -> AsyncIterator[AdminServer]:
    server = AdminServer(program, port=0)
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def guarded(program: Program) -> AsyncIterator[AdminServer]:
    """The same, with a token."""
    server = AdminServer(program, port=0, token="open sesame")
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
