"""Recognition of finished pieces by `/v1/audio/transcriptions`.

Source: platform.openai.com/docs/api-reference/audio (`verbose_json`, `timestamp_granularities[]`). Languages
have Whisper's codes, which are those of `base` but for `tl`.

Whisper, which is behind most of these, invents a sentence now and then where nobody speaks ("Thanks
for watching!"). Its own doubts are in the answer: a segment that it takes for no speech and is unsure
of is left out, as its authors do (`no_speech_prob` above 0.6, `avg_logprob` below -1).
"""

from __future__ import annotations

import math
import secrets
from time import monotonic

from translink.providers.http import Answer, Http, unreadable
from translink.providers.languages import base
from translink.providers.openai.endpoint import OpenAiClient, OpenAiEndpoint
from translink.providers.pcm import wav
from translink.results import RATE, Result, Word

OPENAI_HEARING_MODEL = "whisper-1"
LONGEST_HEARD_TEXT = 20_000
MOST_SPOKEN_WORDS = 5_000
"""Characters and words of a result; more is damage."""


class OpenAiTranscribe(OpenAiClient):
    """One request a piece. Implements `Transcriber`; every language is tried."""

    def __init__(
        self,
        http: Http,
        *,
        at: OpenAiEndpoint,
        model: str = OPENAI_HEARING_MODEL,
        timeout: float = 10.0,
        name: str = "openai.prerecorded",
    ) -> None:
        """`timeout`: seconds for all of a request."""
        super().__init__(http, at, model=model, timeout=timeout, name=name)

    async def transcribe(self, pcm: bytes, language: str) -> Result:
        """Recognise 16 kHz s16le mono. Empty `pcm` is not sent. Raises `ProviderError`."""
        if not pcm:
            return Result(0, 0, "", (), final=True, received=monotonic(), provider=self.name)
        boundary = secrets.token_hex(16)
        timed = not self._model.startswith("gpt-")  # those know no times, and refuse the question
        fields = [
            ("model", self._model),
            ("language", "tl" if base(language) == "fil" else base(language)),
            ("temperature", "0"),
            ("response_format", "verbose_json" if timed else "json"),
        ]
        if timed:
            fields += [
                ("timestamp_granularities[]", "word"),
                ("timestamp_granularities[]", "segment"),
            ]
        answer = await self._http.request(
            "POST",
            self._at.url("audio/transcriptions"),
            provider=self.name,
            within=self._timeout,
            headers={
                **self._at.headers,
                "Content-Type": f"multipart/form-data; boundary={boundary}",
            },
            data=form(boundary, fields, wav(pcm)),
        )
        return result_in(answer, len(pcm) // 2)


def form(boundary: str, fields: list[tuple[str, str]], recording: bytes) -> bytes:
    """A multipart body (RFC 7578) of fields and one WAV."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="speech.wav"\r\n'
        "Content-Type: audio/wav\r\n\r\n"
    )
    return b"".join((*parts, head.encode(), recording, f"\r\n--{boundary}--\r\n".encode()))


def result_in(answer: Answer, samples: int) -> Result:
    """The answer as a Result over all `samples` that were sent.

    Raises:
        ProviderError: TRANSIENT, when the answer has no text.
    """
    value = answer.json()
    if not isinstance(value, dict):
        raise unreadable(answer.provider, "no text", answer.headers)
    text, segments, listed = value.get("text"), value.get("segments"), value.get("words")
    if not isinstance(text, str) or len(text) > LONGEST_HEARD_TEXT:
        raise unreadable(answer.provider, "no text", answer.headers)
    spoken = [each for each in segments or [] if isinstance(each, dict)]
    believed = [each for each in spoken if not _is_invented(each)]
    if len(believed) < len(spoken):
        text = " ".join(str(each.get("text", "")).strip() for each in believed)
    tokens = text.split()
    known = _known(listed, believed if len(believed) < len(spoken) else None)
    times = _placed(tokens, known) or _shares(tokens, *_span(known, believed, samples))
    words = tuple(
        Word(token, min(start, samples), min(end, samples))
        for token, (start, end) in zip(tokens, times, strict=True)
    )[:MOST_SPOKEN_WORDS]
    return Result(
        start=0,
        end=samples,
        text=" ".join(tokens),
        words=words,
        final=True,
        speech_final=True,
        received=monotonic(),
        provider=answer.provider,
    )


def _is_invented(segment: dict[str, object]) -> bool:
    silent, sure = segment.get("no_speech_prob"), segment.get("avg_logprob")
    if not isinstance(silent, int | float) or not isinstance(sure, int | float):
        return False
    return silent > 0.6 and sure < -1.0


Timed = tuple[int, int, int]
"""Letters of a word, its beginning and end in samples."""


def _known(listed: object, within: list[dict[str, object]] | None) -> list[Timed]:
    """The list of words, without their text: of those in the segments `within` if some were left
    out. Empty when it is missing or not to be read."""
    known = []
    for item in listed if isinstance(listed, list) else ():
        if not isinstance(item, dict):
            return []
        start, end = _samples(item.get("start")), _samples(item.get("end"))
        if start is None or end is None:
            return []
        if within is None or any(_holds(segment, start) for segment in within):
            known.append((_letters(str(item.get("word", ""))), start, max(start, end)))
    return known


def _placed(tokens: list[str], known: list[Timed]) -> list[tuple[int, int]] | None:
    """Times of the text's words by those of the list, whose words are bare and may be cut otherwise
    (`it` and `'s`; one for each Chinese character): letter by letter. None when they differ."""
    at = [word for word in known for _ in range(word[0])]
    times: list[tuple[int, int]] = []
    done = 0
    for token in tokens:
        letters = _letters(token)
        if done + letters > len(at):
            return None
        if letters:
            times.append((at[done][1], at[done + letters - 1][2]))
        else:
            times.append((times[-1][1],) * 2 if times else (0, 0))
        done += letters
    return times if done == len(at) else None


def _letters(text: str) -> int:
    return sum(each.isalnum() for each in text)


def _holds(segment: dict[str, object], sample: int) -> bool:
    start, end = _samples(segment.get("start")), _samples(segment.get("end"))
    return start is not None and end is not None and start <= sample < end


def _span(known: list[Timed], segments: list[dict[str, object]], samples: int) -> tuple[int, int]:
    """Where speech is, as far as words or segments tell."""
    if known:
        return known[0][1], known[-1][2]
    starts = [at for each in segments if (at := _samples(each.get("start"))) is not None]
    ends = [at for each in segments if (at := _samples(each.get("end"))) is not None]
    return min(starts, default=0), min(max(ends, default=samples), samples)


def _shares(tokens: list[str], start: int, end: int) -> list[tuple[int, int]]:
    """Times by length, for want of better ones."""
    letters = sum(len(token) + 1 for token in tokens) or 1
    at, times = 0, []
    for token in tokens:
        begin, at = at, at + len(token) + 1
        span = max(0, end - start)
        times.append((start + span * begin // letters, start + span * at // letters))
    return times


def _samples(seconds: object) -> int | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    if not math.isfinite(seconds) or not 0 <= seconds < 1e6:
        return None
    return round(seconds * RATE)
