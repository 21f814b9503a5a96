"""Two transcripts of one call, word for word and second for second. Sans-IO."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_SHOWN = 200
"""Differences that are kept of a leg; the others are counted."""
_SPACELESS = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff"
"""Scripts without spaces: each character counts as a word."""
_COMPARED_WORD = re.compile(rf"[{_SPACELESS}]|[^\s{_SPACELESS}]+")


@dataclass(frozen=True, slots=True)
class ComparedSegment:
    """A segment. Seconds since the recording's first sample."""

    start_s: float
    end_s: float
    text: str
    translation: str
    spoken_s: float | None
    """When the first sound of its translation was sent."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where words differ."""

    at_s: float
    then: str
    """Empty: they were not there."""
    now: str
    """Empty: they are not there any more."""


@dataclass(frozen=True, slots=True)
class WordComparison:
    """The same words?"""

    then: int
    now: int
    same: int
    differences: tuple[Difference, ...]
    unshown: int
    """Differences beyond `MOST_SHOWN`."""
    shift_p50_s: float | None
    """By how much the same words lie apart; None: there is none."""
    shift_max_s: float | None


@dataclass(frozen=True, slots=True)
class DelayComparison:
    """From the last sound of a segment to the first of its translation, seconds. None: none was spoken."""

    then_p50_s: float | None
    then_p95_s: float | None
    now_p50_s: float | None
    now_p95_s: float | None


@dataclass(frozen=True, slots=True)
class LegComparison:
    """One talker."""

    leg: str
    said: WordComparison
    translated: WordComparison
    delay: DelayComparison

    @property
    def same(self) -> bool:
        """No word differs."""
        words = (self.said, self.translated)
        return all(each.same == each.then == each.now for each in words)


@dataclass(frozen=True, slots=True)
class _TimedWord:
    key: str
    text: str
    at: float


def compare_legs(
    leg: str, then: Sequence[ComparedSegment], now: Sequence[ComparedSegment]
) -> LegComparison:
    """What a talker said and how it was translated, then and now. Case and punctuation do not count."""
    then, now = (sorted(lines, key=lambda line: line.start_s) for lines in (then, now))
    return LegComparison(
        leg=leg,
        said=_compare(_words(then, "text"), _words(now, "text")),
        translated=_compare(_words(then, "translation"), _words(now, "translation")),
        delay=DelayComparison(*_delay(then), *_delay(now)),
    )


def _compare(then: Sequence[_TimedWord], now: Sequence[_TimedWord]) -> WordComparison:
    matcher = SequenceMatcher(
        None, [word.key for word in then], [word.key for word in now], autojunk=False
    )
    shifts: list[float] = []
    differences = []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            shifts += (abs(one.at - two.at) for one, two in zip(then[a:b], now[c:d], strict=True))
        else:
            first = then[a] if a < b else now[c]
            texts = (" ".join(word.text for word in part) for part in (then[a:b], now[c:d]))
            differences.append(Difference(round(first.at, 2), *texts))
    return WordComparison(
        then=len(then),
        now=len(now),
        same=len(shifts),
        differences=tuple(differences[:MOST_SHOWN]),
        unshown=max(0, len(differences) - MOST_SHOWN),
        shift_p50_s=_quantile(shifts, 0.5),
        shift_max_s=_quantile(shifts, 1.0),
    )


def _words(lines: Iterable[ComparedSegment], what: str) -> list[_TimedWord]:
    """With the second at which each begins, as if all words of a segment were of one length."""
    found = []
    for line in lines:
        words = [
            (key, word)
            for word in _COMPARED_WORD.findall(getattr(line, what))
            if (key := _key(word))
        ]
        for number, (key, word) in enumerate(words):
            share = number / len(words)
            at = line.start_s + share * (line.end_s - line.start_s)
            found.append(_TimedWord(key, word, at))
    return found


def _key(word: str) -> str:
    plain = unicodedata.normalize("NFC", word).casefold()
    return "".join(c for c in plain if unicodedata.category(c)[0] not in "PSZC")


def _delay(lines: Iterable[ComparedSegment]) -> tuple[float | None, float | None]:
    found = [line.spoken_s - line.end_s for line in lines if line.spoken_s is not None]
    return _quantile(found, 0.5), _quantile(found, 0.95)


def _quantile(values: Iterable[float], share: float) -> float | None:
    found = sorted(values)
    return round(found[min(len(found) - 1, int(share * len(found)))], 2) if found else None
