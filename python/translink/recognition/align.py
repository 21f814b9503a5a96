"""Words that two recognisers, or two results of one, both heard: which of them are the same.
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


def restated(heard: Sequence[Word], words: Sequence[Word], answered: int = 0) -> int:
    """How many of the leading `words` restate what was `heard` before; 0 = nothing in common.
    `answered`: the recogniser has answered for everything below this sample before.

    A word that differs before the last common one is another reading of what was counted already.
    A recogniser that says everything again, only later, is compared once more without that delay.
    """
    common = _common(heard, words, answered)
    if len(common) > 1:
        apart = sorted(middle(words[place]) - middle(known) for place, known in common)
        by = apart[len(apart) // 2]
        back = [Word(word.text, word.start - by, word.end - by) for word in words]
        common = _common(heard, back, answered) or common
    return common[-1][0] + 1 if common else 0


def _common(heard: Sequence[Word], words: Sequence[Word], answered: int) -> list[tuple[int, Word]]:
    """The places in `words` of those that were `heard`, and what they were."""
    return [
        (place, heard[known])
        for place, known in enumerate(aligned(heard, words, answered))
        if known is not None and _letters(heard[known]) == _letters(words[place])
    ]


def aligned(heard: Sequence[Word], words: Sequence[Word], answered: int = 0) -> list[int | None]:
    """For each of `words` the place of its counterpart in `heard`, None where it has none.

    The alignment that keeps the order of both and has the most in common: words with the same text,
    the nearer the better; then words that say something else of the same audio. Words whose middle
    is below `answered` may be twice as far from their counterpart.
    """
    width = len(heard) + 1
    best = [[0.0] * width for _ in range(len(words) + 1)]
    for count, word in enumerate(words, 1):
        row, above = best[count], best[count - 1]
        shift = WORD_SHIFT if middle(word) >= answered else 2 * WORD_SHIFT
        for place, known in enumerate(heard, 1):
            row[place] = max(
                above[place], row[place - 1], above[place - 1] + _in_common(known, word, shift)
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


def middle(word: Word) -> int:
    """Its place, in samples."""
    return (word.start + word.end) // 2


def _in_common(one: Word, other: Word, shift: int) -> float:
    """2 for the same word at the same place, less the further apart; up to 0.5 for two words of
    which more than half of the shorter one is the same audio."""
    apart = abs(middle(one) - middle(other))
    if apart > shift:
        return 0.0
    if _letters(one) == _letters(other):
        return 2.05 - 2 * apart / shift
    shorter = min(one.end - one.start, other.end - other.start)
    shared = min(one.end, other.end) - max(one.start, other.start)
    return max(0.0, shared / shorter - 0.5) if shorter > 0 else 0.0


def _letters(word: Word) -> str:
    """Without case and punctuation; a word of signs alone stays as it is."""
    text = word.text.casefold()
    return "".join(letter for letter in text if letter.isalnum()) or text
