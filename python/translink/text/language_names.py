"""What languages are called in English."""

from __future__ import annotations

from collections.abc import Mapping

_NAMES_BY_CODE = """
    af Afrikaans, ar Arabic, be Belarusian, bg Bulgarian, bn Bengali, bs Bosnian, ca Catalan,
    cs Czech, da Danish, de German, el Greek, en English, es Spanish, et Estonian, fa Persian,
    fi Finnish, fil Filipino, fr French, gu Gujarati, he Hebrew, hi Hindi, hr Croatian, hu Hungarian,
    id Indonesian, it Italian, ja Japanese, kn Kannada, ko Korean, lt Lithuanian, lv Latvian,
    mk Macedonian, mr Marathi, ms Malay, ne Nepali, nl Dutch, no Norwegian, pa Punjabi, pl Polish, pt Portuguese,
    ro Romanian, ru Russian, sk Slovak, sl Slovenian, sr Serbian, sv Swedish, sw Swahili, ta Tamil,
    te Telugu, th Thai, tr Turkish, uk Ukrainian, ur Urdu, vi Vietnamese, zh Chinese
"""
ENGLISH_NAMES: Mapping[str, str] = {
    code: name
    for code, _, name in (each.strip().partition(" ") for each in _NAMES_BY_CODE.split(","))
}
"""By code, of two or three letters."""
