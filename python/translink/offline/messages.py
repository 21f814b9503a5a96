"""The JSON that Deepgram and DeepL send. Key order and float32 numbers as seen on the wire."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from translink.offline.engines.protocols import Heard

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"

IDLE_REASON = (
    "Deepgram did not receive audio data or a text message within the timeout window. "
    "See https://dpgr.am/net0001"
)
NO_ANSWER_REASON = (
    "Deepgram did not provide a response message within the timeout window. "
    "See https://dpgr.am/net0000"
)
DATA_REASON = "The payload cannot be decoded as audio. See https://dpgr.am/data0000"

_ERRORS: Mapping[int, tuple[str, str]] = {
    400: ("Bad Request", "Bad Request"),
    401: ("INVALID_AUTH", "Invalid credentials."),
    402: (
        "ASR_PAYMENT_REQUIRED",
        "Project does not have enough credits for an ASR request and does not have an overage "
        "agreement.",
    ),
    403: ("INSUFFICIENT_PERMISSIONS", "Project does not have access to the requested model."),
    404: ("NOT_FOUND", "Not found."),
    408: ("Request Timeout", "Request Timeout"),
    413: ("Payload Too Large", "Input text exceeds maximum character limit of 2400."),
    415: (
        "UNSUPPORTED_MEDIA_TYPE",
        "`Content-Type` header is not supported. `Content-Type` must be either `text/plain` or "
        "`application/json`.",
    ),
    429: ("TOO_MANY_REQUESTS", "Too many requests. Please try again later"),
    500: ("Internal Server Error", "Please try again later"),
    503: ("Service Unavailable", "Please try again later"),
    504: ("Gateway Timeout", "Please try again later"),
}
NO_SUCH_MODEL = "Bad Request: No such model/language/tier combination found."
CORRUPT_AUDIO = "Bad Request: failed to process audio: corrupt or unsupported data"


def f32(value: float) -> float:
    """The shortest decimal of the nearest float32: what Deepgram prints (`10.160001`)."""
    (single,) = struct.unpack("f", struct.pack("f", value))
    for digits in range(6, 9):
        short = float(f"{single:.{digits}g}")
        if struct.pack("f", short) == struct.pack("f", single):
            return short
    return float(f"{single:.9g}")


def identity(request_id: str, model: str) -> dict[str, Json]:
    """`metadata` of a Results message."""
    name = f"general-{model}"
    return {
        "request_id": request_id,
        "model_info": {"name": name, "version": "offline", "arch": model},
        "model_uuid": model_uuid(model),
    }


def model_uuid(model: str) -> str:
    """The same for the same model, always."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{model}.offline.translink"))


def results(
    *,
    start: float,
    end: float,
    words: Iterable[Heard],
    punctuate: bool,
    final: bool,
    speech_final: bool,
    from_finalize: bool,
    identity: Mapping[str, Json],
) -> Json:
    """A Results message; times in seconds of audio sent."""
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "duration": f32(end - start),
        "start": f32(start),
        "is_final": final,
        "speech_final": speech_final,
        "channel": {"alternatives": [alternative(words, punctuate)]},
        "metadata": identity,
        "from_finalize": from_finalize,
    }


def alternative(words: Iterable[Heard], punctuate: bool) -> dict[str, Json]:
    """`{transcript, confidence, words}`."""
    heard = [w for w in words if w.text]
    entries: list[dict[str, Json]] = []
    for word in heard:
        entry: dict[str, Json] = {
            "word": bare(word.text),
            "start": f32(word.start),
            "end": f32(word.end),
            "confidence": f32(word.confidence),
        }
        if punctuate:
            entry["punctuated_word"] = word.text
        entries.append(entry)
    texts = [w.text if punctuate else bare(w.text) for w in heard]
    confidence = sum(w.confidence for w in heard) / len(heard) if heard else 0.0
    return {
        "transcript": " ".join(t for t in texts if t),
        "confidence": f32(confidence),
        "words": entries,
    }


def bare(text: str) -> str:
    """A word without punctuation and capitals."""
    return text.strip('.,;:!?…«»"()\u00a0\u202f ').lower()


def speech_started(at: float) -> Json:
    """A SpeechStarted message."""
    return {"type": "SpeechStarted", "channel": [0, 1], "timestamp": f32(at)}


def utterance_end(last_word_end: float) -> Json:
    """An UtteranceEnd message."""
    return {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": f32(last_word_end)}


def metadata(
    request_id: str, *, sha256: str, duration: float, model: str | None
) -> dict[str, Json]:
    """The Metadata message (and, without `type`, the head of a prerecorded answer).

    `model` None: no audio was processed.
    """
    message: dict[str, Json] = {
        "type": "Metadata",
        "transaction_key": "deprecated",
        "request_id": request_id,
        "sha256": sha256,
        "created": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "duration": f32(duration),
        "channels": 0 if model is None else 1,
    }
    if model is not None:
        key = model_uuid(model)
        message["models"] = [key]
        message["model_info"] = {
            key: {"name": f"general-{model}", "version": "offline", "arch": model}
        }
    return message


def deepgram_error(status: int, request_id: str, message: str | None = None) -> dict[str, Json]:
    """The body of a refused request (developers.deepgram.com/docs/errors)."""
    code, text = _ERRORS.get(status, (f"HTTP_{status}", "Please try again later"))
    return {"err_code": code, "err_msg": message or text, "request_id": request_id}


def deepl_error(status: int, message: str | None = None) -> dict[str, Json] | None:
    """The body of a refused DeepL request; None = DeepL sends none."""
    if message is not None:
        return {"message": message}
    known = {
        456: "Quota for this billing period has been exceeded.",
        404: "Not found",
        413: "Request Entity Too Large",
    }
    return {"message": known[status]} if status in known else None


def openai_error(status: int, message: str | None = None) -> Json:
    """The body of an OpenAI error."""
    code, kind = {
        401: ("invalid_api_key", "invalid_request_error"),
        404: ("not_found", "invalid_request_error"),
        429: ("rate_limit_exceeded", "requests"),
    }.get(status, (None, "server_error" if status >= 500 else "invalid_request_error"))
    text = message or deepgram_error(status, "")["err_msg"]
    return {"error": {"message": text, "type": kind, "param": None, "code": code}}
