"""The commit policy: what is emitted, when, and that no word is lost, doubled or moved."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.paths import SHARED
from translink.calls.segments import Segmenter
from translink.results import RATE, Result, Segment, UtteranceEnd, Word
from translink.settings.speech import SegmentSettings

SCENARIOS = SHARED / "protocols/data/derived/scenarios/deepgram-listen-v1.json"


def words(text: str, start: float) -> tuple[Word, ...]:
    """`text` spoken from `start` (seconds) on, a word every 300 ms."""
    first, each = round(start * RATE), RATE * 3 // 10
    return tuple(
        Word(token, first + i * each, first + (i + 1) * each)
        for i, token in enumerate(text.split())
    )


def final(text: str, start: float, **flags: Any) -> Result:
    spoken = words(text, start)
    end = spoken[-1].end if spoken else round(start * RATE) + RATE
    return Result(round(start * RATE), end, text, spoken, True, **flags)


def interim(text: str, start: float) -> Result:
    first = round(start * RATE)
    return Result(first, first + RATE, text, words(text, start), False)


def texts(segmenter: Segmenter) -> list[str]:
    return [segment.text for segment in segmenter.segments()]


def test_interims_are_shown_and_never_emitted() -> None:
    segmenter = Segmenter()
    segmenter.result(interim("I was thirty", 0), 1)
    segmenter.result(interim("Was thirty years", 0), 2)
    assert segmenter.interim == "Was thirty years"
    segmenter.tick(1000)
    segmenter.flush(1000)
    assert texts(segmenter) == []
    assert segmenter.interim == ""


def test_finals_are_joined_until_the_turn_ends() -> None:
    segmenter = Segmenter()
    segmenter.result(final("my number is", 0), 1.0)
    segmenter.result(interim("zero", 0.9), 1.5)
    assert segmenter.interim == "my number is zero"
    assert texts(segmenter) == []
    segmenter.result(final("zero six", 0.9, speech_final=True), 2.0)
    assert texts(segmenter) == ["my number is zero six"]
    assert segmenter.interim == ""
    assert segmenter.deadline is None


def test_an_answer_to_finalize_ends_the_turn_only_where_it_says_so() -> None:
    segmenter = Segmenter()
    segmenter.result(final("hello", 0, from_finalize=True), 1.0)
    assert texts(segmenter) == []
    segmenter.result(final("you there", 0.3, from_finalize=True, speech_final=True), 2.0)
    assert texts(segmenter) == ["hello you there"]


def test_a_clause_of_four_words_goes_with_the_final_that_ends_it() -> None:
    segmenter = Segmenter(language="en")
    segmenter.result(final("so yes, when we came home, the door", 0, from_finalize=True), 1.0)
    assert texts(segmenter) == ["so yes, when we came home,"]
    segmenter.result(final("was open, I", 2.4), 2.0)
    assert texts(segmenter) == ["the door was open,"]
    segmenter.result(final("think.", 3.3, speech_final=True), 3.0)
    assert texts(segmenter) == ["I think."]


def test_a_clause_of_three_words_waits() -> None:
    segmenter = Segmenter(language="en")
    segmenter.result(final("so we know, that", 0), 1.0)
    assert texts(segmenter) == []
    waiting = Segmenter(SegmentSettings(clause_words=0), language="en")
    waiting.result(final("when we all came home, the door", 0), 1.0)
    assert texts(waiting) == []


@pytest.mark.parametrize(
    ("language", "said", "goes", "stays"),
    [
        ("en", "we went to the", "we went", "to the"),
        ("en-GB", "he gave it to his", "he gave it", "to his"),
        ("fr", "nous sommes allés à la", "nous sommes allés", "à la"),
        ("de", "wir gingen gestern in das", "wir gingen gestern", "in das"),
        ("es", "nosotros fuimos a la", "nosotros fuimos", "a la"),
        ("it", "siamo andati presto nella", "siamo andati presto", "nella"),
        ("nl", "gisteren gingen wij naar het", "gisteren gingen", "wij naar het"),
        ("pt-BR", "ontem fomos para a", "ontem fomos", "para a"),
    ],
)
def test_no_segment_ends_on_a_function_word_while_speech_goes_on(
    language: str, said: str, goes: str, stays: str
) -> None:
    segmenter = Segmenter(language=language)
    segmenter.result(final(said, 0), 10.0)
    segmenter.tick(11.0)
    assert texts(segmenter) == [goes]
    segmenter.result(interim("and more", 3), 11.2)
    segmenter.tick(12.0)
    assert texts(segmenter) == [], "they wait for what they belong to"
    segmenter.tick(12.7)
    assert texts(segmenter) == [stays], "but not for ever"


def test_a_function_word_that_a_turn_ends_on_waits_for_the_rest() -> None:
    segmenter = Segmenter(language="en")
    segmenter.result(final("I went to the", 0, speech_final=True), 10.0)
    assert texts(segmenter) == ["I went"]
    segmenter.result(final("bank.", 1.5, speech_final=True), 11.0)
    assert texts(segmenter) == ["to the bank."]
    segmenter.result(final("What is it for?", 3, speech_final=True), 14.0)
    assert texts(segmenter) == ["What is it for?"]


def test_an_empty_final_opens_nothing_but_closes_what_is_open() -> None:
    segmenter = Segmenter()
    segmenter.result(final("", 0, speech_final=True), 1.0)
    assert segmenter.deadline is None
    segmenter.result(final("wait a moment", 1), 2.0)
    segmenter.result(final("", 2), 2.2)
    assert texts(segmenter) == []
    segmenter.result(final("", 3, speech_final=True), 3.0)
    assert texts(segmenter) == ["wait a moment"]


def test_a_final_replaces_the_interim_of_its_time() -> None:
    segmenter = Segmenter()
    segmenter.result(interim("well", 0), 1.0)
    segmenter.result(final("", 0), 2.0)
    assert segmenter.interim == ""


def test_an_utterance_end_closes_its_turn() -> None:
    segmenter = Segmenter()
    segmenter.result(final("attendez un instant", 0.5), 4.0)
    segmenter.utterance_end(UtteranceEnd(int(1.4 * RATE)), 4.5)
    assert texts(segmenter) == ["attendez un instant"]


def test_an_utterance_end_leaves_the_function_words_that_its_turn_ends_on() -> None:
    """It may come between two finals of one sentence, where the talker only breathed."""
    segmenter = Segmenter(language="en")
    segmenter.result(final("we went to the", 0.5), 4.0)
    segmenter.utterance_end(UtteranceEnd(int(1.4 * RATE)), 4.2)
    assert texts(segmenter) == ["we went"]
    segmenter.result(final("station", 1.5), 5.0)
    segmenter.tick(5.3)
    assert texts(segmenter) == ["to the station"]


@pytest.mark.parametrize("last_word_end", [None, int(8.8 * RATE), int(9.6 * RATE)])
def test_a_stale_utterance_end_closes_nothing(last_word_end: int | None) -> None:
    segmenter = Segmenter()
    segmenter.result(final("merci", 9.6), 10.7)
    segmenter.utterance_end(UtteranceEnd(last_word_end), 10.75)
    assert texts(segmenter) == []


def test_a_sentence_inside_a_final_goes_at_once_and_the_rest_stays_open() -> None:
    segmenter = Segmenter()
    segmenter.result(final("Good morning sir. I would like", 0), 2.0)
    assert texts(segmenter) == ["Good morning sir."]
    assert segmenter.interim == "I would like"
    segmenter.result(final("a room.", 1.8), 3.0)
    assert texts(segmenter) == ["I would like a room."]


def test_a_short_sentence_waits_for_the_next_one() -> None:
    segmenter = Segmenter()
    segmenter.result(final("Oui. Bien sûr madame.", 0), 2.0)
    assert texts(segmenter) == ["Oui. Bien sûr madame."]
    segmenter.result(final("Non.", 3), 4.0)
    assert texts(segmenter) == []
    segmenter.result(final("", 4, speech_final=True), 4.3)
    assert texts(segmenter) == ["Non."]


def test_an_abbreviation_does_not_end_a_segment() -> None:
    segmenter = Segmenter()
    segmenter.result(final("Je cherche M. Martin", 0), 2.0)
    assert texts(segmenter) == []


def test_the_wait_is_bounded_when_nothing_follows() -> None:
    segmenter = Segmenter(SegmentSettings(max_wait=1.5, max_hold=4.0))
    segmenter.result(final("and then", 0), 10.0)
    assert segmenter.deadline == 11.5
    segmenter.tick(11.4)
    assert texts(segmenter) == []
    segmenter.tick(11.5)
    assert texts(segmenter) == ["and then"]


def test_speech_that_goes_on_prolongs_the_wait_but_not_for_ever() -> None:
    segmenter = Segmenter(SegmentSettings(max_wait=1.5, max_hold=4.0))
    segmenter.result(final("and then", 0), 10.0)
    for second in (11.0, 12.0, 13.0):
        segmenter.result(interim("we went", 0.6), second)
    assert segmenter.deadline == 14.0
    segmenter.result(interim("", 0.6), 13.5)
    assert segmenter.deadline == 14.0
    segmenter.tick(14.0)
    assert texts(segmenter) == ["and then"]
    assert segmenter.interim == ""


def test_speech_that_goes_on_is_cut_after_its_last_clause() -> None:
    segmenter = Segmenter(SegmentSettings(max_wait=1.5, max_hold=2.5))
    segmenter.result(final("if you want, we can go", 0), 10.0)
    segmenter.result(interim("to the", 1.8), 11.5)
    segmenter.tick(12.5)
    assert texts(segmenter) == ["if you want,"]
    assert segmenter.interim == "we can go to the"
    segmenter.result(final("to the station", 1.8, speech_final=True), 13.0)
    assert texts(segmenter) == ["we can go to the station"]


def test_a_clause_too_short_for_a_request_is_not_cut_off() -> None:
    segmenter = Segmenter(SegmentSettings(max_wait=1.5, max_hold=2.5))
    segmenter.result(final("well, we can", 0), 10.0)
    segmenter.result(interim("go", 0.9), 11.5)
    segmenter.tick(12.5)
    assert texts(segmenter) == ["well, we can"]


def test_a_late_final_finds_the_wait_over_even_without_a_tick() -> None:
    segmenter = Segmenter()
    segmenter.result(final("and then", 0), 10.0)
    segmenter.result(final("we went", 0.6), 15.0)
    assert texts(segmenter) == ["and then we went"]


def test_endless_speech_is_cut_at_a_clause() -> None:
    segmenter = Segmenter(SegmentSettings(max_words=8))
    segmenter.result(final("a b c d e, f g h i j", 0), 1.0)
    assert texts(segmenter) == ["a b c d e,"]
    assert segmenter.interim == "f g h i j"


def test_endless_speech_without_commas_is_cut_in_the_longest_gap() -> None:
    spoken = list(words("a b c d e f g h i j", 0))
    late = [Word(w.text, w.start + RATE, w.end + RATE) for w in spoken[6:]]
    result = Result(0, late[-1].end, "a b c d e f g h i j", (*spoken[:6], *late), True)
    segmenter = Segmenter(SegmentSettings(max_words=8))
    segmenter.result(result, 1.0)
    assert texts(segmenter) == ["a b c d e f"]


def test_a_word_longer_than_the_limit_goes_alone() -> None:
    segmenter = Segmenter(max_chars=5)
    segmenter.result(final("abcdefghij kl", 0), 1.0)
    assert texts(segmenter) == ["abcdefghij"]


def test_a_segment_carries_the_times_of_its_words_and_its_birth() -> None:
    segmenter = Segmenter()
    segmenter.result(final("Good morning sir. I would", 2.0, received=5.0), 5.1)
    segmenter.result(final("go", 3.5, received=6.0, speech_final=True), 6.1)
    assert segmenter.segments() == [
        Segment(1, "Good morning sir.", 2 * RATE, int(2.9 * RATE), 5.0),
        Segment(2, "I would go", int(2.9 * RATE), int(3.8 * RATE), 6.0),
    ]


def test_text_without_words_shares_the_window() -> None:
    segmenter = Segmenter()
    segmenter.result(Result(0, 900, "ab cdef ghi", (), True, speech_final=True), 1.0)
    [segment] = segmenter.segments()
    assert (segment.text, segment.start, segment.end) == ("ab cdef ghi", 0, 900)


def test_formatted_text_rules_over_its_words() -> None:
    spoken = words("it costs five dollars", 1.0)
    result = Result(RATE, 3 * RATE, "It costs $5.", spoken, True, speech_final=True)
    segmenter = Segmenter()
    segmenter.result(result, 1.0)
    [segment] = segmenter.segments()
    assert segment.text == "It costs $5."
    assert (segment.start, segment.end) == (spoken[0].start, spoken[-1].end)


def test_a_script_without_spaces_keeps_its_shape() -> None:
    spoken = (Word("はい", 0, 10), Word("そうです", 10, 20))
    segmenter = Segmenter()
    segmenter.result(Result(0, 20, "はいそうです", spoken, True), 1.0)
    segmenter.result(Result(20, 30, "ね。", (Word("ね。", 20, 30),), True, speech_final=True), 2.0)
    assert texts(segmenter) == ["はいそうですね。"]


def said_by(*tokens: str, speech_final: bool = True) -> Result:
    """A final as Deepgram writes Chinese and Japanese: a space between any two words."""
    spoken = tuple(Word(token, 10 * at, 10 * at + 10) for at, token in enumerate(tokens))
    end = 10 * len(tokens)
    return Result(0, end, " ".join(tokens), spoken, True, speech_final=speech_final)


def test_the_spaces_of_a_recogniser_of_chinese_are_not_sent_to_the_translator() -> None:
    segmenter = Segmenter(language="zh")
    segmenter.result(said_by("我们", "明天", "去", "公园", "吧"), 1.0)
    assert texts(segmenter) == ["我们明天去公园吧"]
    segmenter.result(said_by("用", "Google", "搜索"), 2.0)
    assert texts(segmenter) == ["用 Google 搜索"]


def test_nor_are_they_shown_while_it_is_said() -> None:
    segmenter = Segmenter(language="zh")
    segmenter.result(said_by("我们", "明天", speech_final=False), 1.0)
    interim = said_by("去", "Google", "公司", "吧", speech_final=False)
    segmenter.result(replace(interim, start=20, end=60, final=False), 1.1)
    assert segmenter.interim == "我们明天去 Google 公司吧"


@pytest.mark.parametrize("timed", [True, False])
def test_japanese_is_cut_after_a_full_stop_at_the_head_of_the_next_word(timed: bool) -> None:
    tokens = ("はい", "じゃあ", "始め", "ます", "。ちょっと", "待っ", "て", "ください", "。")
    result = said_by(*tokens)
    segmenter = Segmenter(language="ja")
    segmenter.result(result if timed else replace(result, words=()), 1.0)
    first, second = segmenter.segments()
    assert (first.text, second.text) == ("はいじゃあ始めます。", "ちょっと待ってください。")
    assert first.end <= second.start
    assert second.end == result.end


# Scripted sequences of the wire.


def _scenarios() -> list[dict[str, Any]]:
    if not SCENARIOS.exists():
        return []
    document = json.loads(SCENARIOS.read_text())
    return [s for s in document["scenarios"] if s["endpoint"] == "/v1/listen"]


@pytest.mark.skipif(not SCENARIOS.exists(), reason="the shared protocol data is not here")
@pytest.mark.parametrize("scenario", _scenarios(), ids=lambda s: s["name"])
def test_a_scripted_sequence_gives_the_expected_turns(scenario: dict[str, Any]) -> None:
    segmenter = Segmenter(SegmentSettings(max_hold=2.5))  # its turns are longer than the usual hold
    now = 0.0
    for event in scenario["events"]:
        now = event["t_ms"] / 1000
        if event["dir"] != "s2c" or event["kind"] != "text":
            continue
        # The interpreter ticks at every deadline: so does this.
        if segmenter.deadline is not None and segmenter.deadline <= now:
            segmenter.tick(segmenter.deadline)
        message = event["json"]
        if message["type"] == "Results":
            segmenter.result(_result(message, now), now)
        elif message["type"] == "UtteranceEnd":
            last = message["last_word_end"]
            segmenter.utterance_end(UtteranceEnd(round(last * RATE) if last >= 0 else None), now)
    segmenter.flush(now)
    assert texts(segmenter) == scenario["expected_turns"]


def _result(message: dict[str, Any], now: float) -> Result:
    best = message["channel"]["alternatives"][0]
    return Result(
        start=round(message["start"] * RATE),
        end=round((message["start"] + message["duration"]) * RATE),
        text=best["transcript"],
        words=tuple(
            Word(w["punctuated_word"], round(w["start"] * RATE), round(w["end"] * RATE))
            for w in best["words"]
        ),
        final=message["is_final"],
        speech_final=message["speech_final"],
        from_finalize=message["from_finalize"],
        received=now,
    )


# Whatever the order of everything else: words in = words out.

PHRASES = st.lists(
    st.sampled_from(
        ["oui.", "non", "M.", "je,", "voudrais", "3.5", "Paris?", "…", "ça", "No.", "5"]
    ),
    max_size=14,
).map(" ".join)


class Conversation(RuleBasedStateMachine):
    """Finals, interims, UtteranceEnds, ticks and flushes in any order and at any time."""

    @initialize(
        wait=st.floats(0.1, 3),
        hold=st.floats(0.1, 6),
        chars=st.integers(1, 30),
        most=st.integers(5, 12),
        longest=st.integers(6, 72),
        dictated=st.sampled_from([0.0, 4.0]),
    )
    def begin(
        self, wait: float, hold: float, chars: int, most: int, longest: int, dictated: float
    ) -> None:
        self.settings = SegmentSettings(
            max_wait=wait, max_hold=hold, min_chars=chars, max_words=most, dictated=dictated
        )
        self.max_chars = longest
        self.segmenter = Segmenter(self.settings, language="fr", max_chars=longest)
        self.now = 100.0
        self.position = 0.0
        self.said: list[str] = []
        self.emitted: list[Segment] = []

    def fetch(self) -> None:
        self.emitted += self.segmenter.segments()

    @rule(text=PHRASES, speech_final=st.booleans(), finalized=st.booleans(), timed=st.booleans())
    def say(self, text: str, speech_final: bool, finalized: bool, timed: bool) -> None:
        result = final(text, self.position, speech_final=speech_final, from_finalize=finalized)
        if not timed:
            result = Result(
                result.start, result.end, text, (), True, speech_final, finalized, self.now
            )
        self.position = result.end / RATE
        self.said += text.split()
        self.segmenter.result(result, self.now)
        self.fetch()
        if speech_final and not self.settings.dictated:
            assert self.segmenter.deadline is None

    @rule(text=PHRASES)
    def guess(self, text: str) -> None:
        self.segmenter.result(interim(text, self.position), self.now)
        self.fetch()
        assert self.segmenter.interim.endswith(text.strip())

    @rule(back=st.one_of(st.none(), st.floats(-2, 10)))
    def utterance_end(self, back: float | None) -> None:
        last = None if back is None else int((self.position - back) * RATE)
        self.segmenter.utterance_end(UtteranceEnd(last), self.now)
        self.fetch()

    @rule(seconds=st.floats(0, 5))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.segmenter.tick(self.now)
        self.fetch()
        deadline = self.segmenter.deadline
        assert deadline is None or self.now < deadline <= self.now + self.settings.max_hold

    @rule()
    def hang_up(self) -> None:
        self.segmenter.flush(self.now)
        self.fetch()
        assert self.segmenter.interim == ""
        assert self.spoken() == self.said

    def spoken(self) -> list[str]:
        return [word for segment in self.emitted for word in segment.text.split()]

    @invariant()
    def nothing_is_lost_doubled_or_moved(self) -> None:
        spoken = self.spoken()
        assert spoken == self.said[: len(spoken)]
        waiting = self.said[len(spoken) :]
        assert self.segmenter.interim.split()[: len(waiting)] == waiting

    @invariant()
    def segments_are_numbered_and_in_order_of_speech(self) -> None:
        numbers = [segment.number for segment in self.emitted]
        assert numbers == list(range(1, len(numbers) + 1))
        edges = [edge for segment in self.emitted for edge in (segment.start, segment.end)]
        assert edges == sorted(edges)

    @invariant()
    def no_segment_is_longer_than_allowed(self) -> None:
        for segment in self.emitted:
            assert len(segment.text.split()) <= self.settings.max_words
            one_word = " " not in segment.text
            assert one_word or len(segment.text) <= self.max_chars


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


# --- What is foreseen ---


def test_a_clause_that_is_only_interim_is_foreseen_and_does_not_go() -> None:
    segmenter = Segmenter(SegmentSettings(), language="en")
    words = ("we", "went", "to", "Paris,", "and", "then")
    spans = tuple(Word(w, n * 4_000, (n + 1) * 4_000) for n, w in enumerate(words))
    interim = Result(0, 32_000, " ".join(words), spans, final=False)
    segmenter.result(interim, 1.0)
    assert segmenter.foreseen() == ["we went to Paris,"]
    assert segmenter.segments() == []
    assert segmenter.interim == "we went to Paris, and then", "nothing was changed by looking"


def test_the_newest_words_of_an_interim_are_not_foreseen() -> None:
    segmenter = Segmenter(SegmentSettings(), language="en")
    words = ("we", "went", "to", "Paris,")
    spans = tuple(Word(w, n * 4_000, (n + 1) * 4_000) for n, w in enumerate(words))
    segmenter.result(Result(0, 16_800, " ".join(words), spans, final=False), 1.0)
    assert segmenter.foreseen() == []
    segmenter.result(Result(0, 20_000, " ".join(words), spans, final=False), 1.0)
    assert segmenter.foreseen() == ["we went to Paris,"]


def test_final_words_that_wait_are_foreseen_as_they_will_go() -> None:
    segmenter = Segmenter(SegmentSettings(), language="en")
    spans = tuple(Word(w, n * 4_000, (n + 1) * 4_000) for n, w in enumerate(("we", "went", "to")))
    segmenter.result(Result(0, 12_000, "we went to", spans, final=True, received=1.0), 1.0)
    foreseen = segmenter.foreseen()
    segmenter.tick(5.0 if segmenter.deadline is None else segmenter.deadline)
    assert foreseen == [segment.text for segment in segmenter.segments()] == ["we went"]
