"""The official OpenAI package against the offline server, and translink's own clients beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.offline.conftest import Start
from tests.support.recording import recording
from translink._core import beacon_encode
from translink.errors import Kind, ProviderError
from translink.offline.server import OfflineServer
from translink.providers.http import Http
from translink.providers.openai.endpoint import OpenAiEndpoint
from translink.providers.openai.speak import OpenAiSpeak
from translink.providers.openai.transcribe import OpenAiTranscribe
from translink.providers.openai.translate import OpenAiTranslate
from translink.sim.beacon_engines import beacon_engines

if TYPE_CHECKING:
    import openai  # where it is used, not while tests are collected: it takes 0.4 s of processor time

KEY = "only-this-key"


SPEECH = b"".join(beacon_encode(number) for number in (11, 12, 13)) + bytes(32_000)


@pytest.fixture
async def server(start: Start) -> OfflineServer:
    parts = beacon_engines()
    return await start(
        recognizer=parts.recognizer,
        translator=parts.translator,
        synthesizer=parts.synthesizer,
        key=KEY,
    )


@asynccontextmanager
async def client(server: OfflineServer, key: str = KEY) -> AsyncIterator[openai.AsyncOpenAI]:
    import openai

    async with openai.AsyncOpenAI(api_key=key, base_url=f"{server.url}/v1", max_retries=0) as made:
        yield made


async def test_the_official_client_translates_speaks_and_recognises(server: OfflineServer) -> None:
    async with client(server) as ai:
        chat = await ai.chat.completions.create(
            model="offline",
            messages=[
                {"role": "system", "content": "Translate."},
                {"role": "user", "content": '{"from": "English", "to": "fr", "text": "b1, b2."}'},
            ],
            temperature=0,
        )
        assert chat.choices[0].message.content == "t1, t2."
        assert chat.choices[0].finish_reason == "stop"
        plain = await ai.chat.completions.create(
            model="offline", messages=[{"role": "user", "content": "hello and thank you b7"}]
        )
        assert plain.choices[0].message.content == "hello and thank you t7"
        async with ai.audio.speech.with_streaming_response.create(
            model="offline", voice="offline-fr", input="t1 t2", response_format="pcm"
        ) as speech:
            pcm = await speech.read()
        assert pcm == b"".join(beacon_encode(number, rate=24_000) for number in (1, 2))
        spoken = await ai.audio.speech.create(
            model="offline", voice="alloy", input="t1", response_format="wav"
        )
        assert spoken.content[:4] == b"RIFF"
        heard = await ai.audio.transcriptions.create(
            model="whisper-1",
            file=("a.wav", recording(SPEECH)),
            language="en",
            response_format="verbose_json",
            timestamp_granularities=["word"],
        )
        assert heard.text.lower().replace(",", "").replace(".", "").split() == ["b11", "b12", "b13"]
        assert heard.words is not None
        assert [word.word for word in heard.words] == ["b11", "b12", "b13"]
        assert 0 <= heard.words[0].start < heard.words[2].end < 1.0
        short = await ai.audio.transcriptions.create(
            model="whisper-1", file=("a.wav", recording(SPEECH)), language="en"
        )
        assert short.text == heard.text
        assert [model.id async for model in ai.models.list()] == ["offline"]


async def test_the_official_client_understands_what_is_refused(server: OfflineServer) -> None:
    import openai

    async with client(server, key="another") as ai:
        with pytest.raises(openai.AuthenticationError):
            await ai.models.list()
        with pytest.raises(openai.AuthenticationError):
            await ai.chat.completions.create(model="x", messages=[])
    async with client(server) as ai:
        with pytest.raises(openai.BadRequestError, match="pcm and wav"):
            await ai.audio.speech.create(model="x", voice="x", input="t1")
        with pytest.raises(openai.BadRequestError, match="role user"):
            await ai.chat.completions.create(model="x", messages=[])
        with pytest.raises(openai.BadRequestError, match="in one piece"):
            await ai.chat.completions.create(
                model="x", messages=[{"role": "user", "content": "b1"}], stream=True
            )
        with pytest.raises(openai.BadRequestError, match="do not translate"):
            await ai.chat.completions.create(
                model="x",
                messages=[{"role": "user", "content": '{"from": "de", "to": "sw", "text": "x"}'}],
            )
        with pytest.raises(openai.BadRequestError):
            await ai.audio.transcriptions.create(model="x", file=("a.wav", b"no sound"))


async def test_our_own_clients_say_the_same(server: OfflineServer) -> None:
    async with Http() as http:
        at = OpenAiEndpoint(server.url, KEY)
        translated = await OpenAiTranslate(http, at=at).translate("b1.", source="en", target="fr")
        assert translated.text == "t1."
        speak = OpenAiSpeak(http, at=at, voices={"fr": "offline-fr"})
        pcm = b"".join([piece async for piece in speak.speak("t1 t2", language="fr")])
        assert abs(len(pcm) - len(beacon_encode(1) + beacon_encode(2))) <= 64
        result = await OpenAiTranscribe(http, at=at).transcribe(SPEECH, "en-US")
        bare = [word.text.strip(",.").lower() for word in result.words]
        assert bare == ["b11", "b12", "b13"]
        assert [word.start < word.end for word in result.words] == [True] * 3
        with pytest.raises(ProviderError, match="invalid_api_key") as caught:
            await OpenAiTranslate(http, at=OpenAiEndpoint(server.url, "wrong")).translate(
                "b1", source="en", target="fr"
            )
    assert caught.value.kind is Kind.DENIED
