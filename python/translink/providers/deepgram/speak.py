"""Deepgram's speech synthesis: text in, raw sound out as it is made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import orjson

from translink.errors import Kind, ProviderError
from translink.providers.deepgram.options import DEFAULT_BASE_URL, Scheme, authorization, endpoint
from translink.providers.deepgram.pcm import Pcm, WrongFormat, pieces
from translink.providers.http import Http, Reply, unreadable
from translink.results import RATE

VOICES: Mapping[str, str] = {
    "en": "aura-2-thalia-en",
    "fr": "aura-2-agathe-fr",
    "es": "aura-2-celeste-es",
    "de": "aura-2-viktoria-de",
    "nl": "aura-2-rhea-nl",
    "it": "aura-2-livia-it",
    "ja": "aura-2-izanami-ja",
}
"""All languages of `/v1/speak`, one voice each (Deepgram's OpenAPI file of 2026-07)."""

LONGEST_REQUEST = 1000
"""Characters per request: the least of the three limits that Deepgram documents."""

_LEAST, _SLOWEST = 10.0, 0.5
"""Seconds that a text may be spoken, and more for each character; people need 0.07."""


class DeepgramSpeak:
    """`POST /v1/speak`. Implements `Synthesizer`."""

    def __init__(
        self,
        http: Http,
        *,
        base_url: str = DEFAULT_BASE_URL,
        api_key: str,
        voices: Mapping[str, str] | None = None,
        voice: str | None = None,
        extra: Mapping[str, str] | None = None,
        scheme: Scheme = "Token",
        timeout: float = 5.0,
        name: str = "deepgram.speak",
    ) -> None:
        """`voices`: language to model, in addition to `VOICES`; `pt-BR` is looked up as such, then
        as `pt`.

        Args:
            voice: model for every language; None = as `voices` has it.
            extra: more query parameters, such as `speed` or `mip_opt_out`.
            timeout: seconds to the first byte, and for each further wait; not for the whole.

        Raises:
            SettingsError: an unusable base URL or key.
        """
        self.name = name
        self._http = http
        self._url = endpoint(base_url, "/v1/speak")
        self._voices = {**VOICES, **(voices or {})}
        self._always = voice
        self._extra = tuple((extra or {}).items())
        self._auth = authorization(api_key, scheme)
        self._headers = {**self._auth, "Content-Type": "application/json"}
        self._timeout = timeout

    async def speak(self, text: str, *, language: str) -> AsyncIterator[bytes]:
        """Yield 16 kHz s16le mono, whole samples, as it arrives. Long texts are asked for in parts,
        one after another.

        Raises:
            ProviderError: REFUSED without a voice for `language` or when the sound is in another
                format; TRANSIENT when the body stalls or ends short, which leaves what was yielded
                so far incomplete.
        """
        voice = self._voice(language)
        query = [
            ("model", voice),
            ("encoding", "linear16"),
            ("sample_rate", str(RATE)),
            # Without it a WAV header comes first, which is heard as a click.
            ("container", "none"),
            *self._extra,
        ]
        for piece in pieces(text, LONGEST_REQUEST):
            async with self._http.stream(
                "POST",
                self._url,
                provider=self.name,
                within=self._timeout,
                headers=self._headers,
                query=query,
                data=orjson.dumps({"text": piece}),
            ) as reply:
                async for pcm in self._sound(reply, longest=_LEAST + len(piece) * _SLOWEST):
                    yield pcm

    async def warm(self, count: int = 1) -> int:
        """Open connections ahead of time; returns how many."""
        return await self._http.warm(self._url, count=count, headers=self._auth)

    def _voice(self, language: str) -> str:
        tag = language.replace("_", "-")
        voice = (
            self._always or self._voices.get(tag) or self._voices.get(tag.partition("-")[0].lower())
        )
        if voice is None:
            message = f"{self.name} has no voice for {tag}: name one in the setting voices.{tag}"
            raise ProviderError(message, provider=self.name, kind=Kind.REFUSED)
        return voice

    async def _sound(self, reply: Reply, *, longest: float) -> AsyncIterator[bytes]:
        """The answer's sound. `longest`: seconds; a voice that goes on beyond is broken off, since
        nothing else would be heard for as long as it likes."""
        try:
            pcm = Pcm(reply.headers.get("Content-Type", ""))
            async for chunk in reply.chunks():
                if sound := pcm.feed(chunk):
                    yield sound
                if pcm.samples > longest * RATE:
                    message = f"{self.name} speaks for more than {longest:.0f} s"
                    raise ProviderError(message, provider=self.name, kind=Kind.REFUSED)
            pcm.end()
        except WrongFormat as exc:
            message = f"{self.name} answered with {exc} instead of linear16 at {RATE} Hz"
            raise ProviderError(message, provider=self.name, kind=Kind.REFUSED) from exc
        if not pcm.samples:
            raise unreadable(self.name, "no sound", reply.headers)
