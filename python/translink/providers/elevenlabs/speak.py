"""ElevenLabs' speech synthesis: text in, raw sound out as it is made.

Source: elevenlabs.io/docs (text-to-speech, stream; models), its Python SDK of 2026-07.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from functools import partial
from urllib.parse import quote

from translink.credentials import named_key, named_url
from translink.providers.http import Http
from translink.providers.languages import base, is_among
from translink.providers.manners import VoiceManners
from translink.providers.sound import posted
from translink.providers.wanted import ANY, SpeakingVoices, WantedVoice
from translink.results import RATE

ELEVENLABS_URL = "https://api.elevenlabs.io"
ELEVENLABS_MODEL = "eleven_flash_v2_5"
GEORGE = "JBFqnCBsd6RMkjVDRZzb"
"""George, the voice of the documents' examples: every account has it, and it speaks every language of
the model."""

SARAH = "EXAVITQu4vr4xnSDxMaL"
"""Likewise."""
ELEVEN_MANNERS = VoiceManners(
    choice={"feminine": {ANY: SARAH}, "masculine": {ANY: GEORGE}},
    known={"feminine": {SARAH}, "masculine": {GEORGE}},
)

_FLASH = """
    ar bg cs da de el en es fi fil fr hi hr hu id it ja ko ms nl no pl pt ro ru sk sv ta tr uk vi zh
"""
FLASH_LANGUAGES = frozenset(_FLASH.split())
"""The 32 of Flash v2.5 (and Turbo v2.5)."""
OF_MODEL: Mapping[str, frozenset[str]] = {
    "eleven_flash_v2_5": FLASH_LANGUAGES,
    "eleven_turbo_v2_5": FLASH_LANGUAGES,
    "eleven_multilingual_v2": FLASH_LANGUAGES - {"hu", "no", "vi"},
    "eleven_flash_v2": frozenset({"en"}),
}
"""A model that is not here is taken to speak all languages."""
_ENFORCES = frozenset({"eleven_flash_v2_5", "eleven_turbo_v2_5"})
"""Models that take `language_code`; others answer it with an error."""


class ElevenLabsSpeak:
    """`POST /v1/text-to-speech/{voice}/stream`. Implements `Synthesizer`."""

    def __init__(
        self,
        http: Http,
        *,
        base_url: str = ELEVENLABS_URL,
        api_key: str,
        model: str = ELEVENLABS_MODEL,
        voice: str | None = GEORGE,
        voices: Mapping[str, str] | None = None,
        wanted: WantedVoice | None = None,
        speed: float = 1.0,
        timeout: float = 5.0,
        name: str = "elevenlabs.speak",
    ) -> None:
        """`voices`: language to voice id; `pt-BR` is looked up as such, then as `pt`.

        Args:
            voice: id for the languages that are not in `voices`; None = those alone are spoken.
            wanted: goes before both.
            speed: 0.7 to 1.2.
            timeout: seconds to the first byte, and for each further wait; not for the whole.

        Raises:
            SettingsError: an unusable base URL or key.
        """
        key = named_key(api_key, "elevenlabs.api_key")
        self.name = name
        self._http = http
        self._base = named_url(base_url, "elevenlabs.base_url")
        self._model = model
        self._voices = SpeakingVoices(
            wanted, voices or {}, provider=name, setting="elevenlabs.voices", otherwise=voice
        )
        self._speed = speed
        self._auth = {"xi-api-key": key} if key else {}
        self._timeout = timeout

    def speaks(self, language: str) -> bool:
        """Whether the model has the language and there is a voice for it."""
        known = OF_MODEL.get(self._model)
        has = known is None or is_among(known, base(language))
        return has and self._voices.has(language)

    def speak(self, text: str, *, language: str) -> AsyncGenerator[bytes, None]:
        """Yield 16 kHz s16le mono, whole samples, as it arrives. Long texts are asked for in parts,
        one after another.

        Raises:
            ProviderError: REFUSED without a voice for `language` or when the sound is in another
                format; TRANSIENT when the body stalls or ends short, which leaves what was yielded
                so far incomplete.
        """
        return self._voices.speak(language, partial(self._say, text, language))

    def _say(self, text: str, language: str, voice: str) -> AsyncGenerator[bytes, None]:
        # In the query: in the body it is passed over, and MP3 comes.
        query = [("output_format", f"pcm_{RATE}")]
        asked: dict[str, object] = {"model_id": self._model}
        if self._model in _ENFORCES:
            asked["language_code"] = base(language)
        if self._speed != 1.0:
            asked["voice_settings"] = {"speed": self._speed}
        return posted(
            self._http,
            f"{self._base}/v1/text-to-speech/{quote(voice, safe='')}/stream",
            text,
            lambda part: {**asked, "text": part},
            provider=self.name,
            within=self._timeout,
            headers=self._auth,
            query=query,
        )

    async def warm(self, count: int = 1) -> int:
        """Open connections ahead of time; returns how many."""
        return await self._http.warm(f"{self._base}/v1/models", count=count, headers=self._auth)
