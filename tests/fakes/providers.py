"""Deepgram and DeepL in one: beacons for words, fixed delays, and a record of what was asked.

It shares no code with the offline server, so that the two can disagree. Speech is beacon words: a
recogniser hears `b17`, the translator makes `t17` of it, the voice says beacon 17. Knobs are plain
attributes and may be turned while a call runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import WSCloseCode, WSMsgType, web

from tests.fakes.web import served
from translink._core import BeaconDecoder, beacon_encode

RATE = 16_000
ENDPOINTING = 0.3
"""Seconds of silence that end an utterance."""


@dataclass
class FakeStream:
    """One live connection."""

    language: str
    query: dict[str, str]
    messages: int = 0
    bytes: int = 0
    texts: list[str] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    keyterms: list[str] = field(default_factory=list)
    """As they are now."""
    open: bool = True

    @property
    def closed_in_order(self) -> bool:
        """CloseStream came, and nothing after it."""
        return not self.open and '{"type":"CloseStream"}' in self.texts[-1:]


@dataclass
class FakeUpload:
    """One prerecorded request."""

    language: str
    seconds: float
    words: list[int]
    silent: bool
    """There was no sound at all in it."""
    keyterms: list[str] = field(default_factory=list)


@dataclass
class Asked:
    """One translation."""

    text: str
    source: str
    target: str
    context: str
    glossaries: tuple[str, ...] = ()


class FakeProviders:
    """`url` for Deepgram and DeepL alike."""

    def __init__(self) -> None:
        self.url = ""
        self.handshakes = 0
        self.streams: list[FakeStream] = []
        self.sockets: set[web.WebSocketResponse] = set()
        """Those of open streams, for a test that breaks them."""
        self.uploads: list[FakeUpload] = []
        self.language = ""
        """What a detector of languages hears."""
        self.detections: list[tuple[list[str], list[int]]] = []
        """(languages it was restricted to, words)."""
        self.asked: list[Asked] = []
        self.spoken: list[tuple[str, str]] = []
        """(voice, text)."""
        self.keys: set[str] = set()
        """Credentials that were shown."""
        self.handshake = 0.15
        """Seconds."""
        self.refuse: dict[str, int] = {}
        """Service (`listen`, `prerecorded`, `translate`, `speak`) to HTTP status."""
        self.refusal_name = "NO"
        """Of the error in such an answer."""
        self.dictionaries: dict[str, set[tuple[str, str]]] = {}
        """Glossary to the pairs that it has; one that is not here has all."""
        self.configures = True
        """Whether a stream takes key terms while it is open."""
        self.unknown_voices: set[str] = set()
        self.final_delay = 0.1
        self.transcribe_delay: Callable[[list[int]], float] = lambda _: 0.1
        self.translate_delay: Callable[[str], float] = lambda _: 0.05
        self.translated: Callable[[str], str] = lambda text: re.sub(r"b(\d+)", r"t\1", text)
        self.sound: Callable[[int], bytes] = beacon_encode
        """Of a number that is spoken."""
        self.quota = 1_000, 500_000
        """Characters used and allowed, as DeepL tells."""
        self.refuse_text: Callable[[str], int | None] = lambda _: None
        """Status instead of a translation."""

    def forget(self) -> None:
        """Begin anew; open streams go on in the old lists."""
        self.handshakes = 0
        for seen in (self.streams, self.uploads, self.detections, self.asked, self.spoken):
            seen.clear()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/listen", self._listen),
            web.post("/v1/listen", self._prerecorded),
            web.post("/v2/translate", self._translate),
            web.get("/v2/usage", self._usage),
            web.post("/v1/speak", self._speak),
        ]

    # --- Services ---

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        if "Upgrade" not in request.headers:  # a client that warms its connection
            return web.Response(status=400)
        return await self._streamed(
            request, "language", lambda stream, socket: _Hearing(stream, socket, self).run()
        )

    async def _streamed(
        self,
        request: web.Request,
        language: str,
        run: Callable[[FakeStream, web.WebSocketResponse], Awaitable[None]],
    ) -> web.StreamResponse:
        """A stream, from its handshake to its end; `language` names the parameter."""
        self.handshakes += 1
        await asyncio.sleep(self.handshake)
        self._note(request)
        if refused := self._refused("listen", request):
            return refused
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        stream = FakeStream(request.query.get(language, ""), dict(request.query))
        stream.keyterms = request.query.getall("keyterm", [])
        self.streams.append(stream)
        self.sockets.add(socket)
        try:
            await run(stream, socket)
        finally:
            self.sockets.discard(socket)
            stream.open = False
        return socket

    async def _usage(self, _: web.Request) -> web.Response:
        count, limit = self.quota
        return web.json_response({"character_count": count, "character_limit": limit})

    async def _prerecorded(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        if refused := self._refused("prerecorded", request):
            return refused
        body = await request.read()
        assert body[:4] == b"RIFF"
        pcm = body[44:]
        decoder = BeaconDecoder()
        found = [*decoder.push(pcm), *decoder.finish()]
        words = [number for number, _, _ in found]
        seconds = len(pcm) / 2 / RATE
        language = request.query.get("language", "")
        terms = request.query.getall("keyterm", [])
        among = request.query.getall("detect_language", [])
        if among:
            assert not language, "a request asks for one language, or to find it"
            self.detections.append((among, words))
        else:
            self.uploads.append(FakeUpload(language, seconds, words, not any(pcm), terms))
        await asyncio.sleep(self.transcribe_delay(words))
        channel: dict[str, object] = {"alternatives": [_alternative(found)]}
        if among and words:
            known = self.language in among
            channel["detected_language"] = self.language if known else among[0]
            channel["language_confidence"] = 0.93 if known else 0.2
        return web.json_response(
            {
                "metadata": {"request_id": "r", "duration": seconds, "channels": 1},
                "results": {"channels": [channel]},
            }
        )

    async def _translate(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        if refused := self._refused("translate", request):
            return refused
        body = json.loads(await request.read())
        (text,) = body["text"]
        one = body.get("glossary_id")
        asked = Asked(
            text,
            body["source_lang"],
            body["target_lang"],
            body.get("context", ""),
            tuple([one] if one else body.get("glossary_ids", [])),
        )
        pair = (asked.source, asked.target)
        if any(pair not in self.dictionaries.get(each, {pair}) for each in asked.glossaries):
            return web.json_response({"message": "No dictionary for the pair"}, status=400)
        self.asked.append(asked)
        await asyncio.sleep(self.translate_delay(text))
        if status := self.refuse_text(text):
            return web.json_response({"message": "no"}, status=status)
        answer = {"detected_source_language": asked.source, "text": self.translated(text)}
        return web.json_response({"translations": [answer]})

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        self._note(request)
        if refused := self._refused("speak", request):
            return refused
        text = json.loads(await request.read())["text"]
        if request.query["model"] in self.unknown_voices:
            error = {"err_code": "INVALID_QUERY_PARAMETER", "err_msg": "No such model"}
            return web.json_response(error, status=400)
        self.spoken.append((request.query["model"], text))
        assert request.query["container"] == "none"
        await asyncio.sleep(0.08)
        answer = web.StreamResponse(headers={"Content-Type": "audio/l16;rate=16000;channels=1"})
        await answer.prepare(request)
        for digits in re.findall(r"\d+", text):
            await answer.write(self.sound(int(digits)))
        await answer.write_eof()
        return answer

    def _note(self, request: web.Request) -> None:
        self.keys.add(request.headers.get("Authorization", ""))

    def _refused(self, service: str, request: web.Request) -> web.Response | None:
        status = self.refuse.get(service)
        if status is None:
            return None
        # As careless as a server can be: what it was shown comes back in headers and body.
        shown = request.headers.get("Authorization", "")
        said = f"refused {shown}"
        error = {"err_code": self.refusal_name, "err_msg": said, "request_id": "r"}
        return web.json_response(error, status=status, headers={"dg-error": f"refused {shown}"})


class _Hearing:
    """The recogniser of one stream: an interim for each new word, a final after a pause."""

    def __init__(
        self, stream: FakeStream, socket: web.WebSocketResponse, fake: FakeProviders
    ) -> None:
        self._stream = stream
        self._socket = socket
        self._fake = fake
        self._decoder = BeaconDecoder()
        self._open: list[tuple[int, int, int]] = []
        self._samples = 0
        self._done = 0
        self._out: asyncio.Queue[tuple[float, str] | None] = asyncio.Queue()

    async def run(self) -> None:
        sending = asyncio.create_task(self._send())
        try:
            async for message in self._socket:
                if message.type is WSMsgType.BINARY:
                    self._hear(message.data)
                elif message.type is WSMsgType.TEXT:
                    self._stream.texts.append(message.data)
                    if "Configure" in message.data:
                        self._configure(json.loads(message.data)["keyterms"])
                    elif "Finalize" in message.data:
                        self._final(from_finalize=True)
                    elif "CloseStream" in message.data:
                        self._final()
                        self._say({"type": "Metadata", "request_id": "r", "duration": 0.0})
                        self._out.put_nowait(None)
                        await sending
                        await self._socket.close(code=WSCloseCode.OK)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    def _configure(self, keyterms: list[str]) -> None:
        if self._fake.configures:
            self._stream.keyterms = keyterms
            answer = {"type": "ConfigureSuccess", "request_id": "r", "keyterms": keyterms}
            self._say(dict(answer))
        else:
            self._say({"type": "ConfigureFailure", "code": "KeytermsNotSupported"})

    def _hear(self, pcm: bytes) -> None:
        assert pcm, "an empty message ends a stream"
        self._stream.messages += 1
        self._stream.bytes += len(pcm)
        self._samples += len(pcm) // 2
        if found := self._decoder.push(pcm):
            self._open += found
            self._stream.words += [number for number, _, _ in found]
            self._results(final=False)
        if self._open and self._samples - self._open[-1][2] > ENDPOINTING * RATE:
            self._final()

    def _final(self, *, from_finalize: bool = False) -> None:
        self._open += self._decoder.finish()
        self._results(final=True, from_finalize=from_finalize)
        self._open = []
        self._done = self._samples

    def _results(self, *, final: bool, from_finalize: bool = False) -> None:
        self._say(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "start": self._done / RATE,
                "duration": (self._samples - self._done) / RATE,
                "is_final": final,
                "speech_final": final,
                "from_finalize": from_finalize,
                "channel": {"alternatives": [_alternative(self._open)]},
                "metadata": {"request_id": "r"},
            },
            self._fake.final_delay if final else 0.02,
        )

    def _say(self, message: dict[str, object], delay: float = 0.0) -> None:
        self._out.put_nowait((asyncio.get_running_loop().time() + delay, json.dumps(message)))

    async def _send(self) -> None:
        while (item := await self._out.get()) is not None:
            at, text = item
            await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))
            with contextlib.suppress(ConnectionError):
                await self._socket.send_str(text)


def _alternative(found: list[tuple[int, int, int]]) -> dict[str, object]:
    words = [
        {
            "word": f"b{number}",
            "start": start / RATE,
            "end": end / RATE,
            "confidence": 0.99,
            "punctuated_word": f"b{number}",
        }
        for number, start, end in found
    ]
    text = " ".join(f"b{number}" for number, _, _ in found)
    return {"transcript": text, "confidence": 0.99, "words": words}


@contextlib.asynccontextmanager
async def fake_providers(fake: FakeProviders | None = None) -> AsyncIterator[FakeProviders]:
    """Serve on a free loopback port."""
    fake = fake or FakeProviders()
    app = web.Application(client_max_size=1 << 25)
    app.add_routes(fake.routes())
    async with served(app) as fake.url:
        yield fake
