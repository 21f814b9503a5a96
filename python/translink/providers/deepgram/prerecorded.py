"""Deepgram's prerecorded recognition: one WAV in, one final result out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from time import monotonic

from translink.providers.billing import note_heard
from translink.providers.deepgram.detection import (
    DETECTED,
    detected_in,
    restricted_to,
    tells_apart,
)
from translink.providers.deepgram.options import (
    DEEPGRAM_URL,
    ListenOptions,
    Scheme,
    authorization,
    endpoint,
)
from translink.providers.deepgram.protocol import LONGEST_TEXT, words_of
from translink.providers.http import Answer, Http, unreadable
from translink.providers.pcm import wav
from translink.results import RATE, Detected, Result


class DeepgramPrerecorded:
    """`POST /v1/listen`. Implements `Transcriber`."""

    def __init__(
        self,
        http: Http,
        *,
        base_url: str = DEEPGRAM_URL,
        api_key: str,
        options: ListenOptions | None = None,
        scheme: Scheme = "Token",
        timeout: float = 10.0,
        languages: Collection[str] | None = None,
        detected: Collection[str] = DETECTED,
        name: str = "deepgram.prerecorded",
    ) -> None:
        """`options`: those of the live connections; what makes no sense here is left out. `timeout`
        in seconds. `languages`: all that this server recognises; None = those of the model.
        `detected`: all that it tells from each other.

        Raises:
            SettingsError: an unusable base URL or key.
        """
        self.name = name
        self._http = http
        self._url = endpoint(base_url, "/v1/listen")
        self._options = options or ListenOptions()
        self._languages = languages
        self._detected = detected
        self._auth = authorization(api_key, scheme)
        self._headers = {**self._auth, "Content-Type": "audio/wav"}
        self._timeout = timeout

    async def transcribe(self, pcm: bytes, language: str) -> Result:
        """Recognise 16 kHz s16le mono. Empty `pcm` is not sent. Raises `ProviderError`."""
        return await self.transcribe_expecting(pcm, language, ())

    async def transcribe_expecting(
        self, pcm: bytes, language: str, terms: tuple[str, ...]
    ) -> Result:
        """Likewise, with more key terms."""
        if not pcm:
            return Result(0, 0, "", (), final=True, received=monotonic(), provider=self.name)
        answer = await self._ask(pcm, self._options.prerecorded_query(language, terms))
        return result_of(answer, len(pcm) // 2)

    def detects(self, languages: Sequence[str]) -> bool:
        """Whether it can tell them from each other."""
        return tells_apart(languages, self._detected)

    async def detect(self, pcm: bytes, languages: Sequence[str]) -> Detected | None:
        """Which of `languages` it is; None: no words, or none of them. Raises `ProviderError`."""
        if not pcm:
            return None
        query = [*self._options.detection_query(), *restricted_to(languages)]
        found = detected_in(await self._ask(pcm, query))
        note_heard(self.name, len(pcm) / 2 / RATE)
        return found

    async def _ask(self, pcm: bytes, query: list[tuple[str, str]]) -> Answer:
        return await self._http.request(
            "POST",
            self._url,
            provider=self.name,
            within=self._timeout,
            headers=self._headers,
            query=query,
            data=wav(pcm),
        )

    def hears(self, language: str) -> bool:
        """Whether the model recognises it."""
        return self._options.hears(language, self._languages)

    async def warm(self, count: int = 1) -> int:
        """Open connections ahead of time; returns how many."""
        return await self._http.warm(self._url, count=count, headers=self._auth)


def result_of(answer: Answer, samples: int) -> Result:
    """The answer's first channel as a Result over all `samples` that were sent.

    Raises:
        ProviderError: TRANSIENT, when the answer has no transcript.
    """
    value = answer.json()
    try:
        best = value["results"]["channels"][0]["alternatives"][0]  # type: ignore[index]
        text, listed = best["transcript"], best.get("words") or []
    except (KeyError, IndexError, TypeError, AttributeError) as exc:
        raise unreadable(answer.provider, "no transcript", answer.headers) from exc
    if not isinstance(text, str) or not isinstance(listed, list) or len(text) > LONGEST_TEXT:
        raise unreadable(answer.provider, "no transcript", answer.headers)
    words, _ = words_of(listed)
    return Result(
        start=0,
        end=samples,
        text=text,
        words=words,
        final=True,
        speech_final=True,
        received=monotonic(),
        provider=answer.provider,
    )
