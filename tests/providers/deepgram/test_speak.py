"""Speech synthesis against a small server: streamed, whole samples, no end mistaken."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping

import pytest
from aiohttp import web

from tests.fakes.web import fake_web, raw_server, read_request
from translink.errors import Kind, ProviderError
from translink.providers.deepgram.speak import VOICES, DeepgramSpeak
from translink.providers.http import Http
from translink.providers.pcm import wav

KEY = "dg-key-0123456789abcdef"
L16 = "audio/l16;rate=16000"
SOUND = bytes(range(1, 201)) * 10
CHUNKED = f"HTTP/1.1 200 OK\r\nContent-Type: {L16}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def sound(request: web.Request) -> web.Response:
    return web.Response(body=SOUND, headers={"Content-Type": L16})


def speaker(
    http: Http, url: str, *, wait: float = 2.0, voices: Mapping[str, str] | None = None
) -> DeepgramSpeak:
    return DeepgramSpeak(http, base_url=url, api_key=KEY, timeout=wait, voices=voices or {})


async def say(speak: DeepgramSpeak, text: str = "Bonjour.", language: str = "fr") -> list[bytes]:
    return [pcm async for pcm in speak.speak(text, language=language)]


async def test_the_request_names_voice_rate_and_no_container() -> None:
    async with fake_web(sound) as server, Http() as http:
        assert b"".join(await say(speaker(http, server.url))) == SOUND
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/v1/speak")
    assert seen.query == [
        ("model", "aura-2-agathe-fr"),
        ("encoding", "linear16"),
        ("sample_rate", "16000"),
        ("container", "none"),
    ]
    assert seen.headers["authorization"] == f"Token {KEY}"
    assert seen.headers["content-type"] == "application/json"
    assert json.loads(seen.body) == {"text": "Bonjour."}


async def test_more_parameters_go_with_the_request() -> None:
    extra = {"mip_opt_out": "true"}
    async with fake_web(sound) as server, Http() as http:
        await say(DeepgramSpeak(http, base_url=server.url, api_key=KEY, extra=extra))
    (seen,) = server.seen
    assert seen.query[-1] == ("mip_opt_out", "true")


async def test_the_first_sound_comes_before_the_last_is_made_and_odd_bytes_are_carried() -> None:
    heard = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED + chunk(b"abc"))
        await heard.wait()
        writer.write(chunk(b"de") + chunk(b"f") + b"0\r\n\r\n")
        await writer.drain()

    async with raw_server(slow) as url, Http() as http:
        pieces = []
        async for pcm in speaker(http, url).speak("Oui.", language="fr"):
            pieces.append(pcm)
            heard.set()
    assert pieces[0] == b"ab"
    assert b"".join(pieces) == b"abcdef"
    assert all(len(piece) % 2 == 0 for piece in pieces)


@pytest.mark.parametrize(
    "answer",
    [
        CHUNKED + chunk(SOUND),
        CHUNKED + b"ff\r\n" + SOUND[:9],
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + SOUND,
    ],
)
async def test_a_body_that_ends_short_is_transient_after_what_came(answer: bytes) -> None:
    async def truncate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()
        await asyncio.sleep(0.02)  # So that sound and end do not arrive as one.

    async with raw_server(truncate) as url, Http() as http:
        heard = b""
        with pytest.raises(ProviderError) as caught:  # noqa: PT012
            async for pcm in speaker(http, url).speak("Oui.", language="fr"):
                heard += pcm
    assert caught.value.kind is Kind.TRANSIENT
    assert heard
    assert SOUND.startswith(heard)


async def test_a_synthesis_that_stalls_is_transient() -> None:
    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED + chunk(SOUND))
        await reader.read()

    async with raw_server(stall) as url, Http() as http:
        with pytest.raises(ProviderError, match="timed out") as caught:
            await say(speaker(http, url, wait=0.1))
    assert caught.value.kind is Kind.TRANSIENT


async def test_closing_the_iterator_cancels_the_request() -> None:
    gone = asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED + chunk(SOUND))
        await reader.read()
        gone.set()

    async with raw_server(endless) as url, Http() as http:
        iterator = speaker(http, url).speak("x", language="fr")
        assert await anext(iterator)
        await iterator.aclose()
        await asyncio.wait_for(gone.wait(), 20)


async def test_a_wav_header_that_comes_all_the_same_is_stripped() -> None:
    async def header(request: web.Request) -> web.Response:
        return web.Response(body=wav(SOUND), headers={"Content-Type": "audio/wav"})

    async with fake_web(header) as server, Http() as http:
        assert b"".join(await say(speaker(http, server.url))) == SOUND


@pytest.mark.parametrize("kind", ["audio/mpeg", "audio/l16;rate=24000", "application/json"])
async def test_sound_in_another_format_is_refused_rather_than_played(kind: str) -> None:
    async def other(request: web.Request) -> web.Response:
        return web.Response(body=SOUND, headers={"Content-Type": kind})

    async with fake_web(other) as server, Http() as http:
        with pytest.raises(ProviderError, match="instead of linear16") as caught:
            await say(speaker(http, server.url))
    assert caught.value.kind is Kind.REFUSED


async def test_no_sound_at_all_is_transient() -> None:
    async def nothing(request: web.Request) -> web.Response:
        return web.Response(body=b"", headers={"Content-Type": L16})

    async with fake_web(nothing) as server, Http() as http:
        with pytest.raises(ProviderError, match="no sound") as caught:
            await say(speaker(http, server.url))
    assert caught.value.kind is Kind.TRANSIENT


async def test_a_long_text_is_spoken_in_parts_and_in_order() -> None:
    text = " ".join(f"Sentence number {n} is here." for n in range(100))
    async with fake_web(sound) as server, Http() as http:
        heard = b"".join(await say(speaker(http, server.url), text, "en"))
    parts = [json.loads(seen.body)["text"] for seen in server.seen]
    assert len(parts) == 3
    assert all(len(part) <= 1000 and part.endswith(".") for part in parts)
    assert " ".join(parts) == text
    assert heard == SOUND * 3
    assert len(server.peers) == 1


async def test_blank_text_is_not_sent() -> None:
    async with fake_web(sound) as server, Http() as http:
        assert await say(speaker(http, server.url), " \n") == []
    assert not server.seen


async def test_a_language_without_a_voice_is_refused_by_the_setting_s_name() -> None:
    async with Http() as http:
        with pytest.raises(ProviderError, match=r"voices\.pt-BR") as caught:
            await say(speaker(http, "http://127.0.0.1:1"), language="pt-BR")
    assert caught.value.kind is Kind.REFUSED


@pytest.mark.parametrize(
    ("language", "voice"),
    [
        ("fr", "aura-2-hector-fr"),
        ("fr-CA", "aura-2-hector-fr"),
        ("pt_BR", "custom-br"),
        ("en-GB", VOICES["en"]),
    ],
)
async def test_voices_are_looked_up_by_variant_then_by_language(language: str, voice: str) -> None:
    async with fake_web(sound) as server, Http() as http:
        voices = {"fr": "aura-2-hector-fr", "pt-BR": "custom-br"}
        await say(speaker(http, server.url, voices=voices), language=language)
    assert dict(server.seen[0].query)["model"] == voice


async def test_a_refusal_keeps_deepgram_s_words() -> None:
    async def refuse(request: web.Request) -> web.Response:
        body = {"err_code": "Payload Too Large", "err_msg": "Input text exceeds maximum."}
        return web.json_response(body, status=413, headers={"dg-request-id": "req-9"})

    async with fake_web(refuse) as server, Http() as http:
        with pytest.raises(ProviderError, match="Input text exceeds") as caught:
            await say(speaker(http, server.url))
    assert (caught.value.kind, caught.value.request_id) == (Kind.REFUSED, "req-9")


async def test_a_voice_that_never_ends_is_broken_off() -> None:
    sent = 0

    async def for_ever(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        answer = web.StreamResponse(headers={"Content-Type": L16})
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                await answer.write(bytes(32_000))
                sent += 1
        return answer

    heard = 0

    async def listen(speak: DeepgramSpeak) -> None:
        nonlocal heard
        async for pcm in speak.speak("Bonjour.", language="fr"):
            heard += len(pcm)

    async with fake_web(for_ever) as server, Http() as http:
        with pytest.raises(ProviderError, match="speaks for more than 14 s"):
            await listen(speaker(http, server.url))
    assert 14 * 32_000 <= heard < 30 * 32_000


async def test_a_header_without_an_end_is_not_collected_for_ever() -> None:
    async def header(request: web.Request) -> web.Response:
        body = b"RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\x7f" + bytes(200_000)
        return web.Response(body=body, headers={"Content-Type": "audio/wav"})

    async with fake_web(header) as server, Http() as http:
        with pytest.raises(ProviderError, match="a WAV file without data"):
            await say(speaker(http, server.url))
