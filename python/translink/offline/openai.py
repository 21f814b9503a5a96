"""OpenAI's API: `/v1/chat/completions`, `/v1/audio/speech`, `/v1/audio/transcriptions`, `/v1/models`,
over the same engines.

A chat that translates: the last message is a JSON object with `from`, `to` (languages in English, or
codes) and `text`, as translink's own client sends it, or plain text, which is translated into the other
language of the engine's first pair. Whatever else is asked, the answer is a translation.

Source: platform.openai.com/docs/api-reference (chat, audio), tried with the official client.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass

import orjson
from aiohttp import BodyPartReader, MultipartReader, web

from translink.offline.admission import Denied, OfflineAdmission, broken, request_id
from translink.offline.engines.protocols import (
    BeyondEngine,
    BusyError,
    EngineFailed,
    EngineMissing,
    Heard,
    RecognizerEngine,
    SynthesizerEngine,
    TranslatorEngine,
)
from translink.offline.hooks import CHAT, SPEECH, TRANSCRIPTIONS, Ask, Reset
from translink.offline.messages import Json, alternative
from translink.offline.prerecorded import Prerecorded
from translink.offline.query import listen_options
from translink.offline.speak import Voice, spoken
from translink.offline.translate import detect
from translink.text.language_names import ENGLISH_NAMES

OFFLINE_MODEL = "offline"
SPEECH_RATE = 24_000
"""Samples per second of `pcm`, as OpenAI's."""
LONGEST_INPUT = 4_096
"""Characters that are spoken, as there."""
_LONGEST_FIELD = 64 * 1024
_CODE_OF_NAME = {name.lower(): code for code, name in ENGLISH_NAMES.items()}

Handler = Callable[[Ask, web.Request, str], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class SpeechForm:
    """The form of a transcription."""

    fields: Mapping[str, str]
    granularities: frozenset[str]
    recording: bytes


class OpenAiRoutes:
    """Handlers of the paths of OpenAI's protocol."""

    def __init__(
        self,
        admission: OfflineAdmission,
        recognizer: RecognizerEngine,
        prerecorded: Prerecorded,
        translator: TranslatorEngine,
        synthesizer: SynthesizerEngine,
    ) -> None:
        self._admission = admission
        self._recognizer = recognizer
        self._prerecorded = prerecorded
        self._translator = translator
        self._synthesizer = synthesizer

    def routes(self) -> list[web.RouteDef]:
        """Of all of them."""
        return [
            web.post("/v1/chat/completions", self._guarded(CHAT, self._chat)),
            web.post("/v1/audio/speech", self._guarded(SPEECH, self._speech)),
            web.post("/v1/audio/transcriptions", self._guarded(TRANSCRIPTIONS, self._transcribe)),
            web.get("/v1/models", self._models),
        ]

    def _guarded(
        self, service: str, handler: Handler
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            ask, new_id = self._admission.ask(service, request), request_id()
            try:
                self._admission.authorise(request)
                with self._admission.room(service):
                    refusal = await self._admission.faults.http(ask)
                    if refusal is not None:
                        return self._admission.refusal(service, refusal, new_id)
                    return await handler(ask, request, new_id)
            except EngineMissing as error:
                return self._admission.denied(service, Denied(503, str(error)), new_id)
            except BusyError as error:
                return self._admission.denied(service, Denied(429, str(error)), new_id)
            except BeyondEngine as error:
                return self._admission.denied(service, Denied(400, str(error)), new_id)
            except EngineFailed:
                return self._admission.denied(service, Denied(500), new_id)
            except Denied as denied:
                return self._admission.denied(service, denied, new_id)
            except Reset:
                return broken(request)

        return handle

    async def _chat(self, ask: Ask, request: web.Request, new_id: str) -> web.StreamResponse:
        body = await _json_of(request)
        if body.get("stream"):
            raise Denied(400, "stream: the offline server answers in one piece.")
        source, target, text = self._wanted(_last_message(body))
        if source == target or not text.strip():
            translated = text
        elif (source, target) in self._translator.pairs():
            translated = await self._translator.translate(text, source, target)
        else:
            raise Denied(400, f"The local engines do not translate from {source} to {target}.")
        message: Json = {"role": "assistant", "content": translated, "refusal": None}
        choice: Json = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        content: Json = {
            "id": f"chatcmpl-{new_id}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": str(body.get("model", OFFLINE_MODEL)),
            "choices": [choice],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        }
        return await self._admission.answer(ask, request, content, x_request_id=new_id)

    def _wanted(self, said: str) -> tuple[str, str, str]:
        """From which language, into which, and what."""
        with contextlib.suppress(orjson.JSONDecodeError):
            asked = orjson.loads(said)
            if isinstance(asked, dict) and isinstance(asked.get("text"), str):
                source, target = asked.get("from"), asked.get("to")
                if isinstance(source, str) and isinstance(target, str):
                    return _code(source), _code(target), asked["text"]
        source = detect(said)
        return source, "en" if source == "fr" else "fr", said

    async def _speech(self, ask: Ask, request: web.Request, new_id: str) -> web.StreamResponse:
        body = await _json_of(request)
        text, name = body.get("input"), body.get("voice", "")
        if not isinstance(text, str) or not text.strip():
            raise Denied(400, "input: should be a text.")
        if len(text) > LONGEST_INPUT:
            raise Denied(400, f"input: should have at most {LONGEST_INPUT} characters.")
        form = body.get("response_format", "mp3")
        if form not in ("pcm", "wav"):
            raise Denied(400, f"response_format: {form}: the offline server makes pcm and wav.")
        languages = self._synthesizer.languages()
        language = str(name).rpartition("-")[2].lower()
        if language not in languages:
            language = detect(text)
        voice = Voice(
            str(name), language, "linear16", SPEECH_RATE, "none" if form == "pcm" else "wav"
        )
        sound = spoken(self._synthesizer, text, voice)
        async with contextlib.aclosing(sound):
            first = await anext(sound, b"")  # a missing engine must still be able to say so
            response = web.StreamResponse(
                headers={"Content-Type": f"audio/{form}", "x-request-id": new_id}
            )
            response.enable_chunked_encoding()

            async def pieces() -> AsyncGenerator[bytes]:
                if voice.header + first:
                    yield voice.header + first
                async for piece in sound:
                    yield piece

            made = pieces()
            async with contextlib.aclosing(made):
                return await self._admission.stream(ask, request, response, made)

    async def _transcribe(self, ask: Ask, request: web.Request, new_id: str) -> web.StreamResponse:
        upload = await _upload_of(request)
        form = upload.fields.get("response_format", "json")
        if form not in ("json", "verbose_json", "text"):
            raise Denied(400, f"response_format: {form}: the offline server has json and text.")
        language = upload.fields.get("language", "en")
        query = {"language": language, "punctuate": "true"}
        options = listen_options(query, self._recognizer.languages())
        words, seconds = await self._prerecorded.recognise(upload.recording, options)
        best = alternative(words, True)
        text = str(best["transcript"])
        if form == "text":
            return web.Response(text=text + "\n", headers={"x-request-id": new_id})
        content: dict[str, Json] = {"text": text}
        if form == "verbose_json":
            content |= {
                "task": "transcribe",
                "language": language,
                "duration": round(seconds, 2),
                "segments": [_segment(text, words)] if words else [],
            }
            if "word" in upload.granularities:
                content["words"] = [
                    {"word": word["word"], "start": word["start"], "end": word["end"]}
                    for word in best["words"]  # type: ignore[union-attr]
                    if isinstance(word, Mapping)
                ]
        return await self._admission.answer(ask, request, content, x_request_id=new_id)

    async def _models(self, request: web.Request) -> web.StreamResponse:
        try:
            self._admission.authorise(request)
        except Denied as denied:
            return self._admission.denied(CHAT, denied, request_id())
        model: Json = {
            "id": OFFLINE_MODEL,
            "object": "model",
            "created": 0,
            "owned_by": "translink",
        }
        body = orjson.dumps({"object": "list", "data": [model]})
        return web.Response(body=body, content_type="application/json")


def _segment(text: str, words: tuple[Heard, ...]) -> Json:
    return {
        "id": 0,
        "seek": 0,
        "start": round(words[0].start, 2),
        "end": round(words[-1].end, 2),
        "text": text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }


def _code(language: str) -> str:
    """`en` for `English (US)`, `en-US` or `en`."""
    name = language.partition(" ")[0].lower()
    return _CODE_OF_NAME.get(name, name.partition("-")[0])


def _last_message(body: Mapping[str, object]) -> str:
    """What the user said last."""
    messages = body.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, list):
                parts = (part.get("text", "") for part in content if isinstance(part, dict))
                return "".join(str(part) for part in parts)
            return str(content or "")
    raise Denied(400, "messages: should hold one of the role user.")


async def _json_of(request: web.Request) -> dict[str, object]:
    try:
        value = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise Denied(400, "We could not parse the JSON body of your request.")
    return value


async def _upload_of(request: web.Request) -> SpeechForm:
    if request.content_type != "multipart/form-data":
        raise Denied(415)
    fields: dict[str, str] = {}
    granularities: set[str] = set()
    recording: bytes | None = None
    try:
        reader: MultipartReader = await request.multipart()
        async for part in reader:
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == "file":
                recording = bytes(await part.read())
            elif len(value := (await part.read())[:_LONGEST_FIELD].decode(errors="replace")):
                if part.name == "timestamp_granularities[]":
                    granularities.add(value)
                else:
                    fields[part.name or ""] = value
    except ValueError as error:
        raise Denied(400, "The form could not be read.") from error
    if not recording:
        raise Denied(400, "file: is missing.")
    return SpeechForm(fields, frozenset(granularities), recording)
