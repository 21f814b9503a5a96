"""Which provider answers for which stretch of a leg's audio, and what has been answered. Sans-IO.

Theory of operation
    A leg's audio is tiled by *spans*. Each span is the business of one recogniser: a live stream (whose
    end is open until something ends it) or one request to the prerecorded API. Recognisers may finish
    in any order; results leave the timeline in order of speech only, and each word exactly once:

    * A recogniser may be given more audio than its span, before and after, so that a word on the border
      is heard whole by both neighbours. The earlier one counts the words whose middle lies before
      the border; what the later one said is compared with that word by word (`seam`), when it is
      its turn to be released.
    * A recogniser that fails keeps what it made final (`settled`); the rest of its span is handed back,
      to be covered by new spans. Nothing below `settled` is taken twice.
    * A recogniser that says again what it said before is not counted twice: where a result reaches back
      over an earlier one, its words are compared by place and text (`align`).
    * What a recogniser passed over is taken out of its span (`hole`) and given to another one.
    * Results of a later span wait until every earlier span is done, or given up as lost.

    `acknowledged` is the sample below which everything has been answered or reported lost: the
    audio from there on is what a recovery may replay.

Rule of use: after every call, take `released()`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from translink.recognition.align import middle, restated
from translink.recognition.seam import Seam, known_from
from translink.results import RATE, Result, UtteranceEnd, Word

OVERLAP = RATE // 20
"""Samples by which two results of one recogniser may overlap without being compared."""
EDGE = RATE // 10
"""Samples before a border in which a recogniser's last word may be the beginning of one that lies behind it, if
that word is shorter than `FRAGMENT`."""
FRAGMENT = RATE * 15 // 100


@dataclass(frozen=True, slots=True)
class Lost:
    """Audio nobody will ever recognise: it aged out of the ledger before a provider came back."""

    start: int
    end: int


MISPLACED = RATE // 5
"""Samples of a word that must lie in a later result's stretch before its absence there counts."""

Item = Result | UtteranceEnd | Lost
"""What leaves the timeline."""


@dataclass(eq=False, slots=True)
class Span:
    """A stretch of audio and what its recogniser has said of it. Changed by `Timeline` only."""

    recognizer: str
    start: int
    end: int | None = None
    """First sample that is no longer of this span; None = open, the recogniser goes on listening."""
    settled: int = field(init=False)
    """Everything in the span below this sample is final."""
    answered: int = field(init=False)
    """Where the newest result ended, which may be beyond the span."""
    done: bool = field(default=False, init=False)
    """The recogniser has said all it will say."""
    waiting: deque[Item] = field(default_factory=deque, init=False)
    said: deque[Word] = field(default_factory=lambda: deque(maxlen=100), init=False)
    """The newest words of this recogniser, those outside the span included."""
    left: list[Word] = field(default_factory=list, init=False)
    """Words of this recogniser beyond the span's end: the next one's."""

    def __post_init__(self) -> None:
        self.settled = self.answered = self.start


class Timeline:
    """The spans of one leg in one call."""

    def __init__(self, start: int) -> None:
        self._spans: deque[Span] = deque()
        self._released: list[Item] = []
        self._counted: deque[Word] = deque(maxlen=32)
        """The newest words that were released."""
        self._newest = (0.0, "")
        """When the newest result that was released had been received, and from whom."""
        self._seam = Seam()
        """Between the first span and those before it."""
        self._lost = start
        """Up to here words were reported lost: heard after all, they do not count."""
        self._acknowledged = start
        self.assigned: int | None = start
        """First sample no span covers yet; None while an open span covers all that comes."""

    @property
    def acknowledged(self) -> int:
        """Everything below this sample is answered, or reported lost, and has been released."""
        return self._acknowledged

    @property
    def pending(self) -> int:
        """Spans that hold back later ones or are not finished."""
        return len(self._spans)

    def newest_words(self, before: int) -> list[Word]:
        """Some of the words that were recognised so far in spans that begin before that sample."""
        words = list(self._counted)
        for span in self._spans:
            if span.start < before:
                words += span.said
        return words

    def unfinished(self) -> list[Span]:
        """Spans whose recogniser may still say something, in order of speech."""
        return [span for span in self._spans if not span.done]

    def begin(self, recognizer: str, end: int | None = None) -> Span:
        """Give the next uncovered stretch to `recognizer`, up to `end` or (None) open-ended.

        Raises:
            ValueError: an open span covers everything already, or the stretch would be empty.
        """
        if self.assigned is None:
            raise ValueError("an open span already covers what comes")
        if end is not None and end <= self.assigned:
            raise ValueError(f"empty span: {self.assigned}..{end}")
        span = Span(recognizer, self.assigned, end)
        self._spans.append(span)
        self.assigned = end
        return span

    def end(self, span: Span, at: int) -> None:
        """Let an open span end at sample `at` (never before what it has settled); later audio is
        unassigned again."""
        if span.end is not None:
            return
        span.end = max(at, span.settled)
        self.assigned = span.end

    def result(self, span: Span, result: Result) -> bool:
        """Take a final result in absolute samples. Interims do not belong here.

        Words whose middle is not below `span.end` belong to a neighbour and are dropped. So are
        words that the same recogniser has said before, and on release those that another one has.

        False: the result was not taken. It speaks of a stretch in which the recogniser has heard words,
        or of a long one that it has answered, but knows none of its words, so the recogniser's clock
        cannot be right (it counts from 0 again).
        """
        if span.done:
            return True
        known = 0
        again = result.end <= span.answered or result.start < span.answered - OVERLAP
        said = result.words
        if again and said:
            known = restated(span.said, said, span.answered)
            far = result.start < span.answered - RATE and span.answered > span.start
            if not known and (
                far or any(word.end > result.start + MISPLACED for word in span.said)
            ):
                return False
        if known and len(said) == known:
            # Nothing new: nor does it answer for more audio than it did the first time.
            result = replace(result, end=min(result.end, span.answered), words=(), text="")
        elif result.end <= span.answered and not said:
            result = replace(result, text="")
        elif known:
            words = result.words[known:]
            result = replace(result, words=words, text=" ".join(word.text for word in words))
        span.answered = max(span.answered, result.end)
        trimmed, left = _within(result, span.start, span.end)
        span.left += left
        span.said.extend(said[known:])
        span.settled = max(span.settled, trimmed.end)
        span.waiting.append(trimmed)
        self._release()
        return True

    def hole(self, span: Span, end: int) -> Span:
        """The recogniser has passed over what lies between `span.settled` and `end`: a span of its own
        for that stretch, in its place in the order. Call it before the result that shows the hole.

        Raises:
            ValueError: the span is done, or the stretch would be empty or not within the span.
        """
        if span.done or end <= span.settled or (span.end is not None and end > span.end):
            raise ValueError(f"no hole: {span.settled}..{end}")
        before = Span(span.recognizer, span.start, span.settled)
        before.waiting, span.waiting = span.waiting, deque()
        before.settled, before.done = span.settled, True
        hole = Span("prerecorded", span.settled, end)
        place = self._spans.index(span)
        self._spans.insert(place, hole)
        self._spans.insert(place, before)
        span.start = span.settled = end
        self._release()
        return hole

    def utterance_end(self, span: Span, event: UtteranceEnd) -> None:
        """Keep an UtteranceEnd in its place among the results."""
        if not span.done:
            span.waiting.append(event)
            self._release()

    def done(self, span: Span) -> None:
        """The recogniser has answered for the whole span.

        Raises:
            ValueError: the span is still open; `end` it first.
        """
        if span.end is None:
            raise ValueError("an open span cannot be done")
        if not span.done:
            span.settled = span.end
            span.done = True
            self._release()

    def abandon(self, span: Span) -> tuple[int, int | None]:
        """The recogniser failed: it keeps what it settled. Returns the rest, (first sample, end or None
        if open).

        The rest of the *last* span simply becomes unassigned again. The rest of an earlier one is
        handed to a new span at the same place in the order by `reassign`.
        """
        rest = (span.settled, span.end)
        if self._spans and span is self._spans[-1] and not span.done:
            span.end = span.settled
            self.assigned = span.settled
            self.done(span)
        return rest

    def reassign(self, span: Span, recognizer: str) -> Span:
        """Give what `span` has not settled to another recogniser, at the same place in the order."""
        if span.done or span.end is None:
            raise ValueError("only an ended span that is not done can be reassigned")
        heir = Span(recognizer, span.settled, span.end)
        self._spans.insert(self._spans.index(span) + 1, heir)
        span.end = span.settled
        self.done(span)
        return heir

    def lose(self, span: Span) -> Lost:
        """Give up what the span has not settled; said once, in its place in the order."""
        if span.end is None:
            raise ValueError("an open span cannot be lost")
        lost = Lost(span.settled, span.end)
        if lost.end > lost.start and not span.done:
            span.waiting.append(lost)
        self.done(span)
        return lost

    def lose_until(self, span: Span, sample: int) -> None:
        """Give up the part of an ended span below `sample`; the rest still waits for its recogniser."""
        if span.end is None:
            raise ValueError("an open span cannot be lost")
        if sample >= span.end:
            self.lose(span)
        elif sample > span.settled and not span.done:
            span.waiting.append(Lost(span.settled, sample))
            span.settled = sample
            self._release()

    def close(self) -> None:
        """Nobody comes after the last span: what was left to its successor counts."""
        self._say_alone(self._acknowledged + RATE * 60, ())

    def released(self) -> list[Item]:
        """What can be said now, in order of speech."""
        out, self._released = self._released, []
        return out

    def _release(self) -> None:
        while self._spans:
            first = self._spans[0]
            while first.waiting:
                item = first.waiting.popleft()
                if isinstance(item, Result):
                    self._say(item)
                else:
                    if isinstance(item, Lost):
                        self._say_words(self._seam.unheard(item.start))
                        self._lost = item.end
                    self._released.append(item)
            self._acknowledged = max(self._acknowledged, first.settled)
            if not first.done:
                return
            self._say_alone(first.settled, ())
            self._spans.popleft()
            known = known_from(self._counted, first.left, first.settled)
            if not first.said:
                # What was left to one that then heard nothing is still to be had.
                known = known[: len(self._counted)] + self._seam.open + known[len(self._counted) :]
            self._seam = Seam(first.settled, known)

    def _say(self, result: Result) -> None:
        own = self._seam.own(result.words, result.start)
        words = tuple(word for word in own if word.end > self._lost)
        self._say_alone(result.end, words)
        self._counted.extend(words)
        same = len(words) == len(result.words)
        self._released.append(result if same else _with(result, words))
        self._newest = (result.received, result.provider)

    def _say_alone(self, answered: int, words: Sequence[Word]) -> None:
        """Words that the one before heard just behind its border, and the first span did not."""
        self._say_words(self._seam.alone(answered, words))

    def _say_words(self, words: Iterable[Word]) -> None:
        # Of the result that had the word, or of one behind it.
        received, provider = self._newest
        for word in words:
            if word.end <= self._lost:
                continue
            self._counted.append(word)
            self._released.append(
                Result(
                    word.start,
                    word.end,
                    word.text,
                    (word,),
                    final=True,
                    received=received,
                    provider=provider,
                )
            )


def _within(result: Result, start: int, end: int | None) -> tuple[Result, Sequence[Word]]:
    """The part of `result` that is not beyond `end`, and the words that are. Of one that has no
    words, only text, all or nothing."""
    first = max(result.start, start)
    last = max(result.end if end is None else min(result.end, end), start)
    placed = replace(result, start=min(first, last), end=last)
    if not result.words:
        at = (result.start + result.end) // 2
        inside = start <= at and (end is None or at < end)
        return (placed if inside else replace(placed, text="")), ()
    if end is None:
        return placed, ()
    reaches = result.end >= end
    # What lies before the span is the one's before it, however short the span is.
    border = max(start, end - EDGE) if reaches and _is_cut(result.words[-1], end) else end
    if all(middle(word) < border for word in result.words):
        return placed, ()
    kept = tuple(word for word in result.words if middle(word) < border)
    return _with(placed, kept), [word for word in result.words if middle(word) >= border]


def _is_cut(last: Word, end: int) -> bool:
    """May it be the beginning of a word that goes on behind the border? Detectors are late: a cut in a
    pause may have taken 60 ms of the next word along, and word times move."""
    return last.end - last.start < FRAGMENT and end - EDGE <= middle(last) < end


def _with(result: Result, words: tuple[Word, ...]) -> Result:
    return replace(result, words=words, text=" ".join(word.text for word in words))
