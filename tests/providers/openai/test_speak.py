"""Speech by OpenAI's protocol, against small servers that answer each in their own way."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web

from tests.fakes.web import fake_web, raw_server, read_request
from tests.support.recording import recording
from translink._core import BeaconDecoder, beacon_encode, resample
from translink.errors import Kind, ProviderError
from translink.providers.http import Http
from translink.providers.openai.endpoint import OpenAiEndpoint
from translink.providers.openai.speak import OpenAiSpeak

KEY = "sk-proj-0123456789abcdef"
WORDS = [3, 1, 4]
SOUND = b"".join(beacon_encode(number) for number in WORDS)
MP3 = (b"\xff\xfb\x90\x64" + bytes(413)) * 20
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nTransfer-Encoding: chunked\r\n\r\n"


def at(rate: int) -> bytes:
    return resample(SOUND, 16_000, rate)


def heard(pcm: bytes) -> list[int]:
    decoder = BeaconDecoder()
    return [number for number, _, _ in (*decoder.push(pcm), *decoder.finish())]


async def say(speak: OpenAiSpeak, text: str = "Dzień dobry.", language: str = "pl") -> bytes:
    return b"".join([pcm async for pcm in speak.speak(text, language=language)])


async def test_what_is_asked_is_pcm_and_what_is_heard_is_16_khz() -> None:
    async def sound(request: web.Request) -> web.Response:
        return web.Response(body=at(24_000), headers={"Content-Type": "audio/pcm"})

    async with fake_web(sound) as server, Http() as http:
        speak = OpenAiSpeak(http, at=OpenAiEndpoint(server.url, KEY), voices={"pt": "onyx"})
        assert heard(await say(speak)) == WORDS
        await say(speak, language="pt-BR")
        assert await say(speak, " ") == b""
    first, second = server.seen
    assert (first.method, first.path) == ("POST", "/v1/audio/speech")
    assert first.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(first.body) == {
        "model": "gpt-4o-mini-tts",
        "input": "Dzień dobry.",
        "voice": "alloy",
        "response_format": "pcm",
    }
    assert json.loads(second.body)["voice"] == "onyx"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (recording(at(24_000), 24_000), "audio/wav"),
        (recording(at(22_050), 22_050), "audio/wav"),
        (recording(at(16_000), 16_000), "application/octet-stream"),
        (at(48_000), "audio/pcm;rate=48000"),
    ],
)
async def test_servers_that_answer_in_another_rate_and_say_so_are_understood(
    body: bytes, kind: str
) -> None:
    async def sound(request: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Type": kind})

    async with fake_web(sound) as server, Http() as http:
        assert heard(await say(OpenAiSpeak(http, at=OpenAiEndpoint(server.url)))) == WORDS


async def test_the_rate_of_a_server_that_does_not_say_it_can_be_set() -> None:
    async def sound(request: web.Request) -> web.Response:
        return web.Response(body=at(22_050))

    async with fake_web(sound) as server, Http() as http:
        speak = OpenAiSpeak(http, at=OpenAiEndpoint(server.url), rate=22_050)
        assert heard(await say(speak)) == WORDS


@pytest.mark.parametrize("kind", ["audio/mpeg", "audio/pcm"])
async def test_mp3_is_refused_rather_than_played(kind: str) -> None:
    async def mp3(request: web.Request) -> web.Response:
        return web.Response(body=MP3, headers={"Content-Type": kind})

    async with fake_web(mp3) as server, Http() as http:
        with pytest.raises(ProviderError, match="instead of linear16") as caught:
            await say(OpenAiSpeak(http, at=OpenAiEndpoint(server.url)))
    assert caught.value.kind is Kind.REFUSED


async def test_it_drips_odd_bytes_breaks_off_and_is_cancelled() -> None:
    gone = asyncio.Event()
    sound = at(24_000)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED)
        for begin in range(0, 9_999, 3_333):
            piece = sound[begin : begin + 3_333]
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
        await reader.read()
        gone.set()

    async with raw_server(drip) as url, Http() as http:
        speak = OpenAiSpeak(http, at=OpenAiEndpoint(url), timeout=0.1)
        got = b""
        with pytest.raises(ProviderError, match="timed out") as caught:  # noqa: PT012
            async for pcm in speak.speak("Tak.", language="pl"):
                assert len(pcm) % 2 == 0
                got += pcm
        assert caught.value.kind is Kind.TRANSIENT
        assert 5_000 < len(got) <= 6_700
        gone.clear()
        patient = OpenAiSpeak(http, at=OpenAiEndpoint(url)).speak("Tak.", language="pl")
        assert await anext(patient)
        await patient.aclose()
        await asyncio.wait_for(gone.wait(), 5)


async def test_without_a_voice_for_a_language_nothing_is_asked() -> None:
    async with Http() as http:
        speak = OpenAiSpeak(
            http, at=OpenAiEndpoint("http://127.0.0.1:1"), voice="", voices={"en": "af_heart"}
        )
        assert (speak.speaks("en-GB"), speak.speaks("pl")) == (True, False)
        with pytest.raises(ProviderError, match=r"openai\.voices\.pl") as caught:
            await say(speak)
    assert caught.value.kind is Kind.REFUSED
