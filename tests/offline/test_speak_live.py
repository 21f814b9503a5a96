"""WebSocket `/v1/speak` over a trivial engine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from tests.offline.conftest import Start, schema
from translink.offline.server import OfflineServer

VOICE = "model=aura-2-thalia-en&encoding=linear16&sample_rate=16000"


@asynccontextmanager
async def speaking(server: OfflineServer, query: str = VOICE) -> AsyncIterator[ClientConnection]:
    url = server.url.replace("http", "ws") + "/v1/speak?" + query
    headers = {"Authorization": "Token anything"}
    async with websockets.connect(url, additional_headers=headers, compression=None) as ws:
        yield ws


async def until(ws: ClientConnection, kind: str) -> tuple[bytes, list[dict[str, object]]]:
    """Sound and messages up to a message of that kind."""
    sound, messages = b"", []
    async for message in ws:
        if isinstance(message, bytes):
            sound += message
            continue
        messages.append(json.loads(message))
        if messages[-1]["type"] == kind:
            break
    return sound, messages


async def test_flush_speaks_what_was_gathered_and_says_when_it_is_all(start: Start) -> None:
    validator = schema("deepgram-speak-v1-server")
    server = await start()
    async with speaking(server) as ws:
        await ws.send(json.dumps({"type": "Speak", "text": "ab"}))
        await ws.send(json.dumps({"type": "Speak", "text": "c"}))
        await ws.send(json.dumps({"type": "Flush"}))
        sound, messages = await until(ws, "Flushed")
        await ws.send(json.dumps({"type": "Speak", "text": "d"}))
        await ws.send(json.dumps({"type": "Flush"}))
        more, later = await until(ws, "Flushed")
        await ws.send(json.dumps({"type": "Close"}))
        await ws.wait_closed()
    assert (len(sound), len(more)) == (3 * 3200, 3200)
    assert [m["sequence_id"] for m in (messages[-1], later[-1])] == [0, 1]
    assert ws.close_code == 1000
    for message in messages + later:
        validator.validate(message)


async def test_clear_drops_what_was_not_spoken(start: Start) -> None:
    server = await start()
    async with speaking(server) as ws:
        await ws.send(json.dumps({"type": "Speak", "text": "abc"}))
        await ws.send(json.dumps({"type": "Clear"}))
        sound, _ = await until(ws, "Cleared")
        await ws.send(json.dumps({"type": "Flush"}))
        after, _ = await until(ws, "Flushed")
    assert (sound, after) == (b"", b"")


@pytest.mark.parametrize(("message", "code"), [("nonsense", 1008), (b"\0", 1003)])
async def test_what_is_no_command_closes(start: Start, message: str | bytes, code: int) -> None:
    server = await start()
    async with speaking(server) as ws:
        await ws.send(message)
        await ws.wait_closed()
    assert ws.close_code == code
