"""Of the second vendors: asked where `listen`, `translate` or `speak` name them."""

from __future__ import annotations

from pydantic import Field

from translink.settings.part import Part
from translink.settings.types import BaseUrl, FreeOptions, Key, OpenAiUrl, Pair


class ElevenLabsSettings(Part):
    """Voices in 32 languages."""

    api_key: Key | None = None
    """`ELEVENLABS_API_KEY`. Needed where `speak` names `elevenlabs`."""
    base_url: BaseUrl = "https://api.elevenlabs.io"
    """Another host of theirs, as https://api.eu.residency.elevenlabs.io."""
    model: str = "eleven_flash_v2_5"
    """The quickest. Others have other languages: see docs/languages.md."""
    voice: str = "JBFqnCBsd6RMkjVDRZzb"
    """Id of the voice for every language that `elevenlabs.voices` lacks. Empty = those alone are
    spoken."""
    voices: dict[str, str] = Field(default_factory=dict)
    """Language to voice id."""
    feminine: dict[str, str] = Field(default_factory=dict)
    """Language, or `any`, to the voice id that speaks for legs with `voice_for = "feminine"`. What is left out
    is Sarah's (EXAVITQu4vr4xnSDxMaL)."""
    masculine: dict[str, str] = Field(default_factory=dict)
    """Likewise; George's (JBFqnCBsd6RMkjVDRZzb)."""
    speed: float = Field(1.0, ge=0.7, le=1.2)
    """Of speech."""
    timeout: float = Field(5.0, gt=0, le=60)
    """Until the first sound of a sentence."""


class OpenAiSettings(Part):
    """OpenAI, or servers of one's own that speak its protocol: recognition of finished pieces, chat
    models that translate, voices."""

    api_key: Key | None = None
    """`OPENAI_API_KEY`. None = none is sent, for a server of one's own at `openai.base_url`."""
    base_url: OpenAiUrl = "https://api.openai.com"
    """`OPENAI_BASE_URL`, with or without `/v1`."""
    listen_url: OpenAiUrl | None = None
    """Where pieces are recognised. None = `openai.base_url`. The key is sent there too."""
    translate_url: OpenAiUrl | None = None
    """Where the chat model is, likewise."""
    speak_url: OpenAiUrl | None = None
    """Where the voices are, likewise."""
    listen_model: str = "whisper-1"
    """Whisper's tell word times; `gpt-4o-transcribe` does not, and they are guessed."""
    translate_model: str = "gpt-4o-mini"
    """A chat model."""
    speak_model: str = "gpt-4o-mini-tts"
    """Of the voices."""
    glossaries: dict[Pair, dict[str, str]] = Field(default_factory=dict)
    """Pair to terms and their translations, as in `en-fr = { invoice = "facture" }`: the chat model is
    given those that are in the text."""
    temperature: float = Field(0.0, ge=-1, le=2)
    """Of the chat model; -1 = not sent, for models that take only their own."""
    voice: str = "alloy"
    """For every language that `openai.voices` lacks. Empty = those alone are spoken."""
    voices: dict[str, str] = Field(default_factory=dict)
    """Language to voice."""
    feminine: dict[str, str] = Field(default_factory=dict)
    """Language, or `any`, to the voice that speaks for legs with `voice_for = "feminine"`. What is left out is
    nova at api.openai.com, and the usual voice at servers of one's own."""
    masculine: dict[str, str] = Field(default_factory=dict)
    """Likewise; onyx."""
    rate: int = Field(24_000, ge=8_000, le=96_000)
    """Samples per second of the voices' `pcm`, where the server does not say."""
    listen_timeout: float = Field(10.0, gt=0, le=300)
    """For one piece of audio."""
    translate_timeout: float = Field(3.0, gt=0, le=60)
    """For one sentence."""
    speak_timeout: float = Field(5.0, gt=0, le=60)
    """Until the first sound of a sentence."""


class VendorSettings(Part):
    """Any other provider that the program has: `[vendors.NAME]`. Asked where an order names it."""

    api_key: Key | None = None
    """Needed unless `base_url` is set."""
    base_url: BaseUrl | None = None
    """None = the vendor's own."""
    model: str | None = None
    """None = the vendor's usual one."""
    voice: str | None = None
    """For every language that `voices` lacks."""
    voices: dict[str, str] = Field(default_factory=dict)
    """Language to voice."""
    feminine: dict[str, str] = Field(default_factory=dict)
    """Language, or `any`, to the voice that speaks for legs with `voice_for = "feminine"`."""
    masculine: dict[str, str] = Field(default_factory=dict)
    """Likewise."""
    timeout: float = Field(5.0, gt=0, le=300)
    """For one piece or sentence; of a voice until its first sound."""
    options: FreeOptions = Field(default_factory=dict)
    """What else the vendor's own file reads. What is called like a key, token, secret or password is a secret."""


def key_setting(provider: str) -> str:
    """Which setting has the key of a provider, by the name that logs have: `deepgram.speak`, `deepl.2`.
    Empty: the local engines have none that is set."""
    vendor, *rest = provider.split(".")
    if vendor == "offline":
        return ""
    if rest and rest[-1].isdecimal():  # the second account is the first of those to fall back on
        return f"fallback.{vendor}.{int(rest[-1]) - 2}.api_key"
    if vendor in _WITH_NAMES:
        return f"{vendor.upper()}_API_KEY"
    return f"vendors.{vendor}.api_key"


_WITH_NAMES = ("deepgram", "deepl", "elevenlabs", "openai")
"""Those whose keys have names that others know."""
