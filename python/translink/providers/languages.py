"""Language tags as providers need them: looked up by variant, then by language; two letters; in
words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

V = TypeVar("V")


def base(language: str) -> str:
    """`pt` for `pt-BR`; the same for the same language under another name (`nb` is `no`)."""
    code = language.replace("_", "-").partition("-")[0].lower()
    return _SAME.get(code, code)


def by_tag(table: Mapping[str, V], language: str) -> V | None:
    """What a table has for `pt-BR`, or else for `pt`; None when it has neither."""
    tag = language.replace("_", "-")
    value = table.get(tag)
    return table.get(tag.partition("-")[0].lower()) if value is None else value


def is_among(languages: Collection[str], language: str) -> bool:
    """Whether a list of languages has this one or that which it is a variant of."""
    tag = language.replace("_", "-")
    return tag in languages or base(tag) in languages


def in_words(language: str) -> str:
    """`Portuguese (BR)` for `pt-BR`; the tag itself where no name is known."""
    code, _, variant = language.replace("_", "-").partition("-")
    name = NAMES.get(base(code), code)
    return f"{name} ({variant})" if variant else name


_SAME = {"nb": "no", "nn": "no", "tl": "fil", "iw": "he", "in": "id"}
_NAMES = """
    af Afrikaans, ar Arabic, be Belarusian, bg Bulgarian, bn Bengali, bs Bosnian, ca Catalan,
    cs Czech, da Danish, de German, el Greek, en English, es Spanish, et Estonian, fa Persian,
    fi Finnish, fil Filipino, fr French, he Hebrew, hi Hindi, hr Croatian, hu Hungarian,
    id Indonesian, it Italian, ja Japanese, kn Kannada, ko Korean, lt Lithuanian, lv Latvian,
    mk Macedonian, mr Marathi, ms Malay, ne Nepali, nl Dutch, no Norwegian, pa Punjabi, pl Polish, pt Portuguese,
    ro Romanian, ru Russian, sk Slovak, sl Slovenian, sr Serbian, sv Swedish, sw Swahili, ta Tamil,
    te Telugu, th Thai, tr Turkish, uk Ukrainian, ur Urdu, vi Vietnamese, zh Chinese
"""
NAMES: Mapping[str, str] = {
    code: name for code, _, name in (each.strip().partition(" ") for each in _NAMES.split(","))
}
"""In English, by `base`."""
