"""Where one sentence ends and the next begins, in text that a recogniser or a translator
punctuated.

Only for deciding when text may be handed on: a missed end costs a little time, an end seen where
there is none costs a bad translation. So doubt always means "not an end".
"""

from __future__ import annotations

import re
from itertools import zip_longest

from translink.text.sentence_rules import (
    goes_on_after_quote,
    is_abbreviation,
    is_initial,
    is_ordinal,
)


def ends_sentence(token: str, following: str | None = None, language: str = "") -> bool:
    """Whether a sentence ends with `token`, a run of text without spaces.

    `following` is the token after it, None when it is not known (yet). A full stop after an
    abbreviation (`M.`, `Dr.`, `p.m.`) of `language`, an initial, an ordinal where ordinals have one, or
    inside a number ends nothing; neither does one that a lower-case word follows.
    """
    bare = token.rstrip(_CLOSERS)
    if not bare or bare[-1] not in _ENDERS:
        return False
    if bare[-1] in _ALWAYS:
        quoted = len(bare) < len(token) and following is not None
        return not (quoted and goes_on_after_quote(following or ""))
    if following is not None:
        head = following.lstrip(_OPENERS)
        if head[:1].islower():
            return False
        if head[:1].isdigit() and bare[:-1].lower() in _BEFORE_NUMBERS:
            return False
    if bare[-1] == "…" or bare.endswith("..."):
        return len(bare.rstrip(".…")) > 0
    stem = bare[:-1].lstrip(_OPENERS)
    if is_initial(stem) or is_ordinal(stem, language):
        return False
    return "." not in stem and not is_abbreviation(stem, language)


def ends_clause(token: str) -> bool:
    """Whether a clause ends with `token`: the next best place to cut."""
    return token.rstrip(_CLOSERS)[-1:] in _CLAUSE_ENDERS


def split_sentences(text: str, language: str = "") -> list[str]:
    """The sentences of `text`, which is in `language`, in order, white space around them removed;
    `[]` for blank text.

    Nothing else is removed: the words of the result are the words of `text`.
    """
    tokens = list(_SENTENCE_TOKEN.finditer(text))
    sentences = []
    start = 0
    for token, following in zip_longest(tokens, tokens[1:]):
        # French puts a space before `?` and `!`; what follows the mark decides, not the mark
        # itself.
        if following is not None and not following[0].strip(_ENDERS + _CLOSERS):
            continue
        if following is None or ends_sentence(token[0], following[0], language):
            sentences.append(text[start : token.end()].strip())
            start = token.end()
    return [sentence for sentence in sentences if sentence]


def join(left: str, right: str) -> str:
    """Two stretches of one speaker's text, with a space between where the script has spaces."""
    if not left or not right:
        return left or right
    return f"{left}{gap(left, right)}{right}"


def gap(left: str, right: str) -> str:
    """What stands between two stretches of text: nothing within Chinese, Japanese or Thai, else a
    space.
    """
    return "" if _UNSPACED.match(left[-1:]) and _UNSPACED.match(right[:1]) else " "


def is_solid(left: str, right: str) -> bool:
    """Does nothing stand between these in Chinese or Japanese, whatever spaces a recogniser puts there? Those of
    Thai part phrases, and stay."""
    return bool(_SOLID.match(left[-1:]) and _SOLID.match(right[:1]))


def without_gaps(text: str) -> str:
    """`text` as it is written, where a recogniser puts spaces between the words of Chinese or Japanese."""
    return text if text.isascii() else _SOLID_GAP.sub("", text)


_ALWAYS = "?!。！？؟।॥۔"
_ENDERS = _ALWAYS + ".…"
_CLAUSE_ENDERS = frozenset(",;:、，；：،؛")
_CLOSERS = "\"'”’“‘»)]」』）"
_OPENERS = "\"'“‘«([¿¡„‚「『（"
_SENTENCE_TOKEN = re.compile(r"[。！？]+[」』”’）]*|[^\s。！？]+(?:[。！？]+[」』”’）]*)?")
_SOLID = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uff64]")
_SOLID_GAP = re.compile(rf"(?<={_SOLID.pattern})\s+(?={_SOLID.pattern})")
"""Spaces between these."""
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3000-\u30ff\u3400-\u9fff\uff00-\uff64]")
_BEFORE_NUMBERS = frozenset({"no", "nos", "n", "p", "pp", "art", "vol", "chap", "nr", "sec", "min"})
"""Words that are abbreviations only before a number: `No. 5`, but `I said no.`"""
