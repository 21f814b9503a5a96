"""Translations that are counted: each word of them has its number in its first three letters.

A translation has as many words as its source, the punctuation of each where it was, and is longer or
shorter as asked. The letters are chosen so that no abbreviation comes out (`Mr.`, `etc.`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from translink.sim.talk.chords import NUMBERS


def spelled(words: Sequence[str], numbers: Sequence[int], longer: float) -> str:
    """The translation of `words`, whose numbers these are; `longer` times as many characters, as far
    as three letters for each word allow."""
    marks = [word[len(word.rstrip(_PUNCTUATION)) :] for word in words]
    length = sum(map(len, words)) + len(words) - 1
    letters = round(longer * length) - (len(words) - 1) - sum(map(len, marks))
    spelled = []
    for place, (word, number, mark) in enumerate(zip(words, numbers, marks, strict=True)):
        # What earlier words took too much of is taken from the later ones.
        rest = sum(len(each) for each in words[place:])
        share = max(_LEAST, round(letters * len(word) / rest))
        letters -= share
        text = (_name(number) + _PADDING * (share // len(_PADDING) + 1))[:share]
        spelled.append((text.capitalize() if word[:1].isupper() else text) + mark)
    return " ".join(spelled)


def numbers_in(text: str) -> list[tuple[str, int]]:
    """The words of a translation, or of a part of it, with their numbers; others are left out."""
    return [(word, number) for word in text.split() if (number := _number(word)) is not None]


def bare(word: str) -> str:
    """Without punctuation and capitals."""
    return _EDGE_MARKS.sub("", word.replace("\u2019", "'")).lower() or word


def _name(number: int) -> str:
    return "".join(_LETTERS[number >> shift & 15] for shift in (8, 4, 0))


def _number(word: str) -> int | None:
    digits = [_LETTERS.find(letter) for letter in word[:_LEAST].lower()]
    if len(digits) < _LEAST or min(digits) < 0:
        return None
    return (digits[0] << 8 | digits[1] << 4 | digits[2]) % NUMBERS


_LETTERS = "bcdfghjknpqrtvwz"
_PADDING = "aeilou"
_LEAST = 3
_PUNCTUATION = ".,;:?!…\u2019\"')"
_EDGE_MARKS = re.compile(r"^\W+|\W+$")
