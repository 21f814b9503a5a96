"""The HTTP APIs over trivial engines: prerecorded, speak, translate."""

from __future__ import annotations

import asyncio
import io
import json
import wave
from collections.abc import Sequence

import aiohttp
import pytest

from tests.offline.conftest import Start, schema
from tests.offline.stand_ins import BurstEngine, burst, silence
from tests.support.recording import recording
from translink.offline.engines.protocols import BusyError
from translink.offline.hooks import Ask, NoFaults, Refusal
from translink.offline.server import OfflineServer

KEY = {"Authorization": "Token anything"}
DEEPL = {"Authorization": "DeepL-Auth-Key anything"}
SPEECH = silence(0.3) + burst(0.4) + silence(1) + burst(0.4) + silence(0.5)


async def post(
    server: OfflineServer, path: str, headers: dict[str, str], **body: object
) -> tuple[int, dict[str, str], bytes]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(server.url + path, headers=headers, **body) as response,  # type: ignore[arg-type]
    ):
        return response.status, dict(response.headers), await response.read()


async def test_a_recording_is_recognised_in_one_answer(start: Start) -> None:
    server = await start()
    query = "/v1/listen?model=nova-3&language=en&smart_format=true"
    status, headers, body = await post(server, query, KEY, data=recording(SPEECH))
    assert status == 200
    answer = json.loads(body)
    assert answer["metadata"]["request_id"] == headers["dg-request-id"]
    assert answer["metadata"]["duration"] == pytest.approx(2.6)
    [channel] = answer["results"]["channels"]
    assert channel["alternatives"][0]["transcript"] == "word0 word1"
    schema("deepgram-listen-v1-rest").validate(answer)


async def test_raw_audio_is_taken_with_encoding_and_rate(start: Start) -> None:
    server = await start()
    query = "/v1/listen?encoding=linear16&sample_rate=16000"
    status, _, body = await post(server, query, KEY, data=SPEECH)
    assert status == 200
    assert b"word1" in body


@pytest.mark.parametrize("asked", ["true", "en&detect_language=fr"])
async def test_a_language_that_is_to_be_found_is_refused_and_not_taken_for_english(
    start: Start, asked: str
) -> None:
    server = await start()
    status, _, answer = await post(
        server, f"/v1/listen?detect_language={asked}", KEY, data=recording(SPEECH)
    )
    assert status == 400
    assert "cannot tell languages from each other" in json.loads(answer)["err_msg"]


class DiscerningEngine(BurstEngine):
    """It takes everything for French."""

    async def detect(self, pcm: bytes, languages: Sequence[str]) -> dict[str, float]:
        return {"fr": 0.91, "en": 0.09} if any(pcm) else {}


async def test_a_language_is_found_among_those_asked_for_and_the_recording_heard_in_it(
    start: Start,
) -> None:
    server = await start(recognizer=DiscerningEngine())
    query = "/v1/listen?detect_language=en&detect_language=fr"
    status, _, answer = await post(server, query, KEY, data=recording(SPEECH))
    assert status == 200
    [channel] = json.loads(answer)["results"]["channels"]
    assert (channel["detected_language"], channel["language_confidence"]) == ("fr", 0.91)
    assert channel["alternatives"][0]["transcript"] == "word0 word1"
    _, _, answer = await post(server, query, KEY, data=recording(silence(1)))
    assert "detected_language" not in json.loads(answer)["results"]["channels"][0]
    status, _, answer = await post(
        server, "/v1/listen?detect_language=en&detect_language=xx", KEY, data=recording(SPEECH)
    )
    assert status == 400


@pytest.mark.parametrize("body", [b"no audio at all", b"", recording(b"")])
async def test_a_corrupt_recording_is_a_400(start: Start, body: bytes) -> None:
    server = await start()
    status, _, answer = await post(server, "/v1/listen", KEY, data=body)
    assert status == 400
    assert "corrupt or unsupported data" in json.loads(answer)["err_msg"]


async def test_a_recogniser_that_is_busy_is_a_429(start: Start) -> None:
    engine = BurstEngine()
    engine.fail = BusyError("all taken")
    server = await start(recognizer=engine)
    status, _, body = await post(server, "/v1/listen", KEY, data=recording(SPEECH))
    assert status == 429
    assert json.loads(body)["err_code"] == "TOO_MANY_REQUESTS"


async def test_speech_is_raw_without_container_and_wav_with(start: Start) -> None:
    server = await start()
    query = "/v1/speak?model=aura-2-agathe-fr&encoding=linear16&sample_rate=16000"
    status, headers, raw = await post(server, query + "&container=none", KEY, json={"text": "abc"})
    assert status == 200
    assert headers["Content-Type"] == "audio/l16;rate=16000"
    assert headers["dg-char-count"] == "3"
    assert len(raw) == 3 * 3200
    _, _, boxed = await post(server, query, KEY, json={"text": "abc"})
    with wave.open(io.BytesIO(boxed)) as reader:
        assert reader.getframerate() == 16000
    assert boxed.endswith(raw)


async def test_mulaw_speech_has_a_byte_per_sample(start: Start) -> None:
    server = await start()
    query = "/v1/speak?model=aura-asteria-en&encoding=mulaw&sample_rate=8000&container=none"
    _, headers, body = await post(server, query, KEY, json={"text": "abc"})
    assert headers["Content-Type"] == "audio/mulaw;rate=8000"
    assert len(body) == 2400


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        ("model=aura-2-agathe-zz", {"json": {"text": "a"}}, 400),
        ("encoding=mp3", {"json": {"text": "a"}}, 400),
        ("sample_rate=11025", {"json": {"text": "a"}}, 400),
        ("", {"json": {"text": "  "}}, 400),
        ("", {"json": {"url": "http://x"}}, 400),
        ("", {"json": {"text": "a" * 2001}}, 413),
        ("", {"data": b"<x/>", "headers": "application/xml"}, 415),
    ],
)
async def test_speech_that_cannot_be_made_is_refused(
    start: Start, query: str, body: dict[str, object], status: int
) -> None:
    server = await start()
    headers = dict(KEY)
    if kind := body.pop("headers", None):
        headers["Content-Type"] = str(kind)
    got, _, answer = await post(server, "/v1/speak?" + query, headers, **body)
    assert got == status
    assert json.loads(answer)["request_id"]


async def test_texts_are_translated_in_order(start: Start) -> None:
    server = await start()
    wanted = {
        "text": ["hello", "how are you"],
        "source_lang": "EN",
        "target_lang": "fr",
        "show_billed_characters": True,
        "model_type": "latency_optimized",
    }
    status, headers, body = await post(server, "/v2/translate", DEEPL, json=wanted)
    assert status == 200
    assert headers["X-Trace-ID"]
    assert json.loads(body)["translations"] == [
        {
            "detected_source_language": "EN",
            "text": text,
            "billed_characters": len(text),
            "model_type_used": "latency_optimized",
        }
        for text in ("HELLO", "HOW ARE YOU")
    ]


async def test_a_form_is_as_good_and_the_language_is_found_out(start: Start) -> None:
    server = await start()
    form = aiohttp.FormData([("text", "je voudrais un rendez-vous"), ("target_lang", "EN-GB")])
    status, _, body = await post(server, "/v2/translate", DEEPL, data=form)
    assert status == 200
    [translation] = json.loads(body)["translations"]
    assert translation == {
        "detected_source_language": "FR",
        "text": "JE VOUDRAIS UN RENDEZ-VOUS",
    }


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"text": ["a"]}, 400),
        ({"text": ["a"], "target_lang": "XX"}, 400),
        ({"text": [], "target_lang": "FR"}, 400),
        ({"text": ["a"] * 51, "target_lang": "FR"}, 400),
        ({"text": ["a" * 140_000], "target_lang": "FR"}, 413),
    ],
)
async def test_a_wrong_translation_request_is_refused(
    start: Start, wanted: dict[str, object], status: int
) -> None:
    server = await start()
    got, _, body = await post(server, "/v2/translate", DEEPL, json=wanted)
    assert got == status
    assert json.loads(body)["message"]


async def test_a_bad_deepl_key_is_an_empty_403(start: Start) -> None:
    server = await start()
    headers = {"Authorization": "DeepL-Auth-Key invalid"}
    status, _, body = await post(server, "/v2/translate", headers, json={})
    assert (status, body) == (403, b"")


class HttpFaults(NoFaults):
    async def http(self, ask: Ask) -> Refusal | None:
        if ask.service == "translate":
            return Refusal(456)
        if ask.service == "prerecorded" and ask.number == 0:
            await asyncio.sleep(60)
        return None

    async def chunk(self, ask: Ask, index: int, data: bytes) -> bytes | None:
        return None if ask.service == "speak" and index == 2 else data


async def test_faults_refuse_hang_and_truncate(start: Start) -> None:
    server = await start(faults=HttpFaults())
    status, _, body = await post(
        server, "/v2/translate", DEEPL, json={"text": ["a"], "target_lang": "FR"}
    )
    assert status == 456
    assert "Quota" in json.loads(body)["message"]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await post(server, "/v1/listen", KEY, data=recording(SPEECH))
    status, _, _ = await post(server, "/v1/listen", KEY, data=recording(SPEECH))
    assert status == 200
    with pytest.raises(aiohttp.ClientError):
        await post(server, "/v1/speak", KEY, json={"text": "abcdef"})


async def test_health_names_engines_and_quality(start: Start) -> None:
    server = await start()
    async with aiohttp.ClientSession() as session, session.get(server.url + "/health") as response:
        health = await response.json()
    assert health["quality"] == "offline demo quality"
    assert health["recognizer"] == {"name": "bursts", "languages": ["en", "fr"]}
