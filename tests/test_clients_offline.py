"""The clients against the offline server: the two halves that meet in every call without keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.offline.stand_ins import BurstEngine, ToneSynthesizer, UpperTranslator, burst, silence
from translink.errors import Kind, ProviderError
from translink.offline.server import OfflineServer
from translink.providers.deepgram.live import DeepgramLive, DeepgramStream
from translink.providers.deepgram.prerecorded import DeepgramPrerecorded
from translink.providers.deepgram.speak import DeepgramSpeak
from translink.providers.deepl import DeepL
from translink.providers.http import Http
from translink.results import Result, SpeechStarted, StreamEvent, StreamMetadata, UtteranceEnd
from translink.sim.fault_language import parse
from translink.sim.script import Script

KEY = "any-key-will-do"
SPEECH = silence(0.5) + burst(0.3) + silence(0.1) + burst(0.3) + silence(2)


class Rig:
    def __init__(self, script: Script, server: OfflineServer, http: Http) -> None:
        url = server.url
        self.script = script
        self.live = DeepgramLive(http, base_url=url, api_key=KEY, keep_alive=0.1)
        self.prerecorded = DeepgramPrerecorded(http, base_url=url, api_key=KEY)
        self.speak = DeepgramSpeak(http, base_url=url, api_key=KEY, timeout=0.5)
        self.deepl = DeepL(http, api_key=KEY, server_url=url)


async def read(stream: DeepgramStream) -> list[StreamEvent]:
    return [event async for event in stream]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    script = Script()
    server = OfflineServer(
        recognizer=BurstEngine(),
        translator=UpperTranslator(),
        synthesizer=ToneSynthesizer(),
        faults=script,
    )
    await server.start()
    try:
        async with Http() as http:
            yield Rig(script, server, http)
    finally:
        await server.close()


async def test_speech_becomes_a_turn_with_its_times(rig: Rig) -> None:
    stream = await rig.live.connect("en")
    await asyncio.sleep(0.3)  # A quiet beginning: silence and KeepAlives, which no time may count.
    assert stream.protocol.silence_sent
    for at in range(0, len(SPEECH), 640):
        await stream.send(SPEECH[at : at + 640])

    reader = asyncio.create_task(read(stream))
    await stream.close()
    events = await reader
    finals = [event for event in events if isinstance(event, Result) and event.final]
    assert finals[0].text == "word0 word1"
    assert finals[0].start == 0
    first, second = finals[0].words
    assert first.start == pytest.approx(8_000, abs=400)
    assert second.start == pytest.approx(14_400, abs=400)
    kinds = [type(event) for event in events]
    assert SpeechStarted in kinds
    assert UtteranceEnd in kinds
    assert kinds[-1] is StreamMetadata
    assert stream.request_id
    assert (stream.protocol.unknown, stream.protocol.malformed) == (0, 0)


async def test_prerecorded_speech_translation_and_voice(rig: Rig) -> None:
    result = await rig.prerecorded.transcribe(SPEECH, "en")
    assert result.text.split() == ["word0", "word1"]
    assert result.words[0].start == pytest.approx(8_000, abs=400)
    translation = await rig.deepl.translate("bonjour", source="fr", target="en")
    assert translation.text == "BONJOUR"
    assert (await rig.deepl.usage()).limit > 0
    sound = b"".join([pcm async for pcm in rig.speak.speak("hello", language="en")])
    assert len(sound) % 2 == 0
    assert len(sound) > 640


async def test_an_unknown_language_is_refused(rig: Rig) -> None:
    with pytest.raises(ProviderError) as caught:
        await rig.live.connect("xx")
    assert (caught.value.kind, caught.value.status) == (Kind.REFUSED, 400)


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("listen:reset", Kind.TRANSIENT, "connection lost"),
        ("listen:close(1011,net0000)", Kind.TRANSIENT, "NET-0000"),
        ("listen:close(1008,data0000)", Kind.REFUSED, "DATA-0000"),
    ],
)
async def test_a_stream_that_is_struck_ends_with_its_class(
    rig: Rig, fault: str, kind: Kind, words: str
) -> None:
    stream = await rig.live.connect("en")
    await stream.send(burst(0.3))
    await rig.script.strike(parse(fault))
    with pytest.raises(ProviderError, match=words) as caught:
        await asyncio.wait_for(read(stream), 2)
    assert caught.value.kind is kind


async def test_garbage_is_counted_and_survived(rig: Rig) -> None:
    stream = await rig.live.connect("en")
    await rig.script.strike(parse("listen:garbage"))
    for at in range(0, len(SPEECH), 640):
        await stream.send(SPEECH[at : at + 640])

    reader = asyncio.create_task(read(stream))
    await stream.close()
    finals = [e for e in await reader if isinstance(e, Result) and e.final and e.text]
    assert finals[0].text == "word0 word1"
    assert stream.protocol.malformed + stream.protocol.unknown > 0


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Kind.DENIED), (429, Kind.BUSY), (500, Kind.TRANSIENT)]
)
async def test_a_refused_service_says_so(rig: Rig, status: int, kind: Kind) -> None:
    for service in ("listen", "prerecorded", "translate", "speak"):
        await rig.script.strike(parse(f"{service}:refuse({status},60)"))

    async def speak() -> None:
        async for _ in rig.speak.speak("hello", language="en"):
            pass

    for ask in (
        rig.live.connect("en"),
        rig.prerecorded.transcribe(SPEECH, "en"),
        rig.deepl.translate("x", source="fr", target="en"),
        speak(),
    ):
        with pytest.raises(ProviderError) as caught:
            await ask
        assert (caught.value.kind, caught.value.status) == (kind, status)


async def test_a_truncated_synthesis_is_not_taken_for_a_whole_one(rig: Rig) -> None:
    await rig.script.strike(parse("speak:truncate(5)"))
    begun = time.monotonic()
    with pytest.raises(ProviderError) as caught:
        async for _ in rig.speak.speak("hello there", language="en"):
            pass
    assert caught.value.kind is Kind.TRANSIENT
    assert time.monotonic() - begun < 10
