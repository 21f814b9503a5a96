"""The main job: two callers speak at once, each hears the other's words in their own language. UDP in
to UDP out, with the real offline engines: recognition, translation and speech synthesis."""

from __future__ import annotations

import asyncio
import shutil
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from translink.callers.caller import Caller
from translink.callers.dialogue import speak
from translink.callers.ports import free_port
from translink.callers.server_process import LegPlan, ServerProcess

ENGLISH, FRENCH = "3333", "4444"
SPEECH = 300.0
"""RMS of speech on a telephone; silence has 0."""
PATIENCE = 60.0
"""Seconds until a translation is heard. It takes 1 on an idle machine; this one may do other things
as well."""

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed"),
    pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed"),
]


async def test_two_callers_speak_at_once_and_hear_each_other_s_words(tmp_path: Path) -> None:
    english, french = (
        await speak("Tomorrow morning.", "en"),
        await speak("Quel jour vous convient ?", "fr"),
    )
    events: list[dict[str, Any]] = []
    one = Caller(("127.0.0.1", free_port(socket.SOCK_DGRAM)))
    two = Caller(("127.0.0.1", free_port(socket.SOCK_DGRAM)))
    plans = [
        LegPlan(ENGLISH, "en", one.to, one.address),
        LegPlan(FRENCH, "fr", two.to, two.address),
    ]
    server = ServerProcess(plans, folder=tmp_path, log=tmp_path / "log")
    async with server, one, two:
        watching = asyncio.create_task(_watch(server, events))
        await asyncio.sleep(1.0)
        await asyncio.gather(one.say(english.pcm), two.say(french.pcm))
        await asyncio.gather(one.quiet(0.5, PATIENCE), two.quiet(0.5, PATIENCE))
        await asyncio.gather(one.close(), two.close())  # they would go on sending
        sent = {ENGLISH: one.sent.datagrams, FRENCH: two.sent.datagrams}
        legs = (await server.get("/api/stats"))["legs"]
        end = time.monotonic() + PATIENCE
        while {leg: legs[leg]["datagrams_in"] for leg in sent} != sent:
            assert time.monotonic() < end, (sent, legs)
            await asyncio.sleep(0.05)
            legs = (await server.get("/api/stats"))["legs"]
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    translated = {e["leg"]: str(e["text"]) for e in events if e["type"] == "translation"}
    assert "demain matin" in translated[ENGLISH].lower(), events
    assert "day suits you" in translated[FRENCH].lower(), events
    for caller in (one, two):
        assert caller.heard.sound_seconds > 0.4
        assert max(burst.rms for burst in caller.heard.bursts) > SPEECH
    for leg in sent:
        assert legs[leg]["drops_kernel"] == legs[leg]["drops_ring"] == 0
    assert "offline demo quality" in (tmp_path / "log").read_text()


async def _watch(server: ServerProcess, events: list[dict[str, Any]]) -> None:
    async for event in server.events():
        events += [event] if event["type"] in ("segment", "translation") else []
