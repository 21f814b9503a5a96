"""Names and terms that a talker is likely to say, as a recogniser is given them: how many there may be.

Deepgram takes 500 tokens of them. More on a connection that is opened are answered by 400; more on one
that is open end its recognition without a word, and the stream half a minute later with 1011. So they
are counted here before they are sent. Deepgram's tokens are not public: this counts as many as a
tokenizer makes of names that it has never seen, and more than it makes of common words.

Source: developers.deepgram.com/docs/keyterm, /docs/configure, changelog of 2026-10-08.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST_TOKENS = 500
LONGEST_TERM = 100
"""Characters."""
MOST_TERMS = 200
"""Of one list; each is a token at least, and a parameter of a URL."""

_TERM_PARTS = re.compile(r"[A-Z]?[a-z]+|\S")


def count_tokens(terms: Iterable[str]) -> int:
    """At most so many tokens: one for each term, half a letter's for lower case of ASCII, one for each
    capital, digit and mark, and for anything else one for each byte of UTF-8."""
    return sum(1 + sum(map(_part, _TERM_PARTS.findall(term))) for term in terms)


def _part(part: str) -> int:
    return (len(part) + 1) // 2 if part.isascii() else len(part.encode())


def clean_terms(terms: Iterable[str]) -> tuple[str, ...]:
    """Each once, spaces evened out.

    Raises:
        ValueError: an empty one, one too long, or with characters that are not said; too many; or more
            than `MOST_TOKENS` of them.
    """
    clean = tuple(dict.fromkeys(" ".join(term.split()) for term in terms))
    for term in clean:
        if not any(map(str.isalnum, term)):
            raise ValueError("should hold terms that have a letter or a digit")
        if len(term) > LONGEST_TERM or not term.isprintable():
            raise ValueError(f"should hold terms of at most {LONGEST_TERM} printable characters")
    if len(clean) > MOST_TERMS:
        raise ValueError(f"should hold at most {MOST_TERMS} terms")
    return fitting(clean)


def fitting(terms: tuple[str, ...]) -> tuple[str, ...]:
    """The same. Raises `ValueError` if they are more than `MOST_TOKENS`."""
    if (tokens := count_tokens(terms)) > MOST_TOKENS:
        raise ValueError(
            f"counts as {tokens} tokens; Deepgram takes {MOST_TOKENS}, so leave some out"
        )
    return terms


def joined(always: Iterable[str], also: Iterable[str]) -> tuple[str, ...]:
    """Both lists as one, each term once."""
    return tuple(dict.fromkeys((*always, *also)))
