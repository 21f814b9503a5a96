"""A synthesis answers at another rate: what comes out is 16 kHz, the same sound, as it comes."""

from __future__ import annotations

from aiohttp import web

from tests.fakes.web import fake_web
from translink._core import BeaconDecoder, beacon_encode, resample
from translink.providers.http import Http
from translink.providers.sound import sound_of


async def heard(body: bytes, kind: str, rate: int = 16_000) -> bytes:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Type": kind})

    async with (
        fake_web(answer) as server,
        Http() as http,
        http.stream("POST", server.url, provider="p", within=5.0) as reply,
    ):
        sound = sound_of(reply, "a text", provider="p", rate=rate)
        return b"".join([pcm async for pcm in sound])


async def test_sound_of_24_khz_is_heard_at_16() -> None:
    words = b"".join(beacon_encode(number) for number in (3, 1, 4))
    pcm = await heard(resample(words, 16_000, 24_000), "audio/pcm", rate=24_000)
    assert abs(len(pcm) - len(words)) <= 64
    decoder = BeaconDecoder()
    found = [*decoder.push(pcm), *decoder.finish()]
    assert [number for number, _, _ in found] == [3, 1, 4]


async def test_sound_of_16_khz_is_handed_on_as_it_is() -> None:
    assert await heard(bytes(range(200)), "audio/pcm") == bytes(range(200))
