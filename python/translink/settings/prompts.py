"""What parties hear beside the translation, and what they may ask for with the keys of a telephone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from translink.settings.part import Part
from translink.settings.types import Language, comma_separated

DtmfKey = Annotated[str, Field(pattern=r"^[0-9*#A-D]$")]

LANGUAGE_NAMES: Mapping[str, str] = {
    "ar": "العربية",
    "bg": "български",
    "ca": "català",
    "cs": "čeština",
    "da": "dansk",
    "de": "Deutsch",
    "el": "ελληνικά",
    "en": "English",
    "es": "español",
    "et": "eesti",
    "fi": "suomi",
    "fr": "français",
    "he": "עברית",
    "hi": "हिन्दी",
    "hu": "magyar",
    "id": "bahasa Indonesia",
    "it": "italiano",
    "ja": "日本語",
    "ko": "한국어",
    "lt": "lietuvių",
    "lv": "latviešu",
    "nb": "norsk",
    "nl": "Nederlands",
    "no": "norsk",
    "pl": "polski",
    "pt": "português",
    "ro": "română",
    "ru": "русский",
    "sk": "slovenčina",
    "sl": "slovenščina",
    "sv": "svenska",
    "th": "ไทย",
    "tr": "Türkçe",
    "uk": "українська",
    "vi": "Tiếng Việt",
    "zh": "中文",
}
"""Languages by their own names, as those who speak them say."""


class NoticeSettings(Part):
    """What each party hears in their language when a call begins."""

    text: dict[Language, str] = Field(default_factory=dict)
    """By language: `en = "This call is translated by a machine."`. A party whose language is not there hears the
    first one, translated. Empty = nothing is said. It is kept with the call's transcript."""
    file: dict[Language, Path] = Field(default_factory=dict)
    """By language: a WAV file of at most 30 s that is played instead."""


class MenuSettings(Part):
    """What a caller whom a telephone system brings is asked first: "1, English. 2, français."."""

    languages: Annotated[tuple[Language, ...], BeforeValidator(comma_separated)] = Field(
        (), max_length=9
    )
    """`en, fr`: key 1 is the first of them, key 2 the second … Empty = nobody is asked."""
    file: Path | None = None
    """A WAV file of at most 30 s that asks. None = each language says its key and its name."""
    wait: float = Field(4.0, ge=0.5, le=60)
    """Seconds for a key after it was asked."""
    times: int = Field(2, ge=1, le=5)
    """How often it is asked; then the leg's own language holds."""

    @model_validator(mode="after")
    def _has_names(self) -> Self:
        if self.file is None:
            for language in self.languages:
                if language.partition("-")[0] not in LANGUAGE_NAMES:
                    raise ValueError(f"languages: {language} has no name here; set menu.file")
        return self


class DtmfSettings(Part):
    """Keys by which a party controls what they hear during a call. A key left out does nothing."""

    repeat: DtmfKey | None = None
    """They hear the last translation again."""
    louder: DtmfKey | None = None
    """They hear louder by 3 dB; after the loudest (+6 dB) as loud as at first."""
    original: DtmfKey | None = None
    """They hear the other talker's own voice and no translation; and back."""
    end: DtmfKey | None = None
    """The call ends."""

    @model_validator(mode="after")
    def _differ(self) -> Self:
        keys = [key for key in (self.repeat, self.louder, self.original, self.end) if key]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"{key} should do one thing")
        return self
