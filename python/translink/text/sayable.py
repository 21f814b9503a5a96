"""What a voice is given of a text that people read. Sans-IO.

Theory of operation
    Captions show a text as it is; a voice gets what `sayable` makes of it. Every voice is asked through
    `providers.voices`, which asks here: the rule is the same for all vendors.

    * Nothing without a letter or a digit is said: a sentence of marks alone is left out.
    * Emoji, pictures, arrows and box drawings are left out, with what joins and colours them.
    * Tags (`<b>`) and marks of Markdown (`**`, `#`, backquotes) are left out, a link is its text, an entity
      (`&amp;`) what it stands for. So no vendor that reads markup gets any.
    * Of a URL its host is said, without `www.`: nobody can follow a path by ear.
    * An e-mail address, and a URL's host, are said in the words of the language (`at`, `dot`), where
      they are known (`SIGN_WORDS`); elsewhere they stay as they are.
    * A telephone number is said as people say it there: digit by digit in de, en, es, it, nl, pt and in
      fr-CA, two by two in fr; elsewhere it stays as it is. It is one if it has 7 to 15 digits
      and begins with a plus, a zero or a bracket, or is three groups or more with hyphens, and no date.

    All else stays, to the letter. `sayable` of its own result is the same.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import NamedTuple

from translink.text.sentences import split_sentences


class SignWords(NamedTuple):
    """How signs are said."""

    dot: str
    at: str
    dash: str
    underscore: str
    plus: str


SIGN_WORDS: dict[str, SignWords] = {
    "en": SignWords("dot", "at", "dash", "underscore", "plus"),
    "fr": SignWords("point", "arobase", "tiret", "tiret bas", "plus"),
    "de": SignWords("Punkt", "at", "Bindestrich", "Unterstrich", "plus"),
    "es": SignWords("punto", "arroba", "guion", "guion bajo", "más"),
    "it": SignWords("punto", "chiocciola", "trattino", "trattino basso", "più"),
    "nl": SignWords("punt", "at", "streepje", "liggend streepje", "plus"),
    "pt": SignWords("ponto", "arroba", "hífen", "sublinhado", "mais"),
}
"""Language to words; those that say telephone numbers in their own way."""
_PAIRS = frozenset({"fr", "fr-fr", "fr-be", "fr-ch"})
"""Languages that say telephone numbers two digits at a time."""

_LEAST, _MOST = 7, 15
"""Digits of a telephone number (ITU-T E.164: 15 with the country's code)."""
_GROUP = 4
"""Digits said without a pause where a number is written in one piece: 3, and 4 at its end."""

_MARKUP_TAG = re.compile(r"</?[A-Za-z!][^<>]*>")
"""Of HTML, XML, SSML."""
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#\d{1,6});")
"""`&amp;`."""
_LINK = re.compile(r"!?\[([^\]\[]+)\]\([^()\s]*\)")
"""Of Markdown."""
_URL = re.compile(
    r"(?:https?://|www\.)[^\s<>\"'«»“”]+|(?<![\w@.])(?:[\w-]+\.)+[a-z]{2,}/[^\s<>\"]*",
    re.IGNORECASE,
)
"""With a scheme, with `www.`, or with a path."""
_MAIL = re.compile(r"[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}")
"""An address."""
_PERHAPS_TELEPHONE = re.compile(
    r"(?<![\w.,:/@$€£-])[+(]{0,2}\d[\d ().\u00a0\u202f-]*\d(?![\w%€$£°])(?![.,:/]\d)"
)
"""Perhaps a telephone number."""
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?|\d\d?[.-]\d\d?[.-]\d{2,4}")
"""In figures."""
_MARKUP = re.compile(
    r"[*`~|\\{}<>\[\]^•·▪]+|(?<!\w)_+|_+(?!\w)|(?<!\w)#+(?!\w)|^\s*>+\s", re.MULTILINE
)
"""What Markdown and the like write around words."""
_TIGHT = re.compile(r"\s+([.,;:!?…])(?=\s|$)")
"""White space that was left before a mark; French has its own there, which is no break."""
_SAID_SYMBOLS = frozenset("°№℃℉")
"""Symbols that are read out."""
_JOINERS = frozenset("\u200c\u200d")
"""Persian and Hindi write with them, and so do emoji."""


def has_words(text: str) -> bool:
    """Whether there is anything in it to say: a letter or a digit, of any script."""
    return any(character.isalnum() for character in text)


def sayable(text: str, language: str) -> str:
    """What of `text` is said in `language`, and how; empty = nothing."""
    said = _numbers(_addresses(_unmarked(text), language), language)
    if said != text:
        said = _TIGHT.sub(r"\1", " ".join(said.split()))
    sentences = split_sentences(said, language)
    worded = [sentence for sentence in sentences if has_words(sentence)]
    return said if worded and len(worded) == len(sentences) else " ".join(worded)


def _unmarked(text: str) -> str:
    if _MARKUP_TAG.search(text):
        text = _MARKUP_TAG.sub(" ", text)
    if _ENTITY.search(text):
        text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    text = _LINK.sub(r"\1", text)
    # Addresses have signs that are marks elsewhere.
    kept: list[str] = []
    done = 0
    for found in re.finditer(f"{_URL.pattern}|{_MAIL.pattern}", text, re.IGNORECASE):
        kept += [_MARKUP.sub(" ", text[done : found.start()]), found[0]]
        done = found.end()
    kept.append(_MARKUP.sub(" ", text[done:]))
    return _without_pictures("".join(kept))


def _without_pictures(text: str) -> str:
    if text.isascii():
        return text if text.isprintable() else re.sub(r"[^\x20-\x7e]+", " ", text)
    said: list[str] = []
    picture = False
    for character in text:
        joins = character in _JOINERS
        if _is_said(character) and not (joins and picture):
            said.append(character)
            picture = False
        elif not joins and unicodedata.category(character) not in ("Mn", "Me", "Cf"):
            said.append(" ")
            picture = True
    return "".join(said)


def _is_said(character: str) -> bool:
    """Whether a voice may get it."""
    if character in _SAID_SYMBOLS or character in _JOINERS:
        return True
    kind = unicodedata.category(character)
    if kind in ("Mn", "Me"):
        return not ("\ufe00" <= character <= "\ufe0f" or "\u20d0" <= character <= "\u20ff")
    if kind == "Sm":
        return character in "+=×÷±−"
    return kind not in ("So", "Sk", "Cc", "Cf", "Cs", "Co", "Cn")


def _addresses(text: str, language: str) -> str:
    words = SIGN_WORDS.get(language.partition("-")[0].lower())
    text = _URL.sub(lambda found: _host(found[0], words), text)
    if "@" in text and words is not None:
        text = _MAIL.sub(lambda found: _in_words(found[0], words), text)
    return text


def _host(url: str, words: SignWords | None) -> str:
    bare = url.rstrip(".,;:!?…)")
    host = re.sub(r"^[a-z]+://", "", bare, flags=re.IGNORECASE)
    host = re.split(r"[/?#]", host)[0].rpartition("@")[2].partition(":")[0]
    host = re.sub(r"^www\.", "", host, flags=re.IGNORECASE)
    if words is not None:
        host = _in_words(host, words)
    return host + url[len(bare) :]


def _in_words(address: str, words: SignWords) -> str:
    signs = {".": words.dot, "@": words.at, "-": words.dash, "_": words.underscore, "+": words.plus}
    return " ".join(signs.get(each, each) for each in re.split(r"([.@_+-])", address) if each)


def _numbers(text: str, language: str) -> str:
    words = SIGN_WORDS.get(language.partition("-")[0].lower())
    if words is None:
        return text
    pairs = language.lower() in _PAIRS
    return _PERHAPS_TELEPHONE.sub(lambda found: _number(found[0], words, pairs=pairs), text)


def _number(written: str, words: SignWords, *, pairs: bool) -> str:
    groups = re.findall(r"\d+", written)
    digits = "".join(groups)
    if not _LEAST <= len(digits) <= _MOST or not _is_telephone(written, groups):
        return written
    plus = f"{words.plus} " if "+" in written else ""
    code = groups.pop(0) if plus and len(groups) > 1 else ""
    if pairs:
        said = [pair for group in groups for pair in _in_pairs(group)]
        return plus + ", ".join([code] * bool(code) + said)
    short = [part for group in groups for part in _in_parts(group)]
    return plus + ", ".join(" ".join(part) for part in [code] * bool(code) + short)


def _is_telephone(written: str, groups: list[str]) -> bool:
    if _DATE.fullmatch(written):
        return False
    if written[0] in "+(" or (written[0] == "0" and groups[0] != "0"):
        return True
    return len(groups) >= 3 and all(each in "0123456789-" for each in written)


def _in_pairs(group: str) -> list[str]:
    """`0612345678` as five; what is odd comes first, alone."""
    odd = len(group) % 2
    return [group[:odd]] * odd + [group[at : at + 2] for at in range(odd, len(group), 2)]


def _in_parts(group: str) -> list[str]:
    """A group as it is written; a long one in parts of three, the last of up to four."""
    parts = []
    while len(group) > _GROUP:
        parts.append(group[:3])
        group = group[3:]
    return [*parts, group]
