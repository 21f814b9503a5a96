"""The API against a running server and real sockets: a call that is made is a call in which people
understand each other, and what is changed meanwhile is heard."""

from __future__ import annotations

import asyncio
import base64
import socket
from typing import Any

import aiohttp
import pytest

from tests.fakes.providers import FakeProviders
from tests.support.serve import Phone, Serve, ServerPlan, pairs, until
from translink.callers.ports import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHARED = f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
SERVER = ServerPlan(
    legs=pairs(("3333", "4444")),
    extra=(
        "idle_timeout = 0.8\ndrain_timeout = 5.0\nmedia_threads = 2\n"
        f'[calls]\nports = "24600-24699"\n[shared_port]\nlisten = "{SHARED}"\n'
    ),
)


async def test_a_call_that_is_made_translates_and_gives_its_ports_back(
    server: Serve, fake: FakeProviders
) -> None:
    fake.forget()
    wanted = {"legs": [{"language": "en", "source": "127.0.0.1"}, {"language": "fr"}]}
    status, made = await server.asked("POST", "/api/calls", wanted)
    assert status == 201, made
    anna, bob = made["legs"]
    # Another run of the tests on this machine may have the first ones.
    ports = {int(at.removeprefix("127.0.0.1:")) for at in (anna["send_to"], bob["audio_from"])}
    assert len(ports & {*range(24600, 24700)}) == 2
    async with Phone.at(anna) as one, Phone.at(bob) as two:
        await asyncio.sleep(0.2)
        await one.say(1, 2, 3)
        await two.hears(1, 2, 3)

        # In mid-call: from now on they are heard, and hear, in German.
        status, leg = await server.asked("PATCH", f"/api/legs/{bob['name']}", {"language": "de"})
        assert (status, leg["language"]) == (200, "de")
        await one.say(4)
        await two.hears(1, 2, 3, 4)
        await two.say(5)
        await one.hears(5)
        assert [(each.source, each.target) for each in fake.asked][-2:] == [
            ("EN", "DE"),
            ("DE", "EN-US"),
        ]
        assert {stream.language for stream in fake.streams} == {"en", "fr", "de"}

        # Muted: nothing of what they say is recognised; they still hear.
        status, leg = await server.asked("PATCH", f"/api/legs/{bob['name']}", {"muted": True})
        assert (status, leg["muted"]) == (200, True)
        asked = len(fake.asked)
        await two.say(6)
        await one.say(7)
        await two.hears(1, 2, 3, 4, 7)
        assert len(fake.asked) == asked + 1
        assert one.words == [5]

        status, flushed = await server.asked("POST", f"/api/legs/{bob['name']}/flush", {})
        assert (status, flushed["leg"]) == (200, bob["name"])
        detail = (await server.asked("GET", f"/api/calls/{made['call']}"))[1]
        assert detail["transcript"][0]["translation"] == "t1 t2 t3"
        assert detail["legs"][anna["name"]]["source"].startswith("127.0.0.1:")
        assert detail["lost_ms"] == 0
    await server.idle()
    status, found = await server.asked("GET", "/api/calls?state=ended&q=T4")
    assert [row["call"] for row in found["calls"]] == [made["call"]]
    assert list((await server.asked("GET", "/api/stats"))[1]["legs"]) == ["3333", "4444"]
    status, text = await server.asked("GET", f"/api/calls/{made['call']}/transcript?format=vtt")
    assert (status, text.splitlines()[0]) == (200, "WEBVTT")
    assert not server.lines("Traceback")


async def test_on_the_shared_port_whoever_says_the_token_is_heard(
    server: Serve, fake: FakeProviders
) -> None:
    fake.forget()
    wanted = {"legs": [{"language": "en", "shared": True}, {"language": "fr", "shared": True}]}
    status, made = await server.asked("POST", "/api/calls", wanted)
    assert status == 201, made
    legs = made["legs"]
    assert [leg["send_to"] for leg in legs] == [leg["audio_from"] for leg in legs] == [SHARED] * 2
    async with (
        Phone.at(legs[0]) as one,
        Phone.at(legs[1]) as two,
        Phone.at(legs[0]) as stranger,
    ):
        one.caller.introduce(legs[0]["token"])
        two.caller.introduce(legs[1]["token"])
        stranger.caller.introduce(legs[0]["token"][:-1] + "x")
        await stranger.say(9)
        await one.say(1, 2)
        await two.hears(1, 2)
        await two.say(3)
        await one.hears(3)
        assert stranger.words == []
        shared = (await server.asked("GET", "/api/stats"))[1]["shared_port"]
        assert (shared["learned"], shared["sources"], shared["waiting"]) == (2, 2, 0)
        assert shared["strangers"] > 1
        shown = (await server.asked("GET", f"/api/calls/{made['call']}"))[1]
        assert "token" not in str(shown)
    await server.idle()
    assert not any(server.lines(leg["token"]) for leg in legs)
    refused = {"legs": [{"language": "en", "shared": True, "transport": "audiosocket"}] * 2}
    status, why = await server.asked("POST", "/api/calls", refused)
    assert (status, "shared: is for datagrams" in why["error"]) == (400, True)


async def test_what_is_seen_live_is_seen_at_once(server: Serve, fake: FakeProviders) -> None:
    status, made = await server.asked(
        "POST", "/api/calls", {"legs": [{"language": "en"}, {"language": "fr"}]}
    )
    assert status == 201
    names = [leg["name"] for leg in made["legs"]]
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(server._url("/api/live")) as watcher,
        Phone.at(made["legs"][0]) as one,
        Phone.at(made["legs"][1]) as two,
    ):
        await watcher.send_json({"watch": {"calls": [made["call"]], "levels": names}})
        messages: list[dict[str, Any]] = []

        async def follow() -> None:
            async for message in watcher:
                messages.append(message.json())  # noqa: PERF401 - looked at meanwhile

        following = asyncio.create_task(follow())
        await one.say(11, 12)
        await two.hears(11, 12)

        def types() -> set[str]:
            return {event["type"] for news in messages for event in news.get("events", [])}

        await until(lambda: types() >= {"interim", "final", "segment", "translation", "speech"})
        loud = [
            (leg, lane, at + slot * 0.02)
            for news in messages
            for leg, lanes in news.get("levels", {}).items()
            for lane, (_, pairs, at) in lanes.items()
            for slot, swing in enumerate(base64.b64decode(pairs)[1::2])
            if 0 < swing < 128
        ]
        assert {(leg, lane) for leg, lane, _ in loud} >= {(names[0], "said"), (names[1], "heard")}
        # The sound is dated by when it came, and so are the words: on any machine they agree.
        (segment,) = [
            e for news in messages for e in news.get("events", []) if e["type"] == "segment"
        ]
        said = [at for leg, lane, at in loud if (leg, lane) == (names[0], "said")]
        assert segment["began"] - 0.3 < min(said) <= max(said) < segment["ended"] + 0.3
        assert any(names[0] in news.get("legs", {}) for news in messages)
        assert any("stages" in news for news in messages)
        following.cancel()
    await server.idle()


async def test_two_talkers_do_not_share_a_voice_and_each_may_change_theirs_in_mid_call(
    server: Serve, fake: FakeProviders
) -> None:
    fake.forget()
    fake.unknown_voices.add("aura-2-nobody-en")
    wanted = {"legs": [{"language": "en"}, {"language": "fr", "voice_for": "feminine"}]}
    _, made = await server.asked("POST", "/api/calls", wanted)
    one_leg, two_leg = (f"/api/legs/{leg['name']}" for leg in made["legs"])
    async with Phone.at(made["legs"][0]) as one, Phone.at(made["legs"][1]) as two:
        await one.say(1)
        await two.hears(1)
        await two.say(2)
        await one.hears(2)
        assert fake.spoken == [("aura-2-agathe-fr", "t1"), ("aura-2-thalia-en", "t2")]
        for path, voice_for in ((one_leg, "masculine"), (two_leg, "default")):
            status, leg = await server.asked("PATCH", path, {"voice_for": voice_for})
            assert (status, leg["voice_for"]) == (200, voice_for)
        await one.say(3)
        await two.hears(1, 3)
        await two.say(4)
        await one.hears(2, 4)
        assert fake.spoken[2:] == [("aura-2-hector-fr", "t3"), ("aura-2-orion-en", "t4")]

        # A voice that the vendor has not: the usual one, and never silence.
        await server.asked("PATCH", two_leg, {"voice_for": "aura-2-nobody-en"})
        for number, heard in ((5, (2, 4, 5)), (6, (2, 4, 5, 6))):
            await two.say(number)
            await one.hears(*heard)
        assert fake.spoken[4:] == [("aura-2-thalia-en", "t5"), ("aura-2-thalia-en", "t6")]
        await server.says("a voice was refused: the usual one speaks")
        assert len(server.lines("a voice was refused")) == 1
        status, refused = await server.asked("PATCH", two_leg, {"voice_for": "a voice"})
        assert (status, "voice_for" in refused["error"]) == (400, True)
        voices = ["masculine", "default", "aura-2-nobody-en"]
        await until(  # events come after the answers
            lambda: (
                voices
                == [e["voice_for"] for e in server.happened("settings") if e.get("voice_for")]
            )
        )
    fake.unknown_voices.clear()
    await server.idle()
