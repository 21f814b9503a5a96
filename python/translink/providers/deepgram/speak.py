"""Deepgram's speech synthesis: text in, raw sound out as it is made."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from functools import partial

from translink.providers.deepgram.options import DEEPGRAM_URL, Scheme, authorization, endpoint
from translink.providers.http import Http
from translink.providers.languages import is_among
from translink.providers.manners import VoiceManners
from translink.providers.sound import posted
from translink.providers.wanted import SpeakingVoices, WantedVoice
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

_MASCULINE = """
    apollo-en arcas-en aries-en atlas-en draco-en hermes-en hyperion-en jupiter-en mars-en neptune-en
    odysseus-en orion-en orpheus-en pluto-en saturn-en zeus-en
    alvaro-es aquila-es javier-es luciano-es nestor-es sirio-es valerio-es
    lars-nl roman-nl sander-nl hector-fr fabian-de julius-de
    cesare-it dionisio-it elio-it flavio-it perseo-it ebisu-ja fujin-ja
"""
_FEMININE = """
    amalthea-en andromeda-en asteria-en athena-en aurora-en callista-en cora-en cordelia-en delia-en
    electra-en harmonia-en helena-en hera-en iris-en janus-en juno-en luna-en minerva-en ophelia-en
    pandora-en phoebe-en selene-en thalia-en theia-en vesta-en
    agustina-es antonia-es carina-es celeste-es diana-es estrella-es gloria-es olivia-es selena-es silvia-es
    beatrix-nl cornelia-nl daphne-nl hestia-nl leda-nl rhea-nl agathe-fr
    aurelia-de elara-de kara-de lara-de viktoria-de
    cinzia-it demetra-it livia-it maia-it melia-it ama-ja izanami-ja uzume-ja
"""
AURA_MANNERS = VoiceManners(
    choice={
        "feminine": VOICES,
        "masculine": {
            name.partition("-")[2]: f"aura-2-{name}"
            for name in (
                *("orion-en", "hector-fr", "nestor-es", "julius-de"),
                *("sander-nl", "dionisio-it", "fujin-ja"),
            )
        },
    },
    known={
        "feminine": frozenset(f"aura-2-{name}" for name in _FEMININE.split()),
        "masculine": frozenset(f"aura-2-{name}" for name in _MASCULINE.split()),
    },
)
"""Deepgram's "expressed gender" (docs/tts-models, 2026)."""


class DeepgramSpeak:
    """`POST /v1/speak`. Implements `Synthesizer`."""

    def __init__(
        self,
        http: Http,
        *,
        base_url: str = DEEPGRAM_URL,
        api_key: str,
        voices: Mapping[str, str] | None = None,
        voice: str | None = None,
        wanted: WantedVoice | None = None,
        languages: Collection[str] | None = None,
        extra: Mapping[str, str] | None = None,
        scheme: Scheme = "Token",
        timeout: float = 5.0,
        name: str = "deepgram.speak",
    ) -> None:
        """`voices`: language to model, in addition to `VOICES`; `pt-BR` is looked up as such, then
        as `pt`.

        Args:
            voice: model for every language; None = as `voices` has it.
            wanted: goes before both.
            languages: all that this server has voices for; None = those of `voices`.
            extra: more query parameters, such as `speed` or `mip_opt_out`.
            timeout: seconds to the first byte, and for each further wait; not for the whole.

        Raises:
            SettingsError: an unusable base URL or key.
        """
        self.name = name
        self._http = http
        self._url = endpoint(base_url, "/v1/speak")
        self._voices = SpeakingVoices(
            wanted,
            {**VOICES, **(voices or {})},
            provider=name,
            setting="the setting voices",
            always=voice,
        )
        self._languages = languages
        self._extra = tuple((extra or {}).items())
        self._auth = authorization(api_key, scheme)
        self._timeout = timeout

    def speak(self, text: str, *, language: str) -> AsyncGenerator[bytes, None]:
        """Yield 16 kHz s16le mono, whole samples, as it arrives. Long texts are asked for in parts,
        one after another.

        Raises:
            ProviderError: REFUSED without a voice for `language` or when the sound is in another
                format; TRANSIENT when the body stalls or ends short, which leaves what was yielded
                so far incomplete.
        """
        return self._voices.speak(language, partial(self._say, text))

    def _say(self, text: str, voice: str) -> AsyncGenerator[bytes, None]:
        query = [
            ("model", voice),
            ("encoding", "linear16"),
            ("sample_rate", str(RATE)),
            # Without it a WAV header comes first, which is heard as a click.
            ("container", "none"),
            *self._extra,
        ]
        return posted(
            self._http,
            self._url,
            text,
            lambda part: {"text": part},
            provider=self.name,
            within=self._timeout,
            headers=self._auth,
            query=query,
        )

    async def warm(self, count: int = 1) -> int:
        """Open connections ahead of time; returns how many."""
        return await self._http.warm(self._url, count=count, headers=self._auth)

    def speaks(self, language: str) -> bool:
        """Whether there is a voice for it."""
        if self._languages is not None and not is_among(self._languages, language):
            return False
        return self._voices.has(language)
