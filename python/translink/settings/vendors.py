"""Of the second vendors: asked where `listen`, `translate` or `speak` name them."""

from __future__ import annotations

from pydantic import Field

from translink.settings.part import Part
from translink.settings.types import BaseUrl, Key


class ElevenLabsSettings(Part):
    """Voices in 32 languages."""

    api_key: Key | None = None
    """`ELEVENLABS_API_KEY`. Needed where `speak` names `elevenlabs`."""
    base_url: BaseUrl = "https://api.elevenlabs.io"
    """Another host of theirs, as https://api.eu.residency.elevenlabs.io."""
    model: str = "eleven_flash_v2_5"
    """The quickest. Others have other languages: see docs/languages.md."""
    voice: str | None = "JBFqnCBsd6RMkjVDRZzb"
    """Id of the voice for every language that `elevenlabs.voices` has not. None = those alone are
    spoken."""
    voices: dict[str, str] = Field(default_factory=dict)
    """Language to voice id."""
    speed: float = Field(1.0, ge=0.7, le=1.2)
    """Of speech."""
    timeout: float = Field(5.0, gt=0, le=60)
    """Until the first sound of a sentence."""
