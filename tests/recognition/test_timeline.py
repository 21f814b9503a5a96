"""The timeline: whatever fails, in whatever order answers come, each word leaves once and in order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from translink.recognition import timeline as module
from translink.recognition.timeline import Lost, Span, Timeline
from translink.results import RATE, Result, UtteranceEnd, Word

LAP = 3 * RATE // 10
"""Audio given to a recogniser before and after its span; longer than any word here."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers of these tests are small: no word is the beginning of another one."""
    monkeypatch.setattr(module, "EDGE", 0)


def word(text: str, start: int, end: int) -> Word:
    return Word(text, start, end)


def final(start: int, end: int, *words: Word) -> Result:
    return Result(start, end, " ".join(w.text for w in words), words, True)


def texts(timeline: Timeline) -> list[str]:
    return [item.text for item in timeline.released() if isinstance(item, Result) and item.text]


ONE, TWO, THREE = word("one", 100, 200), word("two", 290, 320), word("three", 400, 500)


def test_results_of_the_first_span_leave_at_once() -> None:
    timeline = Timeline(0)
    span = timeline.begin("stream")
    timeline.result(span, final(0, 250, ONE))
    assert texts(timeline) == ["one"]
    assert timeline.acknowledged == 250


@pytest.mark.usefixtures("small")
def test_results_of_a_later_span_wait_for_the_earlier_one() -> None:
    timeline = Timeline(0)
    gap = timeline.begin("prerecorded", 300)
    stream = timeline.begin("stream")
    timeline.result(stream, final(300, 600, THREE))
    assert texts(timeline) == []
    timeline.result(gap, final(0, 300, ONE))
    assert texts(timeline) == ["one"]
    timeline.done(gap)
    assert texts(timeline) == ["three"]
    assert timeline.acknowledged == 600


def test_the_beginning_of_a_word_that_goes_on_behind_the_border_is_the_later_ones() -> None:
    """A cut in a pause took 40 ms of the next word along, and its time has moved before the border."""
    begun, whole = word("wh", 15_100, 15_700), word("whole", 15_900, 20_000)
    for later in ([whole], []):
        timeline = Timeline(0)
        before, after = timeline.begin("a", 16_000), timeline.begin("b", 32_000)
        timeline.result(before, final(0, 16_000, word("one", 2_000, 6_000), begun))
        timeline.done(before)
        assert texts(timeline) == ["one"]
        timeline.result(after, final(12_000, 32_000, *later))
        timeline.done(after)
        timeline.close()
        assert texts(timeline) == (["whole"] if later else ["wh"])


def test_a_short_last_word_counts_where_nobody_follows() -> None:
    timeline = Timeline(0)
    span = timeline.begin("a", 16_000)
    timeline.result(span, final(0, 16_000, word("one", 2_000, 6_000), word("I", 15_000, 15_900)))
    timeline.done(span)
    timeline.close()
    assert texts(timeline) == ["one", "I"]


def test_a_word_that_only_the_earlier_one_heard_says_when_and_from_whom_it_came() -> None:
    """Without, it had waited for the end of its sentence since the machine was started."""
    timeline = Timeline(0)
    span = timeline.begin("a", 16_000)
    said = final(0, 16_000, word("one", 2_000, 6_000), word("I", 15_000, 15_900))
    timeline.result(span, replace(said, received=7.0, provider="x"))
    timeline.done(span)
    timeline.close()
    words = [item for item in timeline.released() if isinstance(item, Result)]
    assert [(item.text, item.received, item.provider) for item in words] == [
        ("one", 7.0, "x"),
        ("I", 7.0, "x"),
    ]


@pytest.mark.usefixtures("small")
def test_a_word_on_the_border_is_counted_by_one_side() -> None:
    timeline = Timeline(0)
    before, after = timeline.begin("a", 300), timeline.begin("b", 600)
    timeline.result(before, final(0, 350, ONE, TWO))
    timeline.result(after, final(250, 600, TWO, THREE))
    timeline.done(before)
    timeline.done(after)
    assert texts(timeline) == ["one", "two three"]


def test_what_a_failed_stream_had_settled_is_not_said_again() -> None:
    timeline = Timeline(0)
    broken = timeline.begin("stream")
    timeline.result(broken, final(0, 250, ONE))
    assert timeline.abandon(broken) == (250, None)
    again = timeline.begin("stream")
    assert again.start == 250
    timeline.result(again, final(0, 600, ONE, TWO, THREE))
    assert texts(timeline) == ["one", "two three"]


def test_a_result_said_twice_by_one_recogniser_counts_once() -> None:
    timeline = Timeline(0)
    span = timeline.begin("stream")
    timeline.result(span, final(0, 250, ONE))
    timeline.result(span, final(0, 250, ONE))
    assert texts(timeline) == ["one"]


@pytest.mark.usefixtures("small")
def test_a_result_beyond_the_spans_end_said_twice_counts_once() -> None:
    timeline = Timeline(0)
    span = timeline.begin("prerecorded", 310)
    timeline.result(span, final(0, 350, ONE, TWO))
    timeline.result(span, final(250, 350, TWO))
    assert texts(timeline) == ["one two"]


def test_an_utterance_end_keeps_its_place() -> None:
    timeline = Timeline(0)
    gap, stream = timeline.begin("gap", 300), timeline.begin("stream")
    timeline.result(stream, final(300, 600, THREE))
    timeline.utterance_end(stream, UtteranceEnd(500))
    timeline.done(gap)
    assert [type(item) for item in timeline.released()] == [Result, UtteranceEnd]


def test_a_loss_is_said_once_and_in_its_place() -> None:
    timeline = Timeline(0)
    gap, stream = timeline.begin("gap", 300), timeline.begin("stream")
    timeline.result(stream, final(300, 600, THREE))
    timeline.lose_until(gap, 150)
    assert timeline.lose(gap) == Lost(150, 300)
    timeline.lose(gap)
    assert timeline.released() == [Lost(0, 150), Lost(150, 300), final(300, 600, THREE)]


@pytest.mark.usefixtures("small")
def test_a_failed_span_in_the_middle_has_an_heir_in_its_place() -> None:
    timeline = Timeline(0)
    first = timeline.begin("stream")
    timeline.result(first, final(0, 250, ONE))
    timeline.end(first, 350)
    second = timeline.begin("stream")
    timeline.result(second, final(350, 600, THREE))
    heir = timeline.reassign(first, "prerecorded")
    timeline.result(heir, final(0, 400, ONE, TWO))
    timeline.done(heir)
    assert texts(timeline) == ["one", "two", "three"]


I_, NO, YES = word("I", 30_200, 31_900), word("no", 32_400, 36_000), word("yes", 36_200, 39_000)


def test_a_short_word_before_a_loss_is_said() -> None:
    """Taken for the beginning of the next one's word, it was left to somebody who never heard that place."""
    timeline = Timeline(0)
    before, after = timeline.begin("a", 32_000), timeline.begin("b", 64_000)
    timeline.result(before, final(0, 32_000, I_))
    timeline.done(before)
    assert texts(timeline) == []
    timeline.lose_until(after, 35_000)
    said = timeline.released()
    assert [item for item in said if isinstance(item, Lost)] == [said[-1]] == [Lost(32_000, 35_000)]
    timeline.result(after, final(35_000, 64_000, YES))
    timeline.done(after)
    assert [item.text for item in said if isinstance(item, Result) and item.text] == ["I"]
    assert texts(timeline) == ["yes"]


def test_a_word_that_was_left_does_not_come_behind_later_ones() -> None:
    timeline = Timeline(0)
    before, after = timeline.begin("a", 32_000), timeline.begin("b", 64_000)
    timeline.result(before, final(0, 36_200, NO))
    timeline.done(before)
    timeline.result(after, final(33_000, 39_500, YES))
    timeline.done(after)
    timeline.close()
    assert texts(timeline) == ["no", "yes"]


def test_what_lies_before_a_span_that_is_shorter_than_a_word_is_not_left_by_it() -> None:
    """It was said by the one before, then left, and said once more by the one behind."""
    timeline = Timeline(0)
    hm = word("hm", 30_500, 32_300)
    first = timeline.begin("stream")
    timeline.result(first, final(0, 32_000, word("one", 2_000, 6_000), hm))
    timeline.end(first, 32_000)
    timeline.done(first)
    short, last = timeline.begin("b", 32_400), timeline.begin("c", 64_000)
    timeline.result(short, final(27_000, 32_400, hm))
    timeline.result(short, final(32_400, 36_200, NO))
    timeline.done(short)
    timeline.result(last, final(27_600, 64_000, hm, NO, YES))
    timeline.done(last)
    timeline.close()
    assert " ".join(texts(timeline)).split() == ["one", "hm", "no", "yes"]


def test_only_one_open_span_covers_what_comes() -> None:
    timeline = Timeline(0)
    span = timeline.begin("stream")
    with pytest.raises(ValueError, match="open span"):
        timeline.begin("stream")
    with pytest.raises(ValueError, match="open"):
        timeline.done(span)
    timeline.end(span, 100)
    with pytest.raises(ValueError, match="empty"):
        timeline.begin("prerecorded", 100)


# A talker, perfect recognisers that fail at any time, and any order of answers.


@dataclass
class SpanRecognizer:
    """A recogniser at work on a span: it hears every whole word it is given."""

    span: Span
    origin: int
    """First sample it was given."""
    said: int
    """It has answered up to here."""
    words: list[Word] = field(default_factory=list)


class TimelineMachine(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 10_000))
    def begin(self, seed: int) -> None:
        rng = Random(seed)
        self.words: list[Word] = []
        at = 0
        for number in range(200):
            at += rng.choice([0, 0, 320, 1600, 8000])
            end = at + rng.randrange(1600, LAP)
            self.words.append(Word(str(number), at, end))
            at = end
        self.head = 0
        self.timeline = Timeline(0)
        self.recognizers: list[SpanRecognizer] = []
        self.heard: list[int] = []
        self.lost: list[Lost] = []
        self.edge = 0

    @rule(seconds=st.floats(0.1, 3))
    def talk(self, seconds: float) -> None:
        self.head += int(seconds * RATE)

    @precondition(lambda self: self.timeline.assigned is not None)
    @rule()
    def a_stream_begins(self) -> None:
        start = self.timeline.assigned
        assert start is not None
        origin = max(0, start - LAP)
        self.recognizers.append(SpanRecognizer(self.timeline.begin("stream"), origin, origin))

    @precondition(
        lambda self: (
            self.timeline.assigned is not None and self.head - self.timeline.assigned > 2 * LAP
        )
    )
    @rule(share=st.floats(0.2, 1))
    def a_piece_is_cut(self, share: float) -> None:
        start = self.timeline.assigned
        assert start is not None
        end = start + int((self.head - LAP - start) * share)
        if end > start:
            origin = max(0, start - LAP)
            self.recognizers.append(
                SpanRecognizer(self.timeline.begin("prerecorded", end), origin, origin)
            )

    @precondition(lambda self: any(s.span.end is None for s in self.recognizers))
    @rule(back=st.floats(0, 1))
    def a_stream_is_asked_to_end(self, back: float) -> None:
        [recognizer] = [s for s in self.recognizers if s.span.end is None]
        self.timeline.end(recognizer.span, max(0, self.head - int(back * RATE)))

    @precondition(lambda self: self.recognizers)
    @rule(data=st.data(), seconds=st.floats(0.1, 4), twice=st.booleans())
    def some_of_it_becomes_final(self, data: st.DataObject, seconds: float, twice: bool) -> None:
        recognizer = self.pick(data)
        self.finals(recognizer, min(recognizer.said + int(seconds * RATE), self.given(recognizer)))
        if twice and recognizer.words:  # the same again changes nothing
            last = recognizer.words[-1]
            self.timeline.result(recognizer.span, final(last.start, last.end, last))

    @precondition(lambda self: self.recognizers)
    @rule(data=st.data())
    def a_recogniser_answers_for_all(self, data: st.DataObject) -> None:
        recognizer = self.pick(data)
        if recognizer.span.end is None or self.head < recognizer.span.end + LAP:
            return
        self.finals(recognizer, recognizer.span.end + LAP)
        self.timeline.done(recognizer.span)
        self.recognizers.remove(recognizer)

    @precondition(lambda self: self.recognizers)
    @rule(data=st.data())
    def a_recogniser_fails(self, data: st.DataObject) -> None:
        recognizer = self.pick(data)
        self.recognizers.remove(recognizer)
        self.timeline.abandon(recognizer.span)
        if not recognizer.span.done:
            heir = self.timeline.reassign(recognizer.span, "prerecorded")
            if heir.start == heir.end:  # nobody is asked for nothing
                self.timeline.done(heir)
                return
            origin = max(0, heir.start - LAP)
            self.recognizers.append(SpanRecognizer(heir, origin, origin))

    @precondition(lambda self: any(s.span.end is not None for s in self.recognizers))
    @rule(data=st.data(), share=st.floats(0, 1.2))
    def what_left_the_ledger_is_lost(self, data: st.DataObject, share: float) -> None:
        recognizer = self.pick(data)
        if recognizer.span.end is None:
            return
        begin = recognizer.span.settled
        self.timeline.lose_until(
            recognizer.span, begin + int((recognizer.span.end - begin) * share)
        )
        if recognizer.span.done:
            self.recognizers.remove(recognizer)
        elif recognizer.span.settled > begin:  # it is asked again with what there still is
            recognizer.said = max(recognizer.said, recognizer.span.settled)

    def pick(self, data: st.DataObject) -> SpanRecognizer:
        return self.recognizers[data.draw(st.integers(0, len(self.recognizers) - 1))]

    def given(self, recognizer: SpanRecognizer) -> int:
        """First sample the recogniser has not been given."""
        end = recognizer.span.end
        return self.head if end is None else min(self.head, end + LAP)

    def finals(self, recognizer: SpanRecognizer, end: int) -> None:
        """The recogniser makes final what it heard up to `end`, which it never puts inside a word."""
        for w in self.words:
            if w.start < end < w.end:
                end = w.start
        if end <= recognizer.said:
            return
        new = [w for w in self.words if recognizer.said <= w.start and w.end <= end]
        recognizer.words += new
        self.timeline.result(recognizer.span, final(recognizer.said, end, *new))
        recognizer.said = end

    @invariant()
    def every_word_leaves_once_and_in_order(self) -> None:
        for item in self.timeline.released():
            if isinstance(item, Result):
                assert item.start >= 0
                self.heard += [int(w.text) for w in item.words]
                assert item.text.split() == [w.text for w in item.words]
            elif isinstance(item, Lost):
                assert item.start >= self.edge
                self.edge = item.end
                self.lost.append(item)
        assert all(a < b for a, b in pairwise(self.heard))

    @invariant()
    def what_is_acknowledged_was_heard_or_reported_lost(self) -> None:
        # What is left to a recogniser that did not get that far is still to come.
        left = [each.word for each in self.timeline._seam.open]
        left += [word for span in self.timeline._spans for word in span.left]
        known = {*self.heard, *(int(word.text) for word in left)}
        for number, w in enumerate(self.words):
            if w.end > self.timeline.acknowledged:
                break
            excused = any(gone.start < w.end and w.start < gone.end for gone in self.lost)
            assert number in known or excused, f"{w} is missing"

    @invariant()
    def a_word_is_not_reported_lost_for_nothing(self) -> None:
        for number in self.heard:
            w = self.words[number]
            assert not any(g.start <= w.start and w.end <= g.end for g in self.lost)


TestTimeline = TimelineMachine.TestCase
TestTimeline.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
