"""HTTP POST `/v1/listen`: a finished recording in, one answer out."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from aiohttp import web

from translink.audio import AudioError, decoder
from translink.offline.admission import Denied, OfflineAdmission, broken, request_id
from translink.offline.engines.protocols import (
    BusyError,
    DetectorEngine,
    EngineFailed,
    EngineMissing,
    Heard,
    RecognizerEngine,
)
from translink.offline.hooks import PRERECORDED, Reset
from translink.offline.messages import CORRUPT_AUDIO, Json, alternative, metadata
from translink.offline.query import listen_options, to_detect
from translink.offline.session import (
    Finish,
    ListenSession,
    ListenTiming,
    SessionAudio,
    SessionOptions,
)

_UTTERANCE_GAP = 0.5
"""Seconds of silence at which the recogniser's utterance is closed inside a recording."""
_PCM_STEP = 64_000
"""Bytes of PCM per step: two seconds."""


class Prerecorded:
    """Handler of POST `/v1/listen`."""

    def __init__(
        self, admission: OfflineAdmission, engine: RecognizerEngine, timing: ListenTiming
    ) -> None:
        self._admission = admission
        self._engine = engine
        self._timing = timing

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Whole body, whole answer."""
        ask, new_id = self._admission.ask(PRERECORDED, request), request_id()
        try:
            self._admission.authorise(request)
            tells = isinstance(self._engine, DetectorEngine)
            known = self._engine.languages()
            among = to_detect(request.query, known if tells else frozenset())
            options = listen_options(request.query, known)
            body = await request.read()
            with self._admission.room(PRERECORDED):
                refusal = await self._admission.faults.http(ask)
                if refusal is not None:
                    return self._admission.refusal(PRERECORDED, refusal, new_id)
                if request.content_type == "application/json":
                    raise Denied(
                        400,
                        "Content-type was application/json, but we could not process the JSON "
                        "payload.",
                    )
                found = await self._detected(body, options, among) if among else None
                if found is not None:
                    options = replace(options, language=found[0])
                words, seconds = await self.recognise(body, options)
                content = _content(new_id, body, words, seconds, options, found)
                return await self._admission.answer(ask, request, content, dg_request_id=new_id)
        except EngineFailed:
            return self._admission.denied(PRERECORDED, Denied(500), new_id)
        except EngineMissing as error:
            return self._admission.denied(PRERECORDED, Denied(503, str(error)), new_id)
        except Denied as denied:
            return self._admission.denied(PRERECORDED, denied, new_id)
        except Reset:
            return broken(request)

    async def _detected(
        self, body: bytes, options: SessionOptions, among: tuple[str, ...]
    ) -> tuple[str, float] | None:
        """The likeliest, and how likely it is. Raises as `recognise`, and `EngineMissing`."""
        assert isinstance(self._engine, DetectorEngine)
        likely = await self._engine.detect(_pcm(body, options), among)
        return max(likely.items(), key=lambda each: each[1], default=None)

    async def recognise(
        self, body: bytes, options: SessionOptions
    ) -> tuple[tuple[Heard, ...], float]:
        """Words of a recording, and its seconds. Raises `Denied`, `EngineFailed`."""
        pcm = _pcm(body, options)
        try:
            recognizer = await self._engine.open(options.language.split("-")[0])
        except BusyError as error:
            raise Denied(429) from error
        except EngineMissing as error:
            raise Denied(503, str(error)) from error
        quiet = replace(options, interim_results=False, endpointing=_UTTERANCE_GAP)
        session = ListenSession(quiet, self._timing, {})
        words: list[Heard] = []
        try:
            for at in range(0, len(pcm), _PCM_STEP):
                for step in session.audio(pcm[at : at + _PCM_STEP]):
                    if isinstance(step, SessionAudio):
                        await recognizer.feed(step.pcm)
                    elif isinstance(step, Finish):
                        words += await recognizer.finish()
            for step in session.end():
                if isinstance(step, SessionAudio):
                    await recognizer.feed(step.pcm)
            words += await recognizer.finish()
        finally:
            await recognizer.close()
        return tuple(words), len(pcm) / 32_000


def _pcm(body: bytes, options: SessionOptions) -> bytes:
    """Raises `Denied`."""
    try:
        reader = decoder(options.encoding, options.rate, options.channels)
        pcm = reader.push(body) + reader.finish()
    except AudioError as error:
        raise Denied(400, CORRUPT_AUDIO) from error
    if not pcm:
        raise Denied(400, CORRUPT_AUDIO)
    return pcm


def _content(
    new_id: str,
    body: bytes,
    words: tuple[Heard, ...],
    seconds: float,
    options: SessionOptions,
    found: tuple[str, float] | None,
) -> Json:
    head = metadata(
        new_id,
        sha256=hashlib.sha256(body).hexdigest(),
        duration=seconds,
        model=options.model,
    )
    del head["type"]
    channel: dict[str, Json] = {"alternatives": [alternative(words, options.punctuate)]}
    if found is not None:
        channel |= {"detected_language": found[0], "language_confidence": round(found[1], 4)}
    return {"metadata": head, "results": {"channels": [channel]}}
