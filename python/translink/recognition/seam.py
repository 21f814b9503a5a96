"""The seam between two recognisers: each word that both heard counts once. Sans-IO.

Theory of operation
    Two neighbours hear some of each other's audio, so that a word on the border is heard whole by
    both. By time alone it cannot be said whose word it is: word times move between two passes
    (recorded nova-3 sessions: the middle of the same word by 40 ms at p50, 120 at p90, 240 at
    most), and 57 of 58 neighbouring words abut. So the earlier recogniser counts by time what lies
    before the border, and the later one is aligned with it, word by word, by text and place:

    * what the earlier one has counted, and what comes before that, is known;
    * what it heard and left to the later one is the later one's, wherever that puts it;
    * what follows the last word that was counted is new;
    * only a word without any counterpart is judged by its time.

    For this the later one must have heard the last word before the border whole: `heard_from`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from translink.recognition.align import aligned, middle
from translink.results import RATE, Word

if TYPE_CHECKING:
    from translink.recognition.speech_map import SpeechMap

SEAM_REACH = RATE
"""Samples on both sides of a border in which words are compared."""
WORD_MOVES = RATE // 4
"""Samples by which the middle of a word may move between two passes."""
WORD_MARGIN = RATE // 5
"""Audio before the last word that was heard, in case it begins earlier than that recogniser said."""
UNKNOWN = RATE * 4 // 5
"""Audio before a border in mid-speech when it is not known yet which word is the last."""

SEAM_PAUSE = RATE // 5
"""Samples of silence before a border that keep the words before it apart from those behind it."""


UNCONFIRMED = RATE * 15 // 100
"""A word no further behind the border counts even if the later recogniser knows nothing of it."""


class Known(NamedTuple):
    """A word that the earlier recogniser heard."""

    word: Word
    counted: bool
    """False: it lies beyond the border, and is left to the later one."""
    near: bool = False
    """Just beyond: if the later one knows nothing of it, it counts."""
    apart: bool = False
    """It is none of the words that the later one said."""


def known_from(counted: Iterable[Word], left: Iterable[Word], border: int) -> list[Known]:
    """What somebody before `border` heard."""
    known = [Known(word, True) for word in counted]
    return known + [Known(word, False, middle(word) < border + UNCONFIRMED) for word in left]


class Seam:
    """One border, while the later recogniser answers for the audio behind it."""

    def __init__(self, border: int = 0, known: Sequence[Known] = ()) -> None:
        self._border = border
        self._known = list(known)

    @property
    def open(self) -> list[Known]:
        """What was left to the later one, and was not said by it so far."""
        return [each for each in self._known if not each.counted]

    def own(self, words: Sequence[Word], start: int = 0) -> tuple[Word, ...]:
        """Which of the later one's words count; its answer begins at `start`."""
        if start > self._border:
            # It left the beginning out, and that is too short to be recognised again.
            self._known = [
                each._replace(near=each.near or middle(each.word) < start + UNCONFIRMED)
                for each in self._known
            ]
        if not self._known or all(middle(word) >= self._border + SEAM_REACH for word in words):
            return tuple(words)
        new, said = new_words(self._known, words, self._border)
        last = max((place for place, each in enumerate(self._known) if each in said), default=-1)
        self._known = [
            # The one before kept it apart from a word that both heard: it is one of its own.
            each._replace(apart=each.apart or place < last)
            for place, each in enumerate(self._known)
            if each.counted or each not in said
        ]
        return new

    def unheard(self, start: int) -> list[Word]:
        """The later one never hears what begins at `start`: words before it that were left to it."""
        due = [each for each in self.open if each.word.start < start]
        self._known = [each for each in self._known if each not in due]
        return [each.word for each in due]

    def alone(self, answered: int, words: Sequence[Word]) -> list[Word]:
        """Words that the later one has had the time to say, and did not. `words` = what counts of
        its last result."""
        # One that stands before a word which both heard, or that is said now, will not come any more.
        due = [
            each
            for each in self.open
            if each.apart or each.word.end + WORD_MOVES <= answered or _passed(each.word, words)
        ]
        self._known = [each for each in self._known if each not in due]
        return [
            each.word for each in due if each.near and (each.apart or _own(each, words, answered))
        ]


def new_words(
    known: Sequence[Known], words: Sequence[Word], border: int
) -> tuple[tuple[Word, ...], list[Known]]:
    """Which `words` of a recogniser whose span begins at `border` count, given what the one before
    it heard there (in order of speech, both), and which of those it has heard, too."""
    near = [each for each in known if abs(middle(each.word) - border) < SEAM_REACH]
    places = aligned([each.word for each in near], words)
    last_counted = max((at for at, each in enumerate(near) if each.counted), default=-1)
    new: list[Word] = []
    beyond = False
    """Past the last word that was counted."""
    for word, place in zip(words, places, strict=True):
        if place is None:
            if beyond or _later(word, near, last_counted, border):
                new.append(word)
        elif near[place].counted:
            # Whatever stood before it is another reading of what was counted.
            new.clear()
            beyond = place == last_counted
        else:
            new.append(word)
            beyond = True
    return tuple(new), [near[place] for place in places if place is not None]


def _passed(one: Word, words: Sequence[Word]) -> bool:
    """Is one of the words behind it?"""
    return any(word.start >= one.end for word in words)


def _own(left: Known, words: Sequence[Word], answered: int) -> bool:
    """Is it none of the words that the later one has said so far, nor half of one? While that one might
    still say it, only a word that overlaps may be: neighbours abut."""
    moves = WORD_MOVES if left.word.end + WORD_MOVES <= answered else 0
    return not any(_close(left.word, word, moves) for word in words)


def _close(one: Word, other: Word, moves: int) -> bool:
    """May the one be half of the other, if words move by so much?"""
    return one.start < other.end + moves and other.start < one.end + moves


def _later(word: Word, near: Sequence[Known], last_counted: int, border: int) -> bool:
    """Does a word without a counterpart lie on the later side?"""
    at = middle(word)
    if at < border - WORD_MOVES:
        return False
    # Where nothing was counted, it may have begun before the border, for a detector that is late.
    return last_counted < 0 or at > middle(near[last_counted].word)


def heard_from(at: int, least: int, words: Iterable[Word], speech: SpeechMap) -> int:
    """From which sample on somebody who takes over at `at` should hear, to hear the last word before
    it whole: `least` samples before it as a rule, and no word before it where that is in a pause.

    `words`: what was recognised so far.
    """
    first = at - least
    before = speech.speech_in(at - SEAM_REACH, at)
    if before is None or before.end <= at - SEAM_PAUSE:
        return first if before is None else max(first, before.end)
    near = [word for word in words if word.end > first and abs(middle(word) - at) < SEAM_REACH]
    if not near:
        return min(first, at - UNKNOWN)
    start = max((word.start for word in near if middle(word) < at), default=at)
    return min(first, max(start - WORD_MARGIN, at - SEAM_REACH))


def heard_until(talk_end: int, least: int, speech: SpeechMap) -> int:
    """To which sample on somebody whose talk ends at `talk_end` should hear: `least` samples more as
    a rule, and no word behind it where that is behind a pause."""
    last = talk_end + least
    behind = speech.speech_in(talk_end, last)
    if behind is None or behind.start - talk_end < SEAM_PAUSE:
        return last
    return (talk_end + behind.start) // 2
