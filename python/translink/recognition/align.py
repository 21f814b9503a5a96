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


def same_word(one: Word, other: Word) -> bool:
    """One word of the talker, as two passes heard it?"""
    return abs(_middle(one) - _middle(other)) <= WORD_SHIFT and _letters(one) == _letters(other)


def _middle(word: Word) -> int:
    return (word.start + word.end) // 2


def _letters(word: Word) -> str:
    """Without case and punctuation; a word of signs alone stays as it is."""
    text = word.text.casefold()
    return "".join(letter for letter in text if letter.isalnum()) or text
