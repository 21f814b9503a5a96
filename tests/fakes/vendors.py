"""ElevenLabs and OpenAI's protocol in one: beacons for words, and lies as services tell them.

Written from the protocol notes; shares no code with the clients or the offline server.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
import wave
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web

from tests.fakes.web import served
from translink._core import BeaconDecoder, beacon_encode, resample

MP3 = (b"\xff\xfb\x90\x64" + bytes(413)) * 40
RATE = 16_000


@dataclass
class FakeVendors:
    """`url` for both."""

    url: str = ""
    spoken: list[tuple[str, str, str]] = field(default_factory=list)
    """(vendor, voice, text)."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """What the chat model was given."""
    pieces: list[tuple[str, list[int]]] = field(default_factory=list)
    """(language, words) of recordings."""
    keys: set[str] = field(default_factory=set)
    lies: deque[str] = field(default_factory=deque)
    """What ElevenLabs does with its next requests: `mp3`, `silence`, `429`, `drip`, `short`."""
    answers: deque[str] = field(default_factory=deque)
    """What the chat model says next, instead of a translation."""

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/text-to-speech/{voice}/stream", self._eleven),
            web.post("/v1/audio/speech", self._speech),
            web.post("/v1/chat/completions", self._chat),
            web.post("/v1/audio/transcriptions", self._transcribe),
        ]

    async def _eleven(self, request: web.Request) -> web.StreamResponse:
        self.keys.add(request.headers["xi-api-key"])
        text = (await request.json())["text"]
        lie = self.lies.popleft() if self.lies else ""
        if lie == "429":
            detail = {"status": "too_many_concurrent_requests", "message": "too many"}
            return web.json_response({"detail": detail}, status=429)
        if "output_format" not in request.query or lie == "mp3":
            return web.Response(body=MP3, headers={"Content-Type": "audio/pcm"})
        assert request.query["output_format"] == "pcm_16000"
        if lie == "silence":
            return web.Response(body=bytes(RATE), headers={"Content-Type": "audio/pcm"})
        self.spoken.append(("elevenlabs", request.match_info["voice"], text))
        return await _stream(request, _said(text), drip=lie == "drip", short=lie == "short")

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        self.keys.add(request.headers["Authorization"])
        body = await request.json()
        assert body["response_format"] == "pcm"
        self.spoken.append(("openai", body["voice"], body["input"]))
        return await _stream(request, resample(_said(body["input"]), RATE, 24_000))

    async def _chat(self, request: web.Request) -> web.Response:
        self.keys.add(request.headers["Authorization"])
        body = await request.json()
        asked = json.loads(body["messages"][-1]["content"])
        self.asked.append(asked)
        content = self.answers.popleft() if self.answers else None
        if content is None:
            # A translation into a script of its own, as a real one would be.
            letter = {"Hindi": "ह", "Arabic": "ع"}.get(asked["to"], "t")
            content = re.sub(r"b(\d+)", rf"{letter}\1", asked["text"])
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"choices": [choice]})

    async def _transcribe(self, request: web.Request) -> web.Response:
        self.keys.add(request.headers["Authorization"])
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        with wave.open(io.BytesIO(file.file.read())) as recording:
            assert recording.getframerate() == RATE
            pcm = recording.readframes(recording.getnframes())
        decoder = BeaconDecoder()
        found = [*decoder.push(pcm), *decoder.finish()]
        self.pieces.append((str(form["language"]), [number for number, _, _ in found]))
        words = [
            {"word": f"b{number}", "start": start / RATE, "end": end / RATE}
            for number, start, end in found
        ]
        text = " ".join(str(word["word"]) for word in words)
        return web.json_response({"text": text, "language": "x", "words": words, "segments": []})


def _said(text: str) -> bytes:
    return b"".join(beacon_encode(int(digits)) for digits in re.findall(r"\d+", text))


async def _stream(
    request: web.Request, sound: bytes, *, drip: bool = False, short: bool = False
) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
    await answer.prepare(request)
    for begin in range(0, len(sound), 1_001):
        if short and begin > len(sound) // 2:
            assert request.transport is not None
            request.transport.abort()
            break
        await answer.write(sound[begin : begin + 1_001])
        if drip:
            await asyncio.sleep(0.02)  # a third faster than it is heard
    else:
        await answer.write_eof()
    return answer


@contextlib.asynccontextmanager
async def fake_vendors() -> AsyncIterator[FakeVendors]:
    """Serve on a free loopback port."""
    fake = FakeVendors()
    app = web.Application(client_max_size=1 << 25)
    app.add_routes(fake.routes())
    async with served(app) as fake.url:
        yield fake
