"""`/v1/speak`: text in, sound out, streamed while it is made. HTTP POST and WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass

import orjson
from aiohttp import WSMsgType, web

from translink.audio import to_alaw, to_mulaw, wav_header
from translink.offline.admission import Denied, OfflineAdmission, broken, request_id
from translink.offline.engines.protocols import (
    BusyError,
    EngineFailed,
    EngineMissing,
    SynthesizerEngine,
)
from translink.offline.hooks import SPEAK, SPEAK_LIVE, Connection, Reset
from translink.offline.messages import Json, model_uuid

_ENCODING_RATES: Mapping[str, tuple[int, ...]] = {
    "linear16": (24_000, 8_000, 16_000, 32_000, 48_000),
    "mulaw": (8_000, 16_000),
    "alaw": (8_000, 16_000),
}
"""The first is the default (Deepgram's media output settings)."""
_TEXT_LIMIT = 2_000
_ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {
    "linear16": lambda pcm: pcm,
    "mulaw": to_mulaw,
    "alaw": to_alaw,
}
_WAV_FORMS = {"linear16": (2, 1), "alaw": (1, 6), "mulaw": (1, 7)}


@dataclass(frozen=True, slots=True)
class Voice:
    """What a query asks for."""

    model: str
    language: str
    encoding: str
    rate: int
    container: str

    @property
    def header(self) -> bytes:
        """What comes before the samples."""
        if self.container == "none":
            return b""
        width, form = _WAV_FORMS[self.encoding]
        return wav_header(self.rate, width, form)

    @property
    def content_type(self) -> str:
        """As Deepgram labels it."""
        if self.container == "wav":
            return "audio/wav"
        name = "l16" if self.encoding == "linear16" else self.encoding
        return f"audio/{name};rate={self.rate}"

    @property
    def encode(self) -> Callable[[bytes], bytes]:
        """Into the encoding that was asked for, from s16le."""
        return _ENCODERS[self.encoding]


def voice(query: Mapping[str, str], languages: frozenset[str], *, raw: bool = False) -> Voice:
    """Raises `Denied` 400. The language is the voice name's last part: `aura-2-agathe-fr`."""
    model = query.get("model", "aura-asteria-en")
    language = model.rpartition("-")[2].lower()
    if not model.startswith(("aura-", "offline")) or language not in languages:
        raise Denied(400, "Bad Request: No such model/version combination found.")
    encoding = query.get("encoding", "linear16")
    container = "none" if raw else query.get("container", "wav")
    rates = _ENCODING_RATES.get(encoding)
    rate = query.get("sample_rate", str(rates[0]) if rates else "0")
    if rates is None or container not in ("wav", "none") or rate not in map(str, rates):
        raise Denied(
            400, f"Unsupported audio format: {encoding}, {container}, {rate} (offline server)"
        )
    return Voice(model, language, encoding, int(rate), container)


class Speak:
    """The POST handler."""

    def __init__(self, admission: OfflineAdmission, engine: SynthesizerEngine) -> None:
        self._admission = admission
        self._engine = engine

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers with audio, chunked."""
        ask, new_id = self._admission.ask(SPEAK, request), request_id()
        response: web.StreamResponse | None = None
        try:
            self._admission.authorise(request)
            wanted = voice(request.query, self._engine.languages())
            text = await _text(request)
            with self._admission.room(SPEAK):
                refusal = await self._admission.faults.http(ask)
                if refusal is not None:
                    return self._admission.refusal(SPEAK, refusal, new_id)
                sound = spoken(self._engine, text, wanted)
                async with contextlib.aclosing(sound):
                    first = await anext(sound, b"")  # a missing engine must still be able to say so
                    response = web.StreamResponse(
                        headers={
                            "dg-request-id": new_id,
                            "dg-model-name": wanted.model,
                            "dg-model-uuid": model_uuid(wanted.model),
                            "dg-char-count": str(len(text)),
                            "Content-Type": wanted.content_type,
                        }
                    )
                    response.enable_chunked_encoding()
                    pieces = _with_head(wanted.header + first, sound)
                    async with contextlib.aclosing(pieces):
                        return await self._admission.stream(ask, request, response, pieces)
        except (EngineMissing, BusyError, EngineFailed) as error:
            if response is not None:
                return broken(request)  # it began to answer
            return self._admission.denied(SPEAK, _refused(error), new_id)
        except Denied as denied:
            return self._admission.denied(SPEAK, denied, new_id)
        except Reset:
            return broken(request)


def _refused(error: EngineMissing | BusyError | EngineFailed) -> Denied:
    match error:
        case EngineMissing():
            return Denied(503, str(error))
        case BusyError():
            return Denied(429, str(error))
        case _:
            return Denied(500)


async def spoken(engine: SynthesizerEngine, text: str, wanted: Voice) -> AsyncGenerator[bytes]:
    """The engine's sound in the encoding asked for."""
    encode = wanted.encode
    sound = engine.speak(text, wanted.language, wanted.rate)
    try:
        async for pcm in sound:
            if pcm:
                yield encode(pcm)
    finally:
        close = getattr(sound, "aclose", None)
        if close is not None:
            await close()


async def _with_head(head: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    if head:
        yield head
    async for piece in rest:
        yield piece


async def _text(request: web.Request) -> str:
    body = await request.read()
    text: object
    if request.content_type == "text/plain":
        text = body.decode("utf-8", "replace")
    elif request.content_type == "application/json":
        try:
            text = orjson.loads(body)["text"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            text = None
    else:
        raise Denied(415)
    if not isinstance(text, str):
        raise Denied(
            400,
            "Failed to deserialize JSON payload. Please specify exactly one of `text` or `url` "
            "in the JSON body.",
        )
    if not text.strip():
        raise Denied(400, "Input text contains no characters.")
    if len(text) > _TEXT_LIMIT:
        raise Denied(413, f"Input text exceeds maximum character limit of {_TEXT_LIMIT}.")
    return text


class SpeakLive:
    """The WebSocket handler: Speak gathers, Flush has it spoken, Clear drops it, Close ends."""

    def __init__(self, admission: OfflineAdmission, engine: SynthesizerEngine) -> None:
        self._admission = admission
        self._engine = engine

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Handshake, then the stream until it ends."""
        ask, new_id = self._admission.ask(SPEAK_LIVE, request), request_id()
        try:
            self._admission.authorise(request)
            wanted = voice(request.query, self._engine.languages(), raw=True)
            with self._admission.room(SPEAK_LIVE):
                refusal = await self._admission.faults.handshake(ask)
                if refusal is not None:
                    return self._admission.refusal(SPEAK_LIVE, refusal, new_id)
                ws = web.WebSocketResponse(compress=False, protocols=("token",))
                ws.headers["dg-request-id"] = new_id
                await ws.prepare(request)
                connection = Connection(ask, request, ws, new_id)
                self._admission.opened(connection)
                await self._admission.faults.opened(connection)
                try:
                    await self._converse(connection, ws, wanted)
                finally:
                    self._admission.closed(connection)
                    await self._admission.faults.closed(connection)
                return ws
        except Denied as denied:
            return self._admission.denied(SPEAK_LIVE, denied, new_id)
        except (Reset, ConnectionError):
            return broken(request)

    async def _converse(
        self, connection: Connection, ws: web.WebSocketResponse, wanted: Voice
    ) -> None:
        await self._send(
            connection,
            ws,
            {
                "type": "Metadata",
                "request_id": connection.request_id,
                "model_name": wanted.model,
                "model_version": "offline",
                "model_uuid": model_uuid(wanted.model),
            },
        )
        text, flushes, clears = "", 0, 0
        speaking: asyncio.Task[None] | None = None
        try:
            async for message in ws:
                data = await self._admission.faults.inbound(connection, message.data)
                if data is None:
                    continue
                command = _command(data) if message.type == WSMsgType.TEXT else None
                match command:
                    case {"type": "Speak", "text": str(more)} if len(more) <= _TEXT_LIMIT:
                        text += more
                    case {"type": "Flush"}:
                        speaking = asyncio.create_task(
                            self._say(connection, ws, wanted, text, flushes, speaking)
                        )
                        text, flushes = "", flushes + 1
                    case {"type": "Clear"}:
                        text = ""
                        await _stop(speaking)
                        speaking = None
                        await self._send(connection, ws, {"type": "Cleared", "sequence_id": clears})
                        clears += 1
                    case {"type": "Close"}:
                        if speaking is not None:
                            await speaking
                        await ws.close()
                        return
                    case _:
                        code = 1008 if message.type == WSMsgType.TEXT else 1003
                        await ws.close(code=code, message=b"DATA-0000")
                        return
        finally:
            await _stop(speaking)

    async def _say(
        self,
        connection: Connection,
        ws: web.WebSocketResponse,
        wanted: Voice,
        text: str,
        number: int,
        before: asyncio.Task[None] | None,
    ) -> None:
        if before is not None:
            await before
        try:
            if text.strip():
                async for piece in spoken(self._engine, text, wanted):
                    passed = await self._admission.faults.outbound(connection, piece)
                    if isinstance(passed, bytes):
                        await ws.send_bytes(passed)
            await self._send(connection, ws, {"type": "Flushed", "sequence_id": number})
        except EngineMissing as error:
            await ws.close(code=1011, message=str(error).encode()[:120])
        except (BusyError, EngineFailed):
            await ws.close(code=1011, message=b"NET-0000")
        except Reset:
            connection.reset()
        except ConnectionError:
            pass  # the reading side ends the stream

    async def _send(self, connection: Connection, ws: web.WebSocketResponse, message: Json) -> None:
        passed = await self._admission.faults.outbound(connection, orjson.dumps(message).decode())
        if isinstance(passed, str):
            await ws.send_str(passed)


def _command(data: str | bytes) -> object:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


async def _stop(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
