"""Listening in, from outside: who may, and that nobody does it unseen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.fakes.providers import fake_providers
from tests.support.serve import Phone, Serve, pairs, until

TOKENS = {
    "TRANSLINK_ADMIN__TOKEN": "control-0123456789abcdef",
    "TRANSLINK_ADMIN__READ_TOKEN": "reading-0123456789abcdef",
}
CONTROL, READ = ({"Authorization": f"Bearer {token}"} for token in TOKENS.values())


@contextlib.asynccontextmanager
async def calling(
    folder: Path, **environ: str
) -> AsyncIterator[tuple[Serve, aiohttp.ClientSession, Phone]]:
    """A server with both tokens, a call on it, and somebody who talks."""
    async with fake_providers() as fake:
        legs = pairs(("3333", "4444"))
        server = Serve(folder, fake, legs, flag="true", extra="drain_timeout = 0.5")
        server._child.environ.update(TOKENS | environ)
        base = f"http://127.0.0.1:{server.admin}"
        async with server, aiohttp.ClientSession(base) as http, Phone(legs[0]) as one:
            await one.say(1)
            yield server, http, one


async def row(http: aiohttp.ClientSession) -> dict[str, Any]:
    async with http.get("/api/calls", headers=READ) as answer:
        found: dict[str, Any] = (await answer.json())["calls"][0]
        return found


async def test_unless_it_is_set_nobody_listens_in(tmp_path: Path) -> None:
    async with calling(tmp_path) as (server, http, _):
        for of in ("said", "heard"):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await http.ws_connect(f"/api/legs/3333/audio?of={of}", headers=CONTROL)
        async with http.get("/api/session", headers=CONTROL) as answer:
            assert (await answer.json())["listen_in"] is False
        assert (await row(http))["listened"] is False
        assert not server.lines("listening in")


async def test_listening_in_is_seen_by_all(tmp_path: Path) -> None:
    async with calling(tmp_path, TRANSLINK_ADMIN__LISTEN_IN="true") as (server, http, one):
        path = "/api/legs/3333/audio?of=said"
        for headers, status in ((READ, "403"), ({}, "401")):
            with pytest.raises(aiohttp.WSServerHandshakeError, match=status):
                await http.ws_connect(path, headers=headers)
        assert (await row(http))["listened"] is False
        events: list[dict[str, Any]] = []
        watching = asyncio.create_task(_watch(http, events))
        await until(lambda: events)
        async with http.ws_connect(path, headers=CONTROL) as stream:
            await one.say(2, 3)
            heard = await stream.receive_bytes(timeout=20)
            assert heard
            assert (await row(http))["listened"] is True
        end = asyncio.get_running_loop().time() + 20
        while (await row(http))["listened"]:
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0.05)
        await until(lambda: any(event.get("state") == "stopped" for event in events))
        listening = [event for event in events if event["type"] == "listening"]
        assert [(event["state"], event["leg"]) for event in listening] == [
            ("started", "3333"),
            ("stopped", "3333"),
        ]
        await server.says("listening in", 2)
        assert len(server.lines("listening in")) == 2
        (asked,) = [line for line in server.lines("role control") if "audio" in line]
        assert "127.0.0.1" in asked
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _watch(http: aiohttp.ClientSession, events: list[dict[str, Any]]) -> None:
    async with http.ws_connect("/api/events", headers=READ) as stream:
        async for message in stream:
            events.append(orjson.loads(message.data))  # noqa: PERF401 - seen while it grows
