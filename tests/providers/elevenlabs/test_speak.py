"""ElevenLabs' voices against a small server that lies as services do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from tests.fakes.web import fake_web, raw_server, read_request
from translink.errors import Kind, ProviderError, SettingsError
from translink.providers.elevenlabs.speak import FLASH_LANGUAGES, GEORGE, ElevenLabsSpeak
from translink.providers.http import Http

KEY = "sk_0123456789abcdef0123"
SOUND = bytes(range(1, 201)) * 10
MP3 = (b"\xff\xfb\x90\x64" + bytes(413)) * 20
"""128 kbit/s at 44.1 kHz: what comes when `output_format` is forgotten."""
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nTransfer-Encoding: chunked\r\n\r\n"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def sound(request: web.Request) -> web.Response:
    return web.Response(body=SOUND, headers={"Content-Type": "audio/pcm"})


async def say(speak: ElevenLabsSpeak, text: str = "Dzień dobry.", language: str = "pl") -> bytes:
    return b"".join([pcm async for pcm in speak.speak(text, language=language)])


async def failure(answer: Answer) -> ProviderError:
    async with fake_web(answer) as server, Http() as http:
        with pytest.raises(ProviderError) as caught:
            await say(ElevenLabsSpeak(http, base_url=server.url, api_key=KEY))
    assert KEY not in str(caught.value)
    return caught.value


async def test_the_format_is_in_the_query_the_key_in_its_own_header_and_the_language_a_code() -> (
    None
):
    async with fake_web(sound) as server, Http() as http:
        assert await say(ElevenLabsSpeak(http, base_url=server.url, api_key=KEY)) == SOUND
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", f"/v1/text-to-speech/{GEORGE}/stream")
    assert seen.query == [("output_format", "pcm_16000")]
    assert seen.headers["xi-api-key"] == KEY
    assert "authorization" not in seen.headers
    assert json.loads(seen.body) == {
        "text": "Dzień dobry.",
        "model_id": "eleven_flash_v2_5",
        "language_code": "pl",
    }


@pytest.mark.parametrize(
    ("language", "voice", "code"),
    [
        ("pt-BR", "brazilian", "pt"),
        ("pt", "portuguese", "pt"),
        ("pt_PT", "portuguese", "pt"),
        ("ar", GEORGE, "ar"),
        ("nb", GEORGE, "no"),
        ("tl", GEORGE, "fil"),
    ],
)
async def test_voices_are_looked_up_by_variant_then_by_language(
    language: str, voice: str, code: str
) -> None:
    voices = {"pt-BR": "brazilian", "pt": "portuguese"}
    async with fake_web(sound) as server, Http() as http:
        speak = ElevenLabsSpeak(http, base_url=server.url, api_key=KEY, voices=voices)
        assert speak.speaks(language)
        await say(speak, language=language)
    (seen,) = server.seen
    assert seen.path == f"/v1/text-to-speech/{voice}/stream"
    assert json.loads(seen.body)["language_code"] == code


def test_it_knows_what_its_model_speaks_without_asking() -> None:
    flash = ElevenLabsSpeak(Http(), api_key=KEY)
    assert len(FLASH_LANGUAGES) == 32
    assert all(flash.speaks(language) for language in ("pl", "ar", "hi", "pt-BR", "vi", "zh-TW"))
    assert not flash.speaks("th")
    assert not flash.speaks("he")
    older = ElevenLabsSpeak(Http(), api_key=KEY, model="eleven_multilingual_v2")
    assert (older.speaks("pl"), older.speaks("vi")) == (True, False)
    only = ElevenLabsSpeak(Http(), api_key=KEY, voice=None, voices={"pl": "x"})
    assert (only.speaks("pl"), only.speaks("de")) == (True, False)
    assert ElevenLabsSpeak(Http(), api_key=KEY, model="eleven_v3").speaks("th"), "not known here"


async def test_without_a_voice_nothing_is_asked() -> None:
    async with Http() as http:
        speak = ElevenLabsSpeak(http, base_url="http://127.0.0.1:1", api_key=KEY, voice=None)
        with pytest.raises(ProviderError, match=r"elevenlabs\.voices\.pl") as caught:
            await say(speak)
    assert caught.value.kind is Kind.REFUSED


async def test_a_model_that_takes_no_language_code_is_sent_none_and_speed_only_when_set() -> None:
    async with fake_web(sound) as server, Http() as http:
        await say(
            ElevenLabsSpeak(
                http, base_url=server.url, api_key=KEY, model="eleven_multilingual_v2", speed=1.1
            )
        )
    body = json.loads(server.seen[0].body)
    assert "language_code" not in body
    assert body["voice_settings"] == {"speed": 1.1}


async def test_a_voice_id_cannot_leave_its_place_in_the_path() -> None:
    async with fake_web(sound) as server, Http() as http:
        await say(ElevenLabsSpeak(http, base_url=server.url, api_key=KEY, voice="../../v1/user"))
    assert server.seen[0].path.startswith("/v1/text-to-speech/")
    assert server.seen[0].path.endswith("/stream")


async def test_it_drips_and_samples_stay_whole_and_the_first_comes_at_once() -> None:
    heard = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED + chunk(b"abc"))
        await heard.wait()
        for one in (b"d", b"e", b"f"):
            writer.write(chunk(one))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async with raw_server(drip) as url, Http() as http:
        got = []
        async for pcm in ElevenLabsSpeak(http, base_url=url, api_key=KEY).speak(
            "Tak.", language="pl"
        ):
            got.append(pcm)
            heard.set()
    assert got[0] == b"ab"
    assert b"".join(got) == b"abcdef"
    assert all(len(piece) % 2 == 0 for piece in got)


@pytest.mark.parametrize("kind", ["audio/mpeg", "audio/pcm", "application/octet-stream"])
async def test_mp3_is_refused_rather_than_played_as_noise_whatever_it_calls_itself(
    kind: str,
) -> None:
    async def mp3(request: web.Request) -> web.Response:
        return web.Response(body=MP3, headers={"Content-Type": kind})

    error = await failure(mp3)
    assert error.kind is Kind.REFUSED
    assert "instead of linear16" in str(error)


async def test_no_sound_and_a_body_that_breaks_off_are_transient() -> None:
    async def nothing(request: web.Request) -> web.Response:
        return web.Response(body=b"", headers={"Content-Type": "audio/pcm"})

    assert (await failure(nothing)).kind is Kind.TRANSIENT

    async def truncate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED + chunk(SOUND))
        await writer.drain()

    async with raw_server(truncate) as url, Http() as http:
        with pytest.raises(ProviderError) as caught:
            await say(ElevenLabsSpeak(http, base_url=url, api_key=KEY))
    assert caught.value.kind is Kind.TRANSIENT


async def test_a_stall_is_transient_and_closing_cancels_the_request() -> None:
    gone = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(CHUNKED + chunk(SOUND))
        await reader.read()
        gone.set()

    async with raw_server(stall) as url, Http() as http:
        with pytest.raises(ProviderError, match="timed out"):
            await say(ElevenLabsSpeak(http, base_url=url, api_key=KEY, timeout=0.1))
        gone.clear()
        speak = ElevenLabsSpeak(http, base_url=url, api_key=KEY).speak("x", language="pl")
        assert await anext(speak)
        await speak.aclose()
        await asyncio.wait_for(gone.wait(), 5)


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (
            429,
            {"detail": {"status": "too_many_concurrent_requests", "message": "Too many."}},
            Kind.BUSY,
            "too_many_concurrent_requests: Too many.",
        ),
        (
            429,
            {"detail": {"status": "system_busy", "message": "Later."}},
            Kind.BUSY,
            "system_busy",
        ),
        (401, {"detail": {"status": "invalid_api_key"}}, Kind.DENIED, "invalid_api_key"),
        (
            422,
            {"detail": [{"loc": ["body"], "msg": "field required", "type": "missing"}]},
            Kind.REFUSED,
            "missing: field required",
        ),
        (500, {"detail": "Internal Server Error"}, Kind.TRANSIENT, "Internal Server Error"),
    ],
)
async def test_refusals_have_their_class_and_its_words(
    status: int, body: dict[str, object], kind: Kind, words: str
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    error = await failure(refuse)
    assert (error.kind, error.status) == (kind, status)
    assert words in str(error)


async def test_credits_that_are_used_up_are_no_wrong_key() -> None:
    async def refuse(request: web.Request) -> web.Response:
        body = {"detail": {"status": "quota_exceeded", "message": "0 credits remaining"}}
        return web.json_response(body, status=401)

    error = await failure(refuse)
    assert (error.kind, error.status) == (Kind.DENIED, 402)
    assert "answered 401: quota_exceeded: 0 credits remaining" in str(error)


async def test_a_key_that_comes_back_in_an_error_is_struck_out() -> None:
    async def echo(request: web.Request) -> web.Response:
        shown = request.headers["xi-api-key"]
        return web.json_response({"detail": {"message": f"bad key {shown}"}}, status=401)

    assert "***" in str(await failure(echo))


async def test_a_long_text_is_spoken_in_parts_and_blank_text_not_at_all() -> None:
    text = " ".join(f"Zdanie numer {n} jest tutaj." for n in range(60))
    async with fake_web(sound) as server, Http() as http:
        speak = ElevenLabsSpeak(http, base_url=server.url, api_key=KEY)
        assert await say(speak, " \n") == b""
        assert await say(speak, text) == SOUND * 2
    assert " ".join(json.loads(seen.body)["text"] for seen in server.seen) == text


async def test_connections_are_opened_ahead() -> None:
    async with fake_web(sound) as server, Http() as http:
        speak = ElevenLabsSpeak(http, base_url=server.url, api_key=KEY)
        assert await speak.warm() == 1
        await say(speak)
    assert len(server.peers) == 1


def test_a_wrong_key_or_address_is_refused_by_the_settings_name() -> None:
    with pytest.raises(SettingsError, match=r"elevenlabs\.api_key") as caught:
        ElevenLabsSpeak(Http(), api_key="top\nsecret")
    assert "secret" not in str(caught.value)
    with pytest.raises(SettingsError, match=r"elevenlabs\.base_url"):
        ElevenLabsSpeak(Http(), api_key=KEY, base_url="ftp://x")
