"""The commit policy: which recognised words may be translated, and when. Sans-IO.

A recogniser says things twice: *interims*, which it may take back, and *finals*, which it may not.
Interims are shown; otherwise they leave this file only as a guess of what will come (`foreseen`),
which nobody hears. Finals are put one after another into the
*open turn*, and stretches of the open turn become segments, whichever of these comes first:

* the recogniser ended the turn: `speech_final`, or the answer to our Finalize after a long quiet (the
  answer to an early one ends no turn: `recognition.finalizing` tells them apart);
* it heard no word for a while: an `UtteranceEnd` that speaks of the open turn (a stale one does
  not);
* a sentence ends inside a final, and what came before is long enough to be worth a request;
* a final came, and a clause of at least `clause_words` words has ended in the open turn;
* the open turn grew too long: it is cut at a clause, else at the longest gap between two words;
* nothing came for `max_wait` seconds, or speech goes on and the first word has waited for
  `max_hold`.

None of them but the cut for length ends on a function word (`the`, `of`), unless the talker left it at
that: what such a word belongs to has not been said yet. It waits for that, `max_wait` seconds at most.
None cuts a number that is said in groups, a spelled name or an e-mail address, and one that may go on
waits (`dictated`): until it is over, or nothing came for `max_wait` seconds, or for an `UtteranceEnd`,
or for `dictated` seconds in all.

So the words of the segments are the words of the finals: in order, each once, whatever the order of
everything else. The results come in absolute leg samples, in order of speech and without repetition
(`timeline` sees to that).

    segmenter.result(result, now)
    for segment in segmenter.segments():
        ...
    # and call segmenter.tick(now) when segmenter.deadline is reached

Source: Deepgram's pages on endpointing, interim results and utterance end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from math import inf
from typing import TYPE_CHECKING

from translink.calls.dictated import ANNOUNCED, Dictation, dictations, is_within, waits_from
from translink.calls.function_words import is_function_word
from translink.results import RATE, Result, Segment, UtteranceEnd, Word
from translink.settings.speech import SegmentSettings
from translink.text.sentences import ends_clause, ends_sentence, gap, is_solid, join, without_gaps

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTLED = 0.1
"""Seconds between a word's end and the interim's: a newer one is wrong in one of four or five."""
_SOLID_MARKS = "。、！？，；：」』）"
"""Marks of Chinese and Japanese that belong to the word before them."""
MAX_CHARS = 400
"""A longer open turn is cut. Below every limit of the voices (Aura: 1,000)."""


class Segmenter:
    """Turns the results of one leg into segments.

    It holds at most one open turn (bounded by `max_words`, `max_chars` and one final) and what
    `segments` has not fetched yet; fetch after every call. Nothing is ever dropped.
    """

    def __init__(
        self,
        settings: SegmentSettings | None = None,
        *,
        language: str = "",
        max_chars: int = MAX_CHARS,
    ) -> None:
        """`settings`: how long text may wait for a better end. While a talker goes on, the others do
        not wait for the turn's end: between two finals lie about 4 s."""
        self._settings = settings or SegmentSettings()
        self._max_chars = max_chars
        self.language = language
        """What is spoken, for its function words. Flush before it changes."""
        self._number = 1
        self._open: list[_Piece] = []
        self._opened = 0.0
        self._since = 0.0
        """When its first word came."""
        self._stirred = 0.0
        self._before: list[str] = []
        """The newest words that went, unless a sentence ended there: they may announce a number."""
        self._interim: Result | None = None
        self._ready: list[Segment] = []
        self._looked_at: tuple[list[str], list[str], str] | None = None
        """The open turn's words, those before them and the language of which `_dictated` was said."""
        self._dictated: list[Dictation] = []

    def result(self, result: Result, now: float) -> None:
        """Take a result. An interim replaces the one before; a final is for ever."""
        if not result.final:
            self._interim = result
            if result.text.strip():
                self._stirred = now
            return
        if self._interim is not None and self._interim.start < result.end:
            self._interim = None
        pieces = _pieces(result)
        if pieces:
            if self._open:
                pieces[0] = pieces[0].after(gap(self._open[-1].text, pieces[0].text))
            else:
                self._opened = self._since = now
            self._stirred = now
            self._open += pieces
            while count := self._next_cut():
                self._emit(count, now)
        if result.speech_final:
            dictated = self._dictations()
            ready = self._ready_to_go(dictated, over=True)
            self._emit(self._complete(ready, dictated), now)
        elif self._settings.clause_words:
            self._emit(self._clause_end(), now)
        self.tick(now)

    def utterance_end(self, end: UtteranceEnd, now: float) -> None:
        """Take an UtteranceEnd; ignored when it is stale.

        It may come when its turn was long closed by `speech_final` and the next one is open: then
        its last word ends before the open turn starts (observed on the wire, without the documented
        marker).
        """
        if self._open and end.last_word_end is not None and end.last_word_end > self._open[0].start:
            self._emit(self._complete(len(self._open), self._dictations()), now)

    def tick(self, now: float) -> None:
        """Emit the open turn if it has waited long enough."""
        deadline = self.deadline
        if deadline is None or now < deadline:
            return
        if now >= min(self._stirred + self._settings.max_wait, self._since + self._longest):
            self._emit(len(self._open), now)
        else:
            self._emit(self._held_enough(), now)
            self._opened = now

    def flush(self, now: float) -> None:
        """The call is over: emit what is open, forget the interim."""
        self._emit(len(self._open), now)
        self._interim = None
        self._before = []

    def segments(self) -> list[Segment]:
        """The segments that became ready since the last call, in order of speech."""
        ready, self._ready = self._ready, []
        return ready

    def foreseen(self) -> list[str]:
        """The segments that will come, first to last, if the interim is right and the talker makes a
        pause: a guess, for `calls.ahead`. Words that are only interim are in it where their clause or
        sentence has ended, and `SETTLED` before the interim did."""
        interim = self._interim
        if interim is not None and interim.text.strip():
            final = replace(interim, final=True, speech_final=False)
            if texts := self._trial(final, interim.end - int(SETTLED * RATE)):
                return texts
        return self._trial(None, 0)

    def _trial(self, final: Result | None, settled: int) -> list[str]:
        """What would come of this final, and of the wait for more; as far as it ends by `settled`, or
        is final."""
        trial = Segmenter(self._settings, language=self.language, max_chars=self._max_chars)
        trial._open, trial._before = list(self._open), self._before
        trial._looked_at, trial._dictated = self._looked_at, self._dictated
        if final is not None:
            trial.result(final, 0.0)
        count = trial._held_enough()
        if count and (final is None or ends_clause(trial._open[count - 1].text)):
            trial._emit(count, 0.0)
        if self._open:
            settled = max(settled, self._open[-1].end)
        return [each.text for each in takewhile(lambda one: one.end <= settled, trial.segments())]

    @property
    def interim(self) -> str:
        """What is being said, for display only: the open turn's finals and the newest interim."""
        tentative = self._interim.text.strip() if self._interim else ""
        return join(_text(self._open), without_gaps(tentative))

    @property
    def deadline(self) -> float | None:
        """When to call `tick`; None while no final text waits."""
        if not self._open:
            return None
        settings = self._settings
        return min(
            self._opened + settings.max_hold,
            self._stirred + settings.max_wait,
            self._since + self._longest,
        )

    @property
    def _longest(self) -> float:
        """Seconds that the open turn may wait in all."""
        settings = self._settings
        return max(settings.dictated, settings.max_hold) if settings.dictated else inf

    def _dictations(self) -> list[Dictation]:
        """Those in the open turn. Looked for once while it stays the same: a final asks several times."""
        if not self._settings.dictated:
            return []
        tokens = [piece.text for piece in self._open]
        here = (tokens, self._before, self.language)
        if here != self._looked_at:
            self._looked_at = here
            self._dictated = dictations(tokens, self.language, before=self._before)
        return self._dictated

    def _ready_to_go(self, dictated: Sequence[Dictation], *, over: bool) -> int:
        """How many pieces there are before a number or an address that may go on."""
        tokens = [piece.text for piece in self._open]
        return waits_from(tokens, self.language, dictated, over=over)

    def _next_cut(self) -> int:
        """How many pieces of the open turn make a segment although the turn goes on; 0 = none."""
        limit = self._limit()
        dictated = self._dictations()
        ready = self._ready_to_go(dictated, over=False)
        length = 0
        for index, piece in enumerate(self._open[:limit]):
            following = self._open[index + 1].text if index + 1 < len(self._open) else None
            length += len(piece.glue) + len(piece.text)
            if (
                length >= self._settings.min_chars
                and ends_sentence(piece.text, following, self.language)
                and index < ready
                and not is_within(dictated, index + 1)
            ):
                return index + 1
        return _best_cut(self._open, limit, dictated) if limit < len(self._open) else 0

    def _clauses(self) -> int:
        """How many pieces there are up to the last clause that ends; all if none does."""
        length = sum(len(piece.glue) + len(piece.text) for piece in self._open)
        for count in range(len(self._open), 0, -1):
            if length < self._settings.min_chars:
                break
            piece = self._open[count - 1]
            if ends_clause(piece.text):
                return count
            length -= len(piece.glue) + len(piece.text)
        return len(self._open)

    def _clause_end(self) -> int:
        """How many pieces there are up to the last clause that ends and is long enough; 0 = none."""
        dictated = self._dictations()
        ready = self._ready_to_go(dictated, over=False)
        for count in range(ready, self._settings.clause_words - 1, -1):
            if ends_clause(self._open[count - 1].text) and not is_within(dictated, count):
                return count
        return 0

    def _held_enough(self) -> int:
        """How many pieces go when the open turn has been held for `max_hold`."""
        dictated = self._dictations()
        ready = min(self._clauses(), self._ready_to_go(dictated, over=True))
        return self._complete(ready, dictated)

    def _complete(self, count: int, dictated: Sequence[Dictation]) -> int:
        """The first `count` pieces without the function words at their end; 0 if nothing else is
        there. The end of an address (`punto es`) is none."""
        if any(each.end == count and each.strong for each in dictated):
            return count
        while count and is_function_word(self._open[count - 1].text, self.language):
            count -= 1
        return count

    def _limit(self) -> int:
        """How many pieces of the open turn fit into one segment; at least one."""
        length = 0
        for index, piece in enumerate(self._open[: self._settings.max_words]):
            length += len(piece.glue) + len(piece.text)
            if length > self._max_chars:
                return max(index, 1)
        return self._settings.max_words

    def _emit(self, count: int, now: float) -> None:
        """Make a segment of the first `count` pieces; what remains open starts to wait anew."""
        if count == 0:
            return
        said, self._open = self._open[:count], self._open[count:]
        self._opened = self._since = now
        following = self._open[0].text if self._open else None
        over = ends_sentence(said[-1].text, following, self.language)
        self._before = [] if over else [piece.text for piece in said[-ANNOUNCED:]]
        self._ready.append(
            Segment(
                number=self._number,
                text=_text(said),
                start=said[0].start,
                end=max(piece.end for piece in said),
                born=said[-1].received,
            )
        )
        self._number += 1


@dataclass(frozen=True, slots=True)
class _Piece:
    """One word of a final as it stands in the text, with its time in absolute samples."""

    text: str
    glue: str
    """What separates it from the piece before."""
    start: int
    end: int
    received: float

    def after(self, glue: str) -> _Piece:
        """The same piece, otherwise attached."""
        return _Piece(self.text, glue, self.start, self.end, self.received)


def _text(pieces: list[_Piece]) -> str:
    return "".join(
        piece.glue + piece.text if index else piece.text for index, piece in enumerate(pieces)
    )


def _pieces(result: Result) -> list[_Piece]:
    """The words of a final as its text has them, each with the best time there is.

    The text rules where text and words disagree (formatting may make `$5` of two words): it is what
    people read.
    """
    text = result.text.strip() or " ".join(word.text for word in result.words)
    if aligned := _aligned(text, result):
        return _marks_behind(aligned)
    tokens = text.split()
    spans = _spans(result.words, len(tokens)) if result.words else _shares(result, tokens)
    pieces: list[_Piece] = []
    for token, (start, end) in zip(tokens, spans, strict=True):
        solid = not pieces or is_solid(pieces[-1].text, token)
        pieces.append(_Piece(token, "" if solid else " ", start, end, result.received))
    return _marks_behind(pieces)


def _aligned(text: str, result: Result) -> list[_Piece]:
    """Pieces with the text's own separators; `[]` if the text is not just words and space."""
    pieces: list[_Piece] = []
    position = 0
    for word in result.words:
        if not word.text:
            continue
        found = text.find(word.text, position)
        if found < 0 or text[position:found].strip():
            return []
        solid = pieces and is_solid(pieces[-1].text, word.text)
        glue = "" if solid else text[position:found]
        pieces.append(_Piece(word.text, glue, word.start, word.end, result.received))
        position = found + len(word.text)
    return [] if text[position:].strip() else pieces


def _marks_behind(pieces: list[_Piece]) -> list[_Piece]:
    """The same, with `。` and its like at the end of a word: Deepgram writes them at the head of the next one."""
    if not any(piece.text[0] in _SOLID_MARKS for piece in pieces[1:]):
        return pieces
    tidy = pieces[:1]
    for piece in pieces[1:]:
        rest, before = piece.text.lstrip(_SOLID_MARKS), tidy[-1]
        marks = piece.text[: len(piece.text) - len(rest)]
        if marks:
            tidy[-1] = replace(
                before, text=before.text + marks, end=before.end if rest else piece.end
            )
        if rest:
            solid = marks and is_solid(marks, rest)
            tidy.append(replace(piece, text=rest, glue="" if solid else piece.glue))
    return tidy


def _spans(words: tuple[Word, ...], count: int) -> list[tuple[int, int]]:
    """Times for `count` tokens that stand for these words, dealt out evenly by place."""
    return [
        (
            words[index * len(words) // count].start,
            words[max((index + 1) * len(words) // count - 1, index * len(words) // count)].end,
        )
        for index in range(count)
    ]


def _shares(result: Result, tokens: list[str]) -> list[tuple[int, int]]:
    """Times for tokens without words: the result's window, shared by length."""
    total = sum(map(len, tokens)) or 1
    spans = []
    done = 0
    for token in tokens:
        start = result.start + (result.end - result.start) * done // total
        done += len(token)
        spans.append((start, result.start + (result.end - result.start) * done // total))
    return spans


def _best_cut(pieces: list[_Piece], limit: int, dictated: Sequence[Dictation]) -> int:
    """Where to cut the first `limit` pieces: after the last clause, else in the longest gap; not in
    what is `dictated`, if it can be helped.

    Looks only at the second half: a segment of three words helps nobody.
    """
    everywhere = range(limit, limit // 2, -1)
    candidates = [count for count in everywhere if not is_within(dictated, count)] or everywhere
    for count in candidates:
        if ends_clause(pieces[count - 1].text):
            return count
    return max(candidates, key=lambda count: pieces[count].start - pieces[count - 1].end)
