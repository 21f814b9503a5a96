"""What is dictated in pieces and understood only whole: numbers said in groups, names spelled letter by
letter, e-mail addresses. Sans-IO.

Theory of operation
    People pause for 0.3 to 0.6 s between two groups of a number. A recogniser ends a turn after
    0.3 s, and an early Finalize makes a group final after 0.1 s: cut there, `06 12` and `34 56 78` are
    translated, and spoken, as two quantities.

    A *dictation* is a stretch of an open turn: groups of digits or number words, single letters, or
    an address (`john dot smith at`). Nothing is cut within one. One at the end of the turn may go on. It
    is *strong* if it is announced (`my number is`), has two groups of digits or letters or more, three
    digits in words, begins with a zero or a plus, or is an address:

    * a strong one waits, with the clause that leads to it, though the recogniser says that the turn is
      over; an address only until its end (`dot com`) was said;
    * another, as in `it costs 50`, is a quantity: it alone waits, until a mark, the turn's end, or `max_hold`.

    Its clause does not wait with a quantity: in business talk (`twenty twenty one`) that cost 0.2 s of ear-voice
    span, and a hesitant talker 2.6 s at p95; the number alone costs neither (`benches.virtual`, one seed).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from translink.calls.dictation_words import DictationWords, dictation_words
from translink.text.sentences import ends_clause, ends_sentence

LEADS = 12
"""Words of the clause before a dictation that wait with it."""
CLAUSE = 4
"""Words that are sent without the dictation that follows."""
ANNOUNCED = 6
"""Words between what announces a dictation (`number`) and its beginning."""
ADDRESS_WORDS = 24
"""Words that an address has at the most, when it is spelled."""
_AROUND_WORDS = " .,;:!?…\"'”’“‘»«)([]¿¡-"
"""Of a token, around the word."""
_DIGITS = re.compile(r"\+?\(?\d[\d()./-]*")
"""A group of a number."""
_SPELLED = re.compile(r"[^\W\d_](?:[-.][^\W\d_])+\.?")
"""`J-O-H-N`."""
_PERHAPS_MORE = frozenset({"co", "ac", "gov"})
"""`dot co` is the end of an address, or half of `dot co dot uk`."""


class Dictation(NamedTuple):
    """A stretch of the tokens, from `start` to before `end`."""

    start: int
    end: int
    strong: bool
    """It is no mere quantity."""
    whole: bool = False
    """It is an address, and has an end."""


def dictations(tokens: Sequence[str], language: str, before: Sequence[str] = ()) -> list[Dictation]:
    """All of them in `tokens`, in order: an address goes before the numbers and letters in it. `before` =
    words of the same sentence that were sent already."""
    known = dictation_words(language)
    everything = [*before, *tokens]
    bare = [_bare(token) for token in everything]
    found = _addresses(everything, bare, known)
    taken = {index for each in found for index in range(each.start, each.end)}
    index = 0
    while index < len(everything):
        end = index
        while (
            end < len(everything) and end not in taken and _is_group(everything, bare, end, known)
        ):
            end += 1
            if everything[end - 1][-1:] in "?!":
                break
        if end > index and (run := _run(everything, bare, index, end, known)) is not None:
            found.append(run)
        index = max(end, index + 1)
    sent = len(before)
    return sorted(
        each._replace(start=max(0, each.start - sent), end=each.end - sent)
        for each in found
        if each.end > sent
    )


def waits_from(
    tokens: Sequence[str], language: str, found: Sequence[Dictation], *, over: bool
) -> int:
    """The first of `tokens` that should wait for what comes next; their number = none. `found` = their
    `dictations`; `over`: the recogniser says that the turn is."""
    count = len(tokens)
    if not found or found[-1].end < count:
        return count
    last = found[-1]
    if last.whole or tokens[-1][-1:] in "?!":
        return count
    start = last.start
    if not last.strong:
        ended = over or ends_clause(tokens[-1]) or ends_sentence(tokens[-1], None, language)
        return count if ended else start
    for begin in range(start, max(0, start - LEADS) - 1, -1):
        if begin == 0 or _may_go(tokens, begin, language):
            return begin
    return start


def is_within(found: Sequence[Dictation], count: int) -> bool:
    """Whether a cut after the first `count` tokens would go through one."""
    return any(each.start < count < each.end for each in found)


def _bare(token: str) -> str:
    return token.strip(_AROUND_WORDS).lower().replace("’", "'")


def _plain(bare: str) -> str:
    """Without a word that leans on it: `l'épelle`, `m'écrire`."""
    return bare.rpartition("'")[2]


def _may_go(tokens: Sequence[str], begin: int, language: str) -> bool:
    """Whether the `begin` tokens before need not wait: they end a sentence, or a clause of some length."""
    before = tokens[begin - 1]
    return ends_sentence(before, tokens[begin], language) or (
        begin >= CLAUSE and ends_clause(before)
    )


def _is_letter(token: str, bare: str) -> bool:
    single = len(bare) == 1 and bare.isalpha() and token.strip(_AROUND_WORDS).isupper()
    return single or bool(_SPELLED.fullmatch(token.rstrip(",;:?!")))


def _is_number(bare: str, known: DictationWords) -> bool:
    """In digits or, as far as the language is known, in words."""
    if _DIGITS.fullmatch(bare):
        return True
    parts = bare.split("-")
    # Not in their union: it would be made for each word of each open turn.
    return all(
        part in known.digits
        or part in known.numbers
        or part in known.large
        or (part in known.between and 0 < at < len(parts) - 1)
        for at, part in enumerate(parts)
    )


def _is_group(tokens: Sequence[str], bare: Sequence[str], at: int, known: DictationWords) -> bool:
    """Whether the token may belong to a number or to a spelled name."""
    word = bare[at]
    if _is_letter(tokens[at], word) or _is_number(word, known):
        return True
    if at == 0 or word not in known.between:
        return _is_spelling_word(tokens, bare, at, known)
    if at + 1 == len(tokens):
        return word not in ("and", "et", "und", "y", "e", "en", "de", "di", "in", "for")
    return True


def _is_spelling_word(
    tokens: Sequence[str], bare: Sequence[str], at: int, known: DictationWords
) -> bool:
    """`Bravo` of `B as in Bravo`."""
    back = at - 1
    while back > 0 and bare[back] in known.between:
        back -= 1
    return (
        0 <= back < at - 1 and _is_letter(tokens[back], bare[back]) and bare[at][:1] == bare[back]
    )


def _run(
    tokens: Sequence[str], bare: Sequence[str], start: int, end: int, known: DictationWords
) -> Dictation | None:
    """Of these tokens, which may be one; None: they are words like others."""
    while start < end and not _begins(tokens, bare, start, end, known):
        start += 1
    if start == end:
        return None
    said = bare[start:end]
    letters = sum(_is_letter(tokens[at], bare[at]) for at in range(start, end))
    spelled = any(_SPELLED.fullmatch(tokens[at].rstrip(",;:?!")) for at in range(start, end))
    numbers = [word for word in said if _is_number(word, known)]
    if letters == 1 and not spelled and not numbers and not _is_announced(bare, start, known):
        return None
    digits = [word for word in numbers if _DIGITS.fullmatch(word)]
    words = [word for word in numbers if word not in digits]
    single = sum(word in known.digits for word in words)
    spoken = (single >= 3 or len(words) >= 5) and not any(word in known.large for word in words)
    strong = (
        len(digits) >= 2
        or letters >= 2
        or spelled
        or spoken
        or said[0] in known.zero
        or re.match(r"\+|0\d", said[0]) is not None
        or tokens[start].startswith("+")
        or _is_announced(bare, start, known)
    )
    return Dictation(start, end, strong)


def _begins(
    tokens: Sequence[str], bare: Sequence[str], at: int, end: int, known: DictationWords
) -> bool:
    """A dictation does not begin with `and`, nor with an article that no number stands beside."""
    word = bare[at]
    if word in known.articles:
        alone = at + 1 == end or not _is_number(bare[at + 1], known)
        return _is_announced(bare, at, known) or not alone
    return _is_number(word, known) or _is_letter(tokens[at], word)


def _is_announced(bare: Sequence[str], start: int, known: DictationWords) -> bool:
    return any(_plain(word) in known.announces for word in bare[max(0, start - ANNOUNCED) : start])


# --- Addresses ---


def _addresses(
    tokens: Sequence[str], bare: Sequence[str], known: DictationWords
) -> list[Dictation]:
    """E-mail addresses and web pages, as they are said: `john dot smith at example dot com`."""
    start = _announced_address(bare, known)
    if start is None:
        start = _unannounced(tokens, bare, known)
    if start is None or start >= len(tokens):
        return []
    end = _end_of_address(tokens, bare, start, known)
    if end is not None:
        return [Dictation(start, end, strong=True, whole=True)]
    if len(tokens) - start > ADDRESS_WORDS or any(token[-1:] in "?!" for token in tokens[start:]):
        return []
    return [Dictation(start, len(tokens), strong=True)]


def _announced_address(bare: Sequence[str], known: DictationWords) -> int | None:
    """Where one begins that `my e-mail is` announces."""
    for at, word in enumerate(bare):
        if _plain(word) not in known.addressed:
            continue
        start = at + 1
        while start < len(bare) and (bare[start] in known.links or bare[start] in known.addressed):
            start += 1
        if start > at + 1 and start < len(bare):
            return start
    return None


def _unannounced(tokens: Sequence[str], bare: Sequence[str], known: DictationWords) -> int | None:
    """Where one begins that nothing announced: by a sign that stands nowhere else."""
    sure = (known.at - {"at"}) | (known.dot & {"dot"})
    for at, word in enumerate(bare):
        if word in sure and at:
            start = at - 1
            while start > 1 and bare[start - 1] in known.dot | known.signs:
                start -= 2
            return start
        if "@" in tokens[at]:
            return at
    return None


def _end_of_address(
    tokens: Sequence[str], bare: Sequence[str], start: int, known: DictationWords
) -> int | None:
    """Behind `dot com`; None: it was not said yet."""
    end = None
    signed = False
    for at in range(start, len(tokens)):
        word = bare[at]
        if "@" in word or word.startswith("www") or word in known.at:
            signed = True
        host = word.rpartition("@")[2] if "@" in word else word
        if signed and re.search(r"[^\W_]\.[a-z]{2,}$", host):
            end = at + 1
        elif signed and at > start and bare[at - 1] in known.dot and word not in known.dot:
            end = at + 1 if word not in _PERHAPS_MORE else None
        elif end is not None and word not in known.dot:
            break
    return end
