"""Words that two sources, or two results of one source, both heard: which of them are the same.
Sans-IO.

Recognisers repeat themselves, and the times of a word move between two passes (recorded nova-3
sessions: the middle of the same word by 40 ms at p50, 120 at p90, 240 at most). So a word is known
by its place *and* its text.
"""

from __future__ import annotations

from collections.abc import Sequence

from translink.results import RATE, Word

WORD_SHIFT = RATE * 3 // 10
"""Two words with the same text are one word if their middles are no further apart (samples)."""


def restated(heard: Sequence[Word], words: Sequence[Word]) -> int:
    """How many of the leading `words` restate what was `heard` before.

    The longest common subsequence by place and text; a word that differs before the last common one
    is another reading of what was counted already. 0 = nothing in common.
    """
    best = [0] * (len(heard) + 1)
    last = 0
    for count, word in enumerate(words, 1):
        row = [0]
        for place, known in enumerate(heard):
            length = best[place] + 1 if same_word(known, word) else 0
            row.append(max(length, best[place + 1], row[place]))
        if row[-1] > best[-1]:
            last = count
        best = row
    return last


def aligned(heard: Sequence[Word], words: Sequence[Word]) -> list[int | None]:
    """For each of `words` the place of its counterpart in `heard`, None where it has none.

    The alignment that keeps the order of both and has the most in common: words with the same text,
    the nearer the better; then words that say something else of the same audio.
    """
    width = len(heard) + 1
    best = [[0.0] * width for _ in range(len(words) + 1)]
    for count, word in enumerate(words, 1):
        row, above = best[count], best[count - 1]
        for place, known in enumerate(heard, 1):
            row[place] = max(
                above[place], row[place - 1], above[place - 1] + _in_common(known, word)
            )
    out: list[int | None] = [None] * len(words)
    count, place = len(words), len(heard)
    while count and place:
        here = best[count][place]
        if here == best[count][place - 1]:
            place -= 1
        elif here == best[count - 1][place]:
            count -= 1
        else:
            count, place = count - 1, place - 1
            out[count] = place
    return out


def same_word(one: Word, other: Word) -> bool:
    """One word of the talker, as two passes heard it?"""
    return abs(middle(one) - middle(other)) <= WORD_SHIFT and _letters(one) == _letters(other)


def middle(word: Word) -> int:
    """Its place, in samples."""
    return (word.start + word.end) // 2


def _in_common(one: Word, other: Word) -> float:
    """2 for the same word at the same place, less the further apart; up to 0.5 for two words of
    which more than half of the shorter one is the same audio."""
    apart = abs(middle(one) - middle(other))
    if apart > WORD_SHIFT:
        return 0.0
    if _letters(one) == _letters(other):
        return 2.05 - 2 * apart / WORD_SHIFT
    shorter = min(one.end - one.start, other.end - other.start)
    shared = min(one.end, other.end) - max(one.start, other.start)
    return max(0.0, shared / shorter - 0.5) if shorter > 0 else 0.0


def _letters(word: Word) -> str:
    """Without case and punctuation; a word of signs alone stays as it is."""
    text = word.text.casefold()
    return "".join(letter for letter in text if letter.isalnum()) or text
