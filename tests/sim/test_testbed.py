"""The beacon server as its clients see it, and its faults."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest

from tests.support.recording import recording
from translink._core import BeaconDecoder, beacon_encode
from translink.sim.beacon_engines import WRONG_NUMBERS, beacon_numbers
from translink.sim.script import Delays
from translink.sim.testbed import TESTBED_TIMING, beacon_server

AUTH = {"Authorization": "Token any"}
QUERY = "model=nova-3&encoding=linear16&sample_rate=16000&interim_results=true&endpointing=300"
FAST = replace(TESTBED_TIMING, interim_delay=0.0, final_delay=0.0, backlog_rate=None)
WORDS = b"".join(beacon_encode(number) for number in range(100, 110)) + bytes(32_000)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    server, _ = beacon_server(listen=FAST, delays=Delays(0.0, 0.0, 0.0))
    await server.start()
    yield server.url
    await server.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_words_come_back_once_with_their_times(url: str, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(f"{url}/v1/listen?{QUERY}", headers=AUTH) as ws:
        for at in range(0, len(WORDS), 6400):
            await ws.send_bytes(WORDS[at : at + 6400])
        await ws.send_str('{"type":"CloseStream"}')
        messages = [orjson.loads(message.data) async for message in ws]
    words = [w for m in messages if m.get("is_final") for w in words_of(m)]
    assert [beacon_numbers(word["word"])[0] for word in words] == list(range(100, 110))
    for place, word in enumerate(words):
        assert word["start"] == pytest.approx(place * 0.22, abs=0.002)
        assert word["end"] == pytest.approx(place * 0.22 + 0.14, abs=0.002)
    assert messages[-1]["type"] == "Metadata"


async def test_interims_are_revised_and_wrong_words_never_become_final(
    url: str, http: aiohttp.ClientSession
) -> None:
    audio = b"".join(beacon_encode(number) for number in range(400))
    async with http.ws_connect(f"{url}/v1/listen?{QUERY}", headers=AUTH) as ws:
        for at in range(0, len(audio), 64_000):
            await ws.send_bytes(audio[at : at + 64_000])
        await ws.send_str('{"type":"CloseStream"}')
        messages = [orjson.loads(message.data) async for message in ws]
    finals = numbers_of(m for m in messages if m.get("is_final"))
    interims = numbers_of(m for m in messages if m.get("is_final") is False)
    assert finals == list(range(400))
    assert any(number in WRONG_NUMBERS for number in interims)


async def test_a_backlog_faster_than_the_limit_is_refused_with_a_reason(
    http: aiohttp.ClientSession,
) -> None:
    server, _ = beacon_server()
    await server.start()
    try:
        async with http.ws_connect(f"{server.url}/v1/listen?{QUERY}", headers=AUTH) as ws:
            await ws.send_bytes(bytes(32_000 * 3))
            kinds = [orjson.loads(message.data)["type"] async for message in ws]
            assert kinds[-1] == "Metadata"
            assert ws.close_code == 1008
    finally:
        await server.close()


async def test_prerecorded_hears_a_word_that_ends_with_the_recording(
    url: str, http: aiohttp.ClientSession
) -> None:
    pcm = beacon_encode(7, gap_ms=30) + beacon_encode(8, gap_ms=0)
    async with http.post(
        f"{url}/v1/listen?model=nova-3", data=recording(pcm), headers=AUTH
    ) as answer:
        content = await answer.json()
    [channel] = content["results"]["channels"]
    assert beacon_numbers(channel["alternatives"][0]["transcript"]) == [7, 8]


async def test_a_vendor_that_is_down_answers_no_account_and_the_other_vendor_answers(
    url: str, http: aiohttp.ClientSession
) -> None:
    order = {"strike": ["translate:vendor_down(60)"]}
    async with http.post(f"{url}/faults", json=order) as answer:
        assert answer.status == 200
    body = {"text": ["b12"], "source_lang": "EN", "target_lang": "FR"}
    for key in ("first", "the-backup"):
        auth = {"Authorization": f"DeepL-Auth-Key {key}"}
        with pytest.raises(aiohttp.ClientError):
            await http.post(f"{url}/v2/translate", json=body, headers=auth)
    said = orjson.dumps({"from": "English", "to": "French", "text": "b12"}).decode()
    chat = {"model": "x", "messages": [{"role": "user", "content": said}]}
    auth = {"Authorization": "Bearer any"}
    async with http.post(f"{url}/v1/chat/completions", json=chat, headers=auth) as answer:
        assert (await answer.json())["choices"][0]["message"]["content"] == "t12"


async def test_words_are_translated_and_spoken_with_their_numbers(
    url: str, http: aiohttp.ClientSession
) -> None:
    body = {"text": ["b12, b13. hello"], "source_lang": "EN", "target_lang": "FR"}
    auth = {"Authorization": "DeepL-Auth-Key any"}
    async with http.post(f"{url}/v2/translate", json=body, headers=auth) as answer:
        text = (await answer.json())["translations"][0]["text"]
    assert text == "t12, t13. hello"
    speak = (
        f"{url}/v1/speak?model=aura-2-agathe-fr&encoding=linear16&sample_rate=16000&container=none"
    )
    async with http.post(speak, json={"text": text}, headers=AUTH) as answer:
        sound = await answer.read()
    assert [number for number, _, _ in BeaconDecoder().push(sound)] == [12, 13]


async def test_a_reset_breaks_the_open_stream_and_the_next_one_works(
    url: str, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(f"{url}/v1/listen?{QUERY}", headers=AUTH) as ws:
        await ws.send_bytes(WORDS[:6400])
        await strike(http, url, "listen:reset")
        message = await ws.receive()
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    async with http.ws_connect(f"{url}/v1/listen?{QUERY}", headers=AUTH):
        pass
    observed = await faults(http, url)
    assert [stream["fate"] for stream in observed["streams"]] == ["ended", "ended"]
    assert observed["struck"][0]["streams"] == [0]


async def test_an_outage_breaks_streams_and_lets_none_open_until_it_is_over(
    url: str, http: aiohttp.ClientSession
) -> None:
    await strike(http, url, "listen:outage(2)")
    with pytest.raises(aiohttp.ClientError):
        await http.ws_connect(f"{url}/v1/listen?{QUERY}", headers=AUTH)
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.ws_connect(f"{url}/v1/listen?{QUERY}", headers=AUTH):
                    break
            await asyncio.sleep(0.05)
    observed = await faults(http, url)
    assert [stream["fate"] for stream in observed["streams"]][-2:] == ["reset", "ended"]


@pytest.mark.parametrize("status", [401, 402, 403, 429, 500])
async def test_a_refusal_has_the_status_asked_for(
    url: str, http: aiohttp.ClientSession, status: int
) -> None:
    await strike(http, url, f"listen+prerecorded:refuse({status})")
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await http.ws_connect(f"{url}/v1/listen?{QUERY}", headers=AUTH)
    assert caught.value.status == status
    async with http.post(
        f"{url}/v1/listen?model=nova-3", data=recording(WORDS), headers=AUTH
    ) as answer:
        assert answer.status == status


async def test_a_mute_stream_reads_but_says_nothing(url: str, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(f"{url}/v1/listen?{QUERY}", headers=AUTH) as ws:
        await strike(http, url, "listen:mute")
        await ws.send_bytes(WORDS)
        with pytest.raises(TimeoutError):
            await ws.receive(timeout=0.3)
    assert (await faults(http, url))["counts"]["listen.swallowed"] > 0


async def test_a_zombie_stream_neither_reads_nor_answers(
    url: str, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(
        f"{url}/v1/listen?{QUERY}", headers=AUTH, timeout=aiohttp.ClientWSTimeout(ws_close=0.1)
    ) as ws:
        await strike(http, url, "listen:zombie")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(flood(ws), 1.0)
        with pytest.raises(TimeoutError):
            await ws.receive(timeout=0.1)


async def test_garbage_comes_in_and_the_stream_goes_on(
    url: str, http: aiohttp.ClientSession
) -> None:
    async with http.ws_connect(f"{url}/v1/listen?{QUERY}", headers=AUTH) as ws:
        await strike(http, url, "listen:garbage(30)")
        for _ in range(30):
            await ws.receive(timeout=5)
        await ws.send_bytes(WORDS)
        await ws.send_str('{"type":"CloseStream"}')
        messages = [orjson.loads(message.data) async for message in ws]
    assert numbers_of(m for m in messages if m.get("is_final")) == list(range(100, 110))


async def test_a_close_has_its_code_and_reason(url: str, http: aiohttp.ClientSession) -> None:
    async with http.ws_connect(f"{url}/v1/listen?{QUERY}", headers=AUTH) as ws:
        await strike(http, url, "listen:close(1011,net0000)")
        last = await ws.receive(timeout=5)
        assert orjson.loads(last.data)["type"] == "Metadata", "as before every close of Deepgram's"
        message = await ws.receive(timeout=5)
        assert (message.data, message.extra) == (1011, "net0000")


async def test_prerecorded_beyond_its_limit_is_asked_to_wait(
    http: aiohttp.ClientSession,
) -> None:
    server, _ = beacon_server(delays=Delays(prerecorded=1.0))
    await server.start()
    try:
        await strike(http, server.url, "prerecorded:limit(2)")

        async def ask() -> int:
            target = f"{server.url}/v1/listen?model=nova-3"
            async with http.post(target, data=recording(WORDS), headers=AUTH) as answer:
                return answer.status

        assert sorted(await asyncio.gather(*(ask() for _ in range(5)))) == [200, 200, 429, 429, 429]
        counts = (await faults(http, server.url))["counts"]
        assert counts["prerecorded.peak"] == 2
        assert counts["prerecorded.refused"] == 3
    finally:
        await server.close()


async def test_truncated_speech_breaks_off(url: str, http: aiohttp.ClientSession) -> None:
    await strike(http, url, "speak:truncate(1)")
    speak = (
        f"{url}/v1/speak?model=aura-2-agathe-fr&encoding=linear16&sample_rate=16000&container=none"
    )
    with pytest.raises(aiohttp.ClientPayloadError):
        async with http.post(speak, json={"text": "t1 t2 t3 t4"}, headers=AUTH) as answer:
            await answer.read()
    async with http.post(speak, json={"text": "t1 t2 t3 t4"}, headers=AUTH) as answer:
        assert len(await answer.read()) == 4 * len(beacon_encode(1))


async def test_a_wrong_order_is_refused_with_what_would_be_right(
    url: str, http: aiohttp.ClientSession
) -> None:
    async with http.post(f"{url}/faults", json={"strike": ["listen:explode"]}) as answer:
        assert answer.status == 400
        assert "none of reset" in (await answer.json())["error"]


async def flood(ws: aiohttp.ClientWebSocketResponse) -> None:
    """25 MB: more than the kernel's buffers hold."""
    for _ in range(400):
        await ws.send_bytes(bytes(65_536))


async def strike(http: aiohttp.ClientSession, url: str, *texts: str) -> None:
    async with http.post(f"{url}/faults", json={"strike": texts}) as answer:
        assert answer.status == 200, await answer.text()


async def faults(http: aiohttp.ClientSession, url: str) -> dict:  # type: ignore[type-arg]
    async with http.get(f"{url}/faults") as answer:
        return await answer.json()  # type: ignore[no-any-return]


def words_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    words: list[dict[str, Any]] = message["channel"]["alternatives"][0]["words"]
    return words


def numbers_of(messages: Iterable[dict[str, Any]]) -> list[int]:
    return [n for m in messages for w in words_of(m) for n in beacon_numbers(w["word"])]
