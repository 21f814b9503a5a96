"""The official Deepgram and DeepL packages against the real offline engines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import deepl
import httpx
import pytest
from deepgram import AsyncDeepgramClient, DeepgramClientEnvironment
from deepgram.listen.v1.types import ListenV1Metadata, ListenV1Results

from tests.offline.real import needs_engines, serving
from tests.support.recording import recording

pytestmark = [
    needs_engines,
    pytest.mark.timeout(300),
    # The SDK's own habits, not ours.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, str]]:
    with serving() as made:
        yield made


@asynccontextmanager
async def client(server: tuple[str, str]) -> AsyncIterator[AsyncDeepgramClient]:
    """The SDK leaves its own connections open; ours are closed."""
    url, key = server
    environment = DeepgramClientEnvironment(
        base=url, production=url.replace("http", "ws"), agent=url, agent_rest=url
    )
    async with httpx.AsyncClient(timeout=60, follow_redirects=True) as connections:
        yield AsyncDeepgramClient(api_key=key, environment=environment, httpx_client=connections)


async def speech(server: tuple[str, str], text: str) -> bytes:
    async with client(server) as deepgram:
        pieces = deepgram.speak.v1.audio.generate(
            text=text,
            model="aura-2-thalia-en",
            encoding="linear16",
            sample_rate=16000,
            container="none",
        )
        return b"".join([piece async for piece in pieces])


async def test_deepgram_speaks_and_understands_its_own_recording(server: tuple[str, str]) -> None:
    pcm = await speech(server, "I would like to make an appointment.")
    async with client(server) as deepgram:
        answer = await deepgram.listen.v1.media.transcribe_file(
            request=recording(pcm), model="nova-3", language="en", smart_format=True
        )
    [channel] = answer.results.channels
    assert channel.alternatives is not None
    transcript = channel.alternatives[0].transcript
    assert transcript == "I would like to make an appointment."


@pytest.mark.alone  # interims come while a decoder keeps up with the talker
async def test_deepgram_streams(server: tuple[str, str]) -> None:
    pcm = bytes(16_000) + await speech(server, "Thank you very much.") + bytes(32_000)
    got: list[object] = []
    async with (
        client(server) as deepgram,
        deepgram.listen.v1.connect(
            model="nova-3",
            language="en",
            encoding="linear16",
            sample_rate=16000,
            interim_results="true",
            endpointing="300",
            smart_format="true",
        ) as socket,
    ):

        async def collect() -> None:
            got.extend([message async for message in socket])

        collector = asyncio.create_task(collect())
        began = time.monotonic()
        for at in range(0, len(pcm), 3_200):
            await socket.send_media(pcm[at : at + 3_200])
            await asyncio.sleep(max(0.0, began + at / 32_000 - time.monotonic()))
        await socket.send_keep_alive()
        await socket.send_finalize()
        await socket.send_close_stream()
        await asyncio.wait_for(collector, 60)
    results = [m for m in got if isinstance(m, ListenV1Results)]
    finals = [m.channel.alternatives[0].transcript for m in results if m.is_final]
    assert "Thank you very much." in finals
    assert any(not m.is_final and m.channel.alternatives[0].transcript for m in results)
    assert isinstance(got[-1], ListenV1Metadata)


def test_deepl_translates_and_counts(server: tuple[str, str]) -> None:
    url, key = server
    translator = deepl.DeepLClient(key, server_url=url)
    result = translator.translate_text("Hello, how are you?", target_lang="FR")
    assert isinstance(result, deepl.TextResult)
    assert result.text == "Bonjour, comment allez-vous ?"
    assert result.detected_source_lang == "EN"
    assert result.billed_characters == 19
    both = translator.translate_text(
        ["Merci beaucoup.", "Au revoir."], source_lang="FR", target_lang="EN-GB"
    )
    assert isinstance(both, list)
    assert [r.text for r in both] == ["Thank you very much.", "Goodbye."]
    usage = translator.get_usage()
    assert usage.character.count is not None
    assert usage.character.count >= 19
    assert "FR" in [lang.code for lang in translator.get_target_languages()]
    with pytest.raises(deepl.AuthorizationException):
        deepl.DeepLClient("invalid", server_url=url).translate_text("Hello", target_lang="FR")
