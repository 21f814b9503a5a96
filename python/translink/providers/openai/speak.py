"""Speech by `/v1/audio/speech`: text in, raw sound out as it is made.

Source: platform.openai.com/docs/guides/text-to-speech (`pcm` is 24 kHz s16le mono without a header);
servers of one's own answer with WAV too, or at another rate, and say so.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from functools import partial

from translink.providers.http import Http
from translink.providers.manners import VoiceManners
from translink.providers.openai.endpoint import OpenAiClient, OpenAiEndpoint
from translink.providers.sound import posted
from translink.providers.wanted import ANY, SpeakingVoices, WantedVoice

OPENAI_VOICE_MODEL = "gpt-4o-mini-tts"
OPENAI_VOICE = "alloy"
OPENAI_RATE = 24_000
"""Samples per second of `pcm`."""
OPENAI_MANNERS = VoiceManners(
    choice={"feminine": {ANY: "nova"}, "masculine": {ANY: "onyx"}},
    known={
        "feminine": {"coral", "marin", "nova", "sage", "shimmer"},
        "masculine": {"ash", "ballad", "cedar", "echo", "onyx", "verse"},
    },
)
"""As they are heard: OpenAI does not say. Of its own service; another server has other voices."""


class OpenAiSpeak(OpenAiClient):
    """One request a text. Implements `Synthesizer`."""

    def __init__(
        self,
        http: Http,
        *,
        at: OpenAiEndpoint,
        model: str = OPENAI_VOICE_MODEL,
        voice: str | None = OPENAI_VOICE,
        voices: Mapping[str, str] | None = None,
        wanted: WantedVoice | None = None,
        rate: int = OPENAI_RATE,
        timeout: float = 5.0,
        name: str = "openai.speak",
    ) -> None:
        """`voices`: language to voice; `pt-BR` is looked up as such, then as `pt`.

        Args:
            voice: for the languages that are not in `voices`; None = those alone are spoken.
            wanted: goes before both.
            rate: of the server's `pcm`, where its answer does not say.
            timeout: seconds to the first byte, and for each further wait; not for the whole.
        """
        super().__init__(http, at, model=model, timeout=timeout, name=name)
        self._voices = SpeakingVoices(
            wanted, voices or {}, provider=name, setting="openai.voices", otherwise=voice
        )
        self._rate = rate

    def speaks(self, language: str) -> bool:
        """Whether there is a voice for it."""
        return self._voices.has(language)

    def speak(self, text: str, *, language: str) -> AsyncGenerator[bytes, None]:
        """Yield 16 kHz s16le mono, whole samples, as it arrives. Long texts are asked for in parts,
        one after another.

        Raises:
            ProviderError: REFUSED without a voice for `language` or when the sound is compressed;
                TRANSIENT when the body stalls or ends short, which leaves what was yielded so far
                incomplete.
        """
        return self._voices.speak(language, partial(self._say, text))

    def _say(self, text: str, voice: str) -> AsyncGenerator[bytes, None]:
        asked = {"model": self._model, "voice": voice, "response_format": "pcm"}
        return posted(
            self._http,
            self._at.url("audio/speech"),
            text,
            lambda part: {**asked, "input": part},
            provider=self.name,
            within=self._timeout,
            headers=self._at.headers,
            rate=self._rate,
            fixed=False,
        )
