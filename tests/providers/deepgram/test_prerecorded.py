"""Prerecorded recognition against a small server and recorded answers."""

from __future__ import annotations

import asyncio
import io
import json
import wave

import jsonschema
import pytest
from aiohttp import web

from tests.fakes.web import fake_web, raw_server, read_request
from tests.support.paths import SHARED, needs_shared
from translink.errors import Kind, ProviderError
from translink.providers.billing import heard_by
from translink.providers.deepgram.options import ListenOptions
from translink.providers.deepgram.prerecorded import DeepgramPrerecorded
from translink.providers.http import Http
from translink.results import Detected

KEY = "dg-key-0123456789abcdef"
PCM = bytes(range(256)) * 125


def said(transcript: str, words: list[dict[str, object]]) -> dict[str, object]:
    best = {"transcript": transcript, "confidence": 0.9, "words": words}
    return {"metadata": {}, "results": {"channels": [{"alternatives": [best]}]}}


async def test_audio_goes_as_wav_and_comes_back_as_one_final() -> None:
    async def answer(request: web.Request) -> web.Response:
        word = {"word": "bonjour", "punctuated_word": "Bonjour.", "start": 0.25, "end": 0.5}
        return web.json_response(said("Bonjour.", [word]))

    async with fake_web(answer) as server, Http() as http:
        options = ListenOptions(keyterm=("bonjour",))
        result = await DeepgramPrerecorded(
            http, base_url=server.url, api_key=KEY, options=options, name="dg.two"
        ).transcribe(PCM, "fr")
    assert (result.start, result.end, result.text) == (0, 16_000, "Bonjour.")
    (word,) = result.words
    assert (word.text, word.start, word.end) == ("Bonjour.", 4_000, 8_000)
    assert (result.final, result.speech_final, result.provider) == (True, True, "dg.two")
    assert result.received > 0
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/v1/listen")
    assert seen.query == [
        ("model", "nova-3"),
        ("smart_format", "true"),
        ("keyterm", "bonjour"),
        ("language", "fr"),
    ]
    assert seen.headers["authorization"] == f"Token {KEY}"
    assert seen.headers["content-type"] == "audio/wav"
    assert len(seen.body) == 44 + len(PCM)
    with wave.open(io.BytesIO(seen.body)) as read:
        assert (read.getframerate(), read.getnchannels(), read.getsampwidth()) == (16_000, 1, 2)
        assert read.readframes(99_999) == PCM


@needs_shared
@pytest.mark.parametrize("number", range(1, 9))
async def test_a_recorded_answer_is_read(number: int) -> None:
    data = SHARED / "protocols/data"
    path = data / f"deepgram/fixtures/python-sdk-v4.8.1/rest-{number:02}-response.json"
    recorded = json.loads(path.read_text())
    schema = json.loads((data / "derived/schemas/deepgram-listen-v1-rest.schema.json").read_text())
    jsonschema.validate(recorded, schema["definitions"]["ListenV1Response"])

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(recorded)

    async with fake_web(answer) as server, Http() as http:
        result = await DeepgramPrerecorded(http, base_url=server.url, api_key=KEY).transcribe(
            PCM, "en"
        )
    best = recorded["results"]["channels"][0]["alternatives"][0]
    assert result.text == best["transcript"]
    assert len(result.words) == len(best["words"])
    assert result.words[-1].end == pytest.approx(best["words"][-1]["end"] * 16_000, abs=1)


async def test_silence_has_no_words() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(said("", []))

    async with fake_web(answer) as server, Http() as http:
        result = await DeepgramPrerecorded(http, base_url=server.url, api_key=KEY).transcribe(
            PCM, "en"
        )
    assert (result.text, result.words, result.end) == ("", (), 16_000)


async def test_no_audio_is_not_sent() -> None:
    async with Http() as http:
        client = DeepgramPrerecorded(http, base_url="http://127.0.0.1:1", api_key=KEY)
        assert (await client.transcribe(b"", "en")).text == ""


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"request_id":"x"}',
        '{"results":{"channels":[]}}',
        '{"results":{"channels":[{"alternatives":[{"transcript":7}]}]}}',
        '{"results":{"channels":[{"alternatives":[{"transcript":"a","words":7}]}]}}',
        '{"results":{"channels":[{"alternatives":[{"transcript":"' + "a" * 20_001 + '"}]}]}}',
    ],
)
async def test_an_answer_without_a_transcript_is_transient(body: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=body, headers={"dg-request-id": "req-7"})

    async with fake_web(answer) as server, Http() as http:
        with pytest.raises(ProviderError) as caught:
            await DeepgramPrerecorded(http, base_url=server.url, api_key=KEY).transcribe(PCM, "en")
    assert (caught.value.kind, caught.value.request_id) == (Kind.TRANSIENT, "req-7")


async def test_too_many_at_once_is_busy_and_says_how_long() -> None:
    async def answer(request: web.Request) -> web.Response:
        body = {"err_code": "TOO_MANY_REQUESTS", "err_msg": "Please try again later"}
        return web.json_response(body, status=429, headers={"Retry-After": "2"})

    async with fake_web(answer) as server, Http() as http:
        with pytest.raises(ProviderError) as caught:
            await DeepgramPrerecorded(http, base_url=server.url, api_key=KEY).transcribe(PCM, "en")
    assert (caught.value.kind, caught.value.retry_after) == (Kind.BUSY, 2.0)


async def test_a_server_that_takes_the_audio_and_hangs_is_bounded() -> None:
    async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.read()

    async with raw_server(hang) as url, Http() as http:
        client = DeepgramPrerecorded(http, base_url=url, api_key=KEY, timeout=0.1)
        with pytest.raises(ProviderError, match="timed out") as caught:
            await client.transcribe(PCM, "en")
        assert caught.value.kind is Kind.TRANSIENT


# --- Which language is it? ---


async def detected(answer: dict[str, object], *languages: str) -> tuple[object, list[object]]:
    async def answers(request: web.Request) -> web.Response:
        return web.json_response(answer)

    async with fake_web(answers) as server, Http() as http:
        found = await DeepgramPrerecorded(http, base_url=server.url, api_key=KEY).detect(
            PCM, languages or ("en", "pt-BR")
        )
    return found, [each for seen in server.seen for each in seen.query]


def spoken(**channel: object) -> dict[str, object]:
    best = {"transcript": "olá", "confidence": 0.8, "words": []}
    return {"results": {"channels": [{"alternatives": [best], **channel}]}}


async def test_a_language_is_asked_for_among_the_candidates_and_no_language_is_named() -> None:
    found, query = await detected(spoken(detected_language="pt", language_confidence=0.97))
    assert found == Detected("pt", 0.97)
    assert query == [
        ("model", "nova-3"),
        ("smart_format", "true"),
        ("detect_language", "en"),
        ("detect_language", "pt"),
    ]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (spoken(detected_language="pt"), Detected("pt", 0.8)),  # an older server
        (spoken(detected_language="pt", language_confidence="much"), Detected("pt", 0.8)),
        (spoken(detected_language="pt", language_confidence=7), Detected("pt", 0.0)),
        (spoken(), None),
        (spoken(detected_language=None), None),
        (said("", []), None),
    ],
)
async def test_a_detector_that_says_little_is_not_believed(
    answer: dict[str, object], found: object
) -> None:
    assert (await detected(answer))[0] == found


async def test_a_language_that_was_looked_for_is_counted_found_or_not() -> None:
    counted: list[tuple[str, float]] = []
    token = heard_by.set(lambda provider, seconds: counted.append((provider, seconds)))
    try:
        await detected(spoken(detected_language="pt"))
        await detected(spoken())
    finally:
        heard_by.reset(token)
    assert counted == [("deepgram.prerecorded", 1.0)] * 2


@pytest.mark.parametrize("answer", [{}, {"results": {"channels": []}}, {"results": None}])
async def test_no_answer_of_a_detector_is_an_error(answer: dict[str, object]) -> None:
    with pytest.raises(ProviderError) as caught:
        await detected(answer)
    assert caught.value.kind is Kind.TRANSIENT


@pytest.mark.parametrize(
    ("languages", "known"),
    [
        (("en", "fr", "de"), True),
        (("en", "pt-BR"), True),
        (("en-GB", "en-US"), False),
        (("en", "bn"), False),
    ],
)
def test_which_languages_it_tells_from_each_other(languages: tuple[str, ...], known: bool) -> None:
    assert DeepgramPrerecorded(Http(), api_key=KEY).detects(languages) is known
