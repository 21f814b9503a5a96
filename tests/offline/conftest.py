"""A server over trivial engines, on a free loopback port."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import jsonschema
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from tests.offline.stand_ins import BurstEngine, ToneSynthesizer, UpperTranslator
from tests.support.paths import SHARED
from translink.offline.server import OfflineServer

DATA = SHARED / "protocols" / "data"
QUERY = "model=nova-3&language=en&encoding=linear16&sample_rate=16000&interim_results=true"


Start = Callable[..., Awaitable[OfflineServer]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start a server with the given options; all are closed after the test."""
    servers: list[OfflineServer] = []

    async def begin(**options: Any) -> OfflineServer:
        options.setdefault("recognizer", BurstEngine())
        options.setdefault("translator", UpperTranslator())
        options.setdefault("synthesizer", ToneSynthesizer())
        server = OfflineServer(**options)
        await server.start()
        servers.append(server)
        return server

    yield begin
    for server in servers:
        await server.close()


@asynccontextmanager
async def listening(server: OfflineServer, query: str = QUERY) -> AsyncIterator[ClientConnection]:
    """A plain WebSocket to `/v1/listen`."""
    url = server.url.replace("http", "ws") + "/v1/listen?" + query
    headers = {"Authorization": "Token anything"}
    async with websockets.connect(url, additional_headers=headers, compression=None) as ws:
        yield ws


async def rest(ws: ClientConnection) -> list[dict[str, Any]]:
    """Everything until the close."""
    messages = []
    try:
        while True:
            messages.append(json.loads(await ws.recv()))
    except websockets.ConnectionClosed:
        return messages


def schema(name: str) -> jsonschema.Draft7Validator:
    path = DATA / "derived" / "schemas" / f"{name}.schema.json"
    if not path.exists():
        pytest.skip("the protocol notes are not beside this checkout (../shared)")
    return jsonschema.Draft7Validator(json.loads(path.read_text()))
