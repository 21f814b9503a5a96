"""What a full stop after a word means, language by language: data for `sentences`.

Some are taken everywhere: an abbreviation of one language is seldom a sentence's last word in another, and a
missed end costs less than a wrong one. A language that has no rules of its own has those alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

_EVERYWHERE = """
    mr mrs ms messrs dr dra prof profa st ste mme mmes mlle mlles mgr mm hr fr sr sra dña av bd blvd ave rd
    apt approx env vs cf tel tél ext fig jr inc ltd dept gen col lt capt rev hon gov sen rep jan
    feb apr aug sept oct nov dec janv févr juil
"""
_OWN = {
    "de": """
        abs abt art bspw bzgl bzw ca dipl evtl exkl fa fam geb ggf hbf hrn ing inkl jh kfm mind mio mrd
        nr okt dez mär pl rd s sek std stk str tel vgl zzgl zt
    """,
    "es": """
        sres sras srta srtas d dª dna ud uds vd vds avda gral lic ing arq cía cia pág págs pag núm num
        ej ee uu ff aa rr hh sto sta pza aprox dpto izq dcha excmo excma ilmo ilma gob
    """,
    "it": """
        sig sigg dott egr gent gentmo spett avv arch geom ing rag on mons pag pagg tel art artt cap es ecc
        dir min max circ
    """,
    "pt": """
        sres sras srs dr drs eng arq exmo exma exa exas ilmo ilma v pág págs tel cel ltda séc ex pe
        apto art arts cap núm fls obs trav pça
    """,
    "nl": """
        dhr mevr mw drs ir ing ds bijv bv ca nr blz resp incl excl min max tel str gem vgl zgn afd jl
    """,
    "hi": """
        डॉ श्री श्रीमती सुश्री प्रो पं रु सं क्र मो कि मि बी सी डी एफ जी एच आई जे एल एम एन पी क्यू आर एस
        टी यू वी एक्स वाई जेड
    """,
    "ar": "هـ أ د م ص ت ج رقم ق",
}
_COUNTING = "bs cs da de et fi hr hu lt lv no pl sk sl sr tr"
_ORDINALS = frozenset(_COUNTING.split())
"""A number with a full stop is a number in a row: `am 3. Mai`."""
_NO_STOPS = frozenset({"th"})
"""Sentences end with a space; a full stop is an abbreviation's."""
_ENDINGS = {"de": ("str",), "nl": ("str",)}
"""Of abbreviated compounds: `Goethestr.`"""
_ELIDED = re.compile(r"^(?:l|d|all|dell|dall|nell|sull|un|qu)['’]")
"""Articles that lean on the next word: `l'Avv.`"""
_HEAD_OF_SAYING = re.compile(r"[^，。！？、「『“]{0,6}(?:说|說|道|问|問|答|喊|叫)")

ABBREVIATIONS: Mapping[str, frozenset[str]] = {
    code: frozenset(_EVERYWHERE.split()) | frozenset(own.split()) for code, own in _OWN.items()
}
"""Lower-case words, without the full stop, after which a sentence goes on."""
OF_ANY = frozenset(_EVERYWHERE.split())


def is_abbreviation(stem: str, language: str) -> bool:
    """Whether a full stop behind `stem` ends no sentence in `language` (a tag, or empty)."""
    code = language.partition("-")[0]
    word = _ELIDED.sub("", stem.lower())
    known = word in ABBREVIATIONS.get(code, OF_ANY) or word.endswith(_ENDINGS.get(code, ()))
    return known or code in _NO_STOPS


def is_ordinal(stem: str, language: str) -> bool:
    """Whether `stem` and a full stop are an ordinal: a number of a day or a chapter, no year."""
    return stem.isdigit() and len(stem) <= 2 and language.partition("-")[0] in _ORDINALS


def is_initial(stem: str) -> bool:
    """Whether it is one letter, with the signs that belong to it (`पी` has two characters)."""
    letters = [each for each in stem if not unicodedata.category(each).startswith("M")]
    return len(letters) == 1 and letters[0].isalpha()


def goes_on_after_quote(following: str) -> bool:
    """Whether a sentence goes on behind a quotation's end: `「はい。」と言う`, `“好。”他说。`."""
    return following.startswith(("と", "って", "、", "，", ",")) or bool(
        _HEAD_OF_SAYING.match(following)
    )
