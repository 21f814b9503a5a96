"""Of the providers and of what is used where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from translink.settings.part import Part
from translink.settings.types import BaseUrl, Endpointing, FreeOptions, Key, Keyterms, Pair, Terms
from translink.text.keyterms import fitting, joined

_FLUX_ONLY = ("eot_threshold", "eager_eot_threshold", "eot_timeout_ms")
"""Settings of Flux."""


class DeepgramSettings(Part):
    """Speech to text and Aura."""

    api_key: Key | None = None
    """`DEEPGRAM_API_KEY`. None = the local engines recognise and speak, unless `base_url` is set."""
    base_url: BaseUrl = "https://api.deepgram.com"
    """`DEEPGRAM_BASE_URL`: a regional or self-hosted service, `http(s)://host[:port]`."""
    model: str = "nova-3"
    """For recognition; voices are chosen by `voices`. `flux-general-multi` or `flux-general-en`: Flux, for calls
    whose parties take turns. It finds the end of a turn by what is said, and makes nothing final before."""
    pieces_model: str = "nova-3"
    """Where `model` is Flux: recognises finished pieces, and streams of languages that Flux lacks."""
    eot_threshold: float | None = Field(None, ge=0.5, le=1)
    """Flux: how sure the end of a turn must be. None = 0.7, Deepgram's."""
    eager_eot_threshold: float | None = Field(None, ge=0.3, le=0.9)
    """Flux: how sure an early guess of it must be. It is shown, and never spoken. None = no guesses."""
    eot_timeout_ms: int | None = Field(None, ge=500, le=60_000)
    """Flux: silence that ends a turn in any case. None = 5000, Deepgram's."""
    endpointing: Endpointing = 300
    """ms of silence that end an utterance; false = off."""
    utterance_end_ms: int = Field(1_000, ge=1_000, le=5_000)
    """Gap between words after which `UtteranceEnd` is sent."""
    smart_format: bool = True
    """Punctuation, numbers, dates as people write them."""
    interim_results: bool = True
    """Captions of unfinished speech; `UtteranceEnd` needs them too."""
    vad_events: bool = True
    """`SpeechStarted` messages."""
    keyterm: Keyterms = ()
    """Names and terms to expect from everybody, up to about 100; nova-3 and Flux only. A leg may have more
    (`legs[].keyterm`)."""
    configure: bool | None = None
    """Whether an open stream takes new terms. None = at api.deepgram.com; the regional hosts do
    not take them. Where it cannot, a new stream takes over at the talker's next pause."""
    extra: FreeOptions = Field(default_factory=dict)
    """Query parameters of /v1/listen that have no setting here. `mip_opt_out` and `tag` go to Flux and
    /v1/speak too. What is called like a key or token is a secret."""
    early_finalize: float | None = Field(None, ge=0, le=5)
    """Seconds of quiet, by level, after which what was said is asked for at once (Finalize), instead
    of up to 5 s later. Its answer ends no turn. None = 0.1, and 0 (never) with the local engines; 0 also
    for a service that recognises worse in shorter pieces."""
    finalize_flowing: float | None = Field(None, ge=0, le=10)
    """Seconds of speech without a final from which on the shortest dip in level is enough to ask, for
    talkers who do not pause; from 1 s on `early_finalize` shrinks towards it. Some of these dips lie
    within a word, which may be recognised wrong then. None = 2, and 0 (never) with the local engines;
    0 also without `early_finalize`."""
    silence_after: float = Field(1.0, ge=0.3, le=60)
    """Seconds of quiet, with everything said answered, from which on silence is sent in longer messages: it
    costs a call a message every 20 ms, and nobody waits for it. The first sound goes at once."""
    silence_message: float = Field(0.2, ge=0.02, le=0.24)
    """Seconds of silence in one of them. 0.02 = always a message for each frame."""
    connect_timeout: float = Field(5.0, gt=0, le=60)
    """For the WebSocket's handshake."""
    patience: float | None = Field(None, gt=0, le=60)
    """Seconds without anything new while speech waits for its result, after which a stream counts as
    dead. None = 2.5, or 8 without `interim_results`. A service that answers more slowly than that
    is noticed and waited for, 10 s at most."""
    prerecorded_timeout: float = Field(10.0, gt=0, le=300)
    """For one piece of audio."""
    prerecorded_concurrency: int = Field(10, ge=1, le=1_000)
    """Requests at once; the rest wait their turn. Each worker (`--workers`) and each node of a fleet has so many:
    stay below your plan's limit, divided by their number."""
    feminine: dict[str, str] = Field(default_factory=dict)
    """Language to the voice that speaks for legs with `voice_for = "feminine"`. A language left out gets
    translink's choice."""
    masculine: dict[str, str] = Field(default_factory=dict)
    """Likewise."""
    speak_timeout: float = Field(5.0, gt=0, le=60)
    """Until the first sound of a sentence."""
    speak_concurrency: int = Field(15, ge=1, le=1_000)
    """Texts that are spoken at once; the rest wait their turn. Each worker and each node has so many, likewise."""

    @model_validator(mode="after")
    def _fits_flux(self) -> Self:
        of_flux = [name for name in _FLUX_ONLY if getattr(self, name) is not None]
        if of_flux and not self.is_flux:
            raise ValueError(f"{of_flux[0]}: is for Flux only, and model is {self.model}")
        if self.pieces_model.startswith("flux"):
            raise ValueError("pieces_model: Flux recognises no finished pieces; name another")
        sure = 0.7 if self.eot_threshold is None else self.eot_threshold
        if self.eager_eot_threshold is not None and self.eager_eot_threshold > sure:
            raise ValueError(f"eager_eot_threshold: must not be above eot_threshold ({sure:g})")
        if self.keyterm and not self.takes_terms:
            raise ValueError(f"keyterm: is for nova-3 and Flux only, and model is {self.model}")
        return self

    @property
    def is_flux(self) -> bool:
        """Streams are Flux's."""
        return self.model.startswith("flux-")

    @property
    def takes_terms(self) -> bool:
        """Whether `model` knows key terms: others answer them with an error."""
        return self.is_flux or self.model.startswith("nova-3")

    def refuse_terms(self, terms: tuple[str, ...]) -> None:
        """Raise `ValueError` if a leg cannot have these terms besides `keyterm`."""
        if terms and not self.takes_terms:
            raise ValueError(f"is for nova-3 and Flux only, and deepgram.model is {self.model}")
        if terms:
            fitting(joined(self.keyterm, terms))


class DeepLSettings(Part):
    """DeepL, for translation."""

    api_key: Key | None = None
    """`DEEPL_API_KEY` or `DEEPL_AUTH_KEY`. None = the local engines translate, unless `server_url` is set."""
    server_url: BaseUrl | None = None
    """`DEEPL_SERVER_URL`. None = from the key: `…:fx` is api-free.deepl.com, others api.deepl.com."""
    model_type: Literal["latency_optimized", "quality_optimized", "prefer_quality_optimized"] = (
        "latency_optimized"
    )
    """Of the model that translates."""
    formality: Literal["default", "more", "less", "prefer_more", "prefer_less"] | None = None
    """`prefer_…` is safe for languages that have none."""
    glossary_id: str | None = None
    """A glossary of your account, for every pair that it has a dictionary for."""
    glossary_ids: Annotated[Terms, Field(max_length=5)] = ()
    """Several of them."""
    glossaries: dict[Pair, Annotated[Terms, Field(min_length=1, max_length=5)]] = Field(
        default_factory=dict
    )
    """Pair to glossary, or several, as in `en-fr` or `en-pt-BR`. They go before `glossary_ids`, five in
    all. A pair that a glossary does not have is translated without it, and the log says so once."""
    instructions: tuple[Annotated[str, Field(min_length=1, max_length=300)], ...] = Field(
        (), max_length=10
    )
    """What DeepL should mind, in English, as in `Digits stay digits`; for translations into de, en, es,
    fr, it, ja, ko and zh."""
    timeout: float = Field(3.0, gt=0, le=60)
    """For one sentence."""
    english: Literal["EN-US", "EN-GB"] = "EN-US"
    """Which English to write when a leg's language is plain `en`."""
    portuguese: Literal["PT-PT", "PT-BR"] = "PT-PT"
    """Likewise for plain `pt`."""


class DeepLAccount(Part):
    """Another DeepL to ask when the first fails."""

    api_key: Key
    """Of the other account."""
    server_url: BaseUrl | None = None
    """As `deepl.server_url`."""


class DeepgramAccount(Part):
    """Another Deepgram to speak with when the first fails."""

    api_key: Key
    """Of the other account."""
    base_url: BaseUrl = "https://api.deepgram.com"
    """As `deepgram.base_url`."""


class FallbackSettings(Part):
    """Which providers are next in line, in order, after `deepl` and `deepgram`."""

    deepl: tuple[DeepLAccount, ...] = ()
    """Translators, in order."""
    deepgram: tuple[DeepgramAccount, ...] = ()
    """Voices, in order."""
    offline: bool = False
    """The local engines are last in line: modest, but there."""


OFFLINE_QUALITY = "offline demo quality"
"""How everything that the local engines make is labelled, wherever it shows."""


class OfflineSettings(Part):
    """The local engines, used for whatever has no key."""

    phrasebook: Path | None = None
    """Your phrases instead of the packaged ones."""
    recognizers: int = Field(4, ge=1, le=64)
    """Decoders at work at once; each is a process and may use a core. Beyond: 429."""

    whisper: str | None = Field(None, min_length=1)
    """A model of Whisper that recognises instead of pocketsphinx, in all its languages, in pieces cut at pauses:
    a folder, or a name (`base`, `small`), which is fetched from a model hub once. Needs
    `pip install 'translink[whisper]'`. None = not."""

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        if self.phrasebook is not None and not self.phrasebook.is_file():
            raise ValueError("phrasebook: no such file")
        return self
