"""Segments to speech in virtual time: order, failures, full queues, the end of the call, times."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.speaking import FakeEar, Talkers, provider_error
from tests.support.virtual import run_virtually
from translink.calls.awaited import AwaitedLanguage
from translink.calls.direction import Direction, DirectionBooks
from translink.calls.hearing import Hearing
from translink.calls.lag import Lag
from translink.calls.speaker import SEGMENTS_WAITING, TRANSLATIONS_AHEAD, UTTERANCES_IN_EAR, Speaker
from translink.errors import Kind, ProviderError
from translink.observe.journal import Event, Journal
from translink.observe.stages import Stages
from translink.providers.voices import SpeechFailed
from translink.results import Segment, Translation
from translink.settings.lag import LagSettings


class Booth:
    """A speaker with everything around it."""

    def __init__(
        self,
        talkers: Talkers,
        ear: FakeEar,
        source: str,
        target: str,
        leave_out: float = 0.0,
        after: Sequence[asyncio.Event] = (),
        awaited: AwaitedLanguage | None = None,
    ) -> None:
        way = Direction("call", "3333", "4444", source, target, awaited=awaited)
        self.talkers = talkers
        self.ear = ear
        self.journal = Journal()
        self.stages = Stages()
        self.books = DirectionBooks(way, self.journal, [self.stages])
        self.tally = self.books.tally
        self.behind = self.queued = 0.0
        self.hearing = Hearing(behind=lambda: self.behind, queued=lambda: self.queued)
        self.speaker = Speaker(
            way,
            ear=ear,
            services=talkers.services(),
            books=self.books,
            after=after,
            lag=Lag(self.hearing, LagSettings(leave_out=leave_out)),
        )
        ear.tell = self.speaker.playout
        self._number = 0

    def say(self, *texts: str) -> None:
        for text in texts:
            self._number += 1
            now = time.monotonic()
            segment = Segment(self._number, text, 0, 16_000, born=now, captured=now - 1.0)
            self.speaker.add(segment, began=now - 2.0)

    def events(self, type_: str) -> list[Event]:
        return [event for event in self.journal.events if event.type == type_]

    def ms(self, stage: str) -> float:
        """The only value of a stage."""
        assert self.stages[stage].count == 1
        return self.stages[stage].max * 1000

    def balanced(self) -> bool:
        """Every segment was reported, and once."""
        tally = self.tally
        return (
            tally.translated + tally.untranslated == self._number
            and tally.spoken + tally.unspoken == tally.translated
        )


def interpret(
    scene: Callable[[Booth], Awaitable[None]],
    talkers: Talkers | None = None,
    ear: FakeEar | None = None,
    *,
    languages: tuple[str, str] = ("en", "fr"),
    within: float = 600.0,
    leave_out: float = 0.0,
    after: Sequence[asyncio.Event] = (),
    awaited: AwaitedLanguage | None = None,
) -> Booth:
    """Play `scene`, then finish within `within` seconds and end everything as a call does."""

    async def main() -> Booth:
        booth = Booth(talkers or Talkers(), ear or FakeEar(), *languages, leave_out, after, awaited)
        running = asyncio.create_task(booth.speaker.run())
        await scene(booth)
        if await booth.speaker.finish(within):
            await running
        else:
            running.cancel()
            await asyncio.wait([running])
        return booth

    return run_virtually(main())


def saying(*texts: str) -> Callable[[Booth], Awaitable[None]]:
    async def scene(booth: Booth) -> None:
        booth.say(*texts)

    return scene


def test_segments_are_spoken_in_order_though_their_translations_come_out_of_order() -> None:
    booth = interpret(saying("a b", "c", "d", "e"), Talkers(answers={"a b": 3.0, "c": 0.1, "d": 2}))
    assert booth.ear.heard == ["A B", "C", "D", "E"]
    assert booth.ear.utterances == sorted(booth.ear.utterances)
    assert (booth.tally.spoken, booth.tally.characters) == (4, 6)


def test_a_failed_translation_is_shown_and_not_spoken_while_the_next_one_is() -> None:
    booth = interpret(
        saying("one", "two", "three"), Talkers(answers={"two": provider_error("no money")})
    )
    assert booth.ear.heard == ["ONE", "THREE"]
    (event,) = booth.events("untranslated")
    assert event.data == {"segment": 2, "text": "two", "reason": "no money"}
    assert (booth.tally.translated, booth.tally.untranslated, booth.tally.spoken) == (2, 1, 2)


def test_the_same_language_passes_through_without_a_request() -> None:
    booth = interpret(saying("Hello there"), languages=("en-US", "en"))
    assert booth.ear.heard == ["Hello there"]
    assert booth.talkers.requests == []
    assert booth.tally.characters == 0
    assert booth.events("translation")[0].data["by"] == "none"


def test_the_translator_is_shown_300_characters_before_in_whole_segments() -> None:
    texts = [letter * 120 for letter in "abcde"]
    booth = interpret(saying(*texts))
    shown = [context.split() for _, context in booth.talkers.requests]
    assert shown == [[], texts[:1], texts[:2], texts[:3], texts[1:4]]


def test_a_slow_translator_is_asked_for_a_few_segments_at_once_only() -> None:
    booth = interpret(saying(*(f"s{i}" for i in range(30))), Talkers(delay=5.0))
    assert booth.ear.heard == [f"S{i}" for i in range(30)]
    assert (
        booth.talkers.most_asking <= TRANSLATIONS_AHEAD + 2
    )  # one is awaited, one waits for its place


def test_a_full_ear_makes_the_speaker_wait_and_loses_nothing() -> None:
    text = " ".join(f"w{i}" for i in range(100))
    booth = interpret(saying(text, "after"), Talkers(slowness=0.0), FakeEar(capacity=10_000))
    assert booth.ear.heard == [text.upper(), "AFTER"]
    assert booth.balanced()


def test_for_an_ear_that_is_nearly_full_no_voice_is_asked() -> None:
    """Until the ear had taken all of it, it kept a place for speech from the other calls."""

    async def scene(booth: Booth) -> None:
        booth.queued = 58.0
        booth.say("one")
        await asyncio.sleep(5)
        assert booth.talkers.voiced == []
        booth.queued = 50.0

    booth = interpret(scene)
    assert booth.ear.heard == booth.talkers.voiced == ["ONE"]
    assert booth.balanced()


def test_many_short_utterances_never_fill_the_ears_list() -> None:
    booth = interpret(saying(*(f"s{i}" for i in range(200))), Talkers(delay=0.0, slowness=0.0))
    assert booth.ear.heard == [f"S{i}" for i in range(200)]
    assert booth.ear.most <= UTTERANCES_IN_EAR


def test_one_segment_too_many_is_reported_and_not_kept() -> None:
    async def scene(booth: Booth) -> None:
        booth.say(*(f"s{i}" for i in range(SEGMENTS_WAITING + 20)))
        assert len(booth.events("untranslated")) == 20

    booth = interpret(scene, Talkers(delay=0.0, slowness=0.0))
    assert len(booth.ear.heard) == SEGMENTS_WAITING
    assert booth.balanced()


def test_a_voice_that_fails_in_the_middle_is_reported_and_the_next_segment_is_whole() -> None:
    booth = interpret(
        saying("one two three", "four"),
        Talkers(voice_fails={"ONE TWO THREE": (2, provider_error("no voice"))}),
    )
    assert booth.ear.heard == ["ONE TWO", "FOUR"], "what was played is ended, not left open"
    assert (booth.tally.spoken, booth.tally.unspoken) == (1, 1)
    failed = [e.data for e in booth.events("speech") if e.data["state"] == "failed"]
    assert failed == [{"state": "failed", "segment": 1, "reason": "no voice"}]


@pytest.mark.parametrize("how", [None, provider_error("no voice")])
def test_a_voice_without_a_sound_is_reported_and_holds_up_nobody(
    how: ProviderError | None,
) -> None:
    booth = interpret(saying("one", "two"), Talkers(voice_fails={"ONE": (0, how)}))
    assert booth.ear.heard == ["TWO"]
    assert booth.balanced()
    assert [e.data["segment"] for e in booth.events("speech") if e.data["state"] == "failed"] == [1]


def test_an_empty_translation_is_reported_as_unspoken() -> None:
    booth = interpret(saying("hm", "two"), Talkers(words={"hm": ""}))
    assert booth.ear.heard == ["TWO"]
    assert booth.balanced()


def test_a_sentence_without_a_word_is_neither_translated_nor_spoken_and_loses_no_other() -> None:
    booth = interpret(
        saying("…", "one"),
        Talkers(
            words={"one": "!!! EINS. ZWEI."}, voice_fails={"…": (0, provider_error("refused"))}
        ),
    )
    assert [text for text, _ in booth.talkers.requests] == ["one"]
    assert booth.ear.heard == ["EINS. ZWEI."]
    assert booth.balanced()


def test_captions_keep_what_a_voice_is_not_given() -> None:
    written = "Voir <b>www.exemple.fr/a</b> 👍"
    booth = interpret(saying("one", "👍"), Talkers(words={"one": written}))
    assert [each.data["text"] for each in booth.events("translation")] == [written, "👍"]
    assert booth.ear.heard == ["Voir exemple point fr"]
    assert booth.balanced()


def failing(kind: Kind, unspoken: str) -> ProviderError:
    """As the line-up says it."""
    error = provider_error("too long", kind)
    error.__cause__ = SpeechFailed([provider_error("too long", kind)], unspoken)
    return error


def test_a_refused_sentence_does_not_silence_those_behind_it() -> None:
    text = "ONE TWO. THREE FOUR. FIVE."
    booth = interpret(
        saying("one two. three four. five.", "six"),
        Talkers(voice_fails={text: (0, failing(Kind.REFUSED, text))}),
    )
    assert booth.ear.heard == ["THREE FOUR. FIVE.", "SIX"]
    assert (booth.tally.spoken, booth.tally.unspoken) == (1, 1)
    assert booth.balanced()


def test_a_voice_in_trouble_is_not_asked_for_the_sentences_behind() -> None:
    down = failing(Kind.TRANSIENT, "ONE. TWO.")
    booth = interpret(saying("one. two."), Talkers(voice_fails={"ONE. TWO.": (0, down)}))
    assert booth.ear.heard == []
    assert booth.balanced()


def test_a_voice_that_drips_holds_up_a_direction_no_longer_than_its_text_allows() -> None:
    booth = interpret(saying("one two three four five", "six"), Talkers(slowness=9.0))
    assert booth.ear.heard == ["ONE", "SIX"]
    failed = [e.data["reason"] for e in booth.events("speech") if e.data["state"] == "failed"]
    assert failed == ["23 letters took the voice more than 15 s"]
    assert booth.balanced()


def test_finish_says_what_is_left_and_no_segment_goes_unreported() -> None:
    long = " ".join(["word"] * 50)
    booth = interpret(saying(long, long, "never", "lost"), Talkers(answers={"lost": 60}), within=6)
    assert booth.ear.heard == [long.upper()]
    assert (booth.tally.spoken, booth.tally.unspoken, booth.tally.untranslated) == (1, 2, 1)
    assert booth.balanced()


def test_finish_takes_no_longer_than_it_may_when_the_ear_plays_nothing() -> None:
    async def scene(booth: Booth) -> None:
        booth.say("one")
        await asyncio.sleep(5)
        began = time.monotonic()
        assert not await booth.speaker.finish(2.0)
        assert time.monotonic() - began == pytest.approx(2.0, abs=0.01)

    booth = interpret(scene, ear=FakeEar(deaf=True), within=0.1)
    assert booth.balanced()


def test_a_flush_is_reported_as_unspoken() -> None:
    async def scene(booth: Booth) -> None:
        booth.say("one two three")
        await asyncio.sleep(0.4)
        booth.ear.flush()

    booth = interpret(scene)
    assert (booth.tally.spoken, booth.tally.unspoken) == (0, 1)
    assert booth.events("speech")[-1].data["unplayed_ms"] > 0  # type: ignore[operator]


def test_a_voice_that_fails_after_a_flush_is_not_reported_a_second_time() -> None:
    async def scene(booth: Booth) -> None:
        booth.say("one two three")
        await asyncio.sleep(0.9)
        booth.ear.flush()

    voice = Talkers(voice_fails={"ONE TWO THREE": (2, provider_error("no voice"))}, slowness=0.5)
    booth = interpret(scene, voice)
    assert (booth.tally.spoken, booth.tally.unspoken) == (0, 1)
    assert [event.data["state"] for event in booth.events("speech")] == ["started", "flushed"]


def test_a_step_that_got_lost_on_its_way_is_made_up_for_by_the_next() -> None:
    async def scene(booth: Booth) -> None:
        booth.ear.withheld = {"finished"}
        booth.say("one")
        await asyncio.sleep(2)
        booth.ear.withheld = set()
        booth.say("two")
        await asyncio.sleep(2)
        assert booth.tally.spoken == 2
        booth.say("three")

    booth = interpret(scene, within=5.0)
    assert booth.balanced()
    assert booth.stages["own"].count == 2, "the third found the ear idle again"


@pytest.mark.parametrize("when", ["translating", "speaking"])
def test_a_bug_in_a_provider_ends_the_speaker_and_no_segment_goes_unreported(when: str) -> None:
    bug = ZeroDivisionError("a bug")
    talkers = (
        Talkers(answers={"two": bug})
        if when == "translating"
        else Talkers(voice_fails={"TWO": (0, bug)})
    )

    async def main() -> Booth:
        booth = Booth(talkers, FakeEar(), "en", "fr")
        booth.say("one", "two", "three")
        with pytest.raises(ExceptionGroup) as caught:
            await booth.speaker.run()
        assert set(caught.value.exceptions) == {bug}
        assert booth.talkers.asking == booth.talkers.speaking == 0, "nothing goes on"
        return booth

    assert run_virtually(main()).balanced()


def test_leaving_early_cancels_the_request_for_speech() -> None:
    async def main() -> None:
        booth = Booth(Talkers(), FakeEar(capacity=1000), "en", "fr")
        running = asyncio.create_task(booth.speaker.run())
        booth.say("one two three")
        await asyncio.sleep(1)
        assert booth.talkers.speaking == 1
        running.cancel()
        await asyncio.wait([running])
        assert booth.talkers.speaking == 0
        assert booth.balanced()

    run_virtually(main())


# --- Times ---


def test_own_time_is_what_the_providers_did_not_take() -> None:
    booth = interpret(saying("one two"), Talkers(delay=0.7, slowness=0.4))
    assert booth.ms("own") < 1
    assert booth.ms("translate") == pytest.approx(700, abs=1)
    assert booth.ms("request_to_audio") == pytest.approx(400, abs=1)
    assert booth.ms("mouth_to_ear") == pytest.approx(1000 + 700 + 400, abs=1)
    assert booth.ms("ear_voice_span") == pytest.approx(2000 + 700 + 400, abs=1)
    assert booth.stages["queued"].count == 0


def test_a_retry_behind_the_translator_is_its_time_and_not_ours() -> None:
    class Retrying(Talkers):
        async def translate(self, text: str, source: str, target: str, context: str) -> Translation:
            await asyncio.sleep(2.0)  # an attempt that failed, and a back-off
            return await super().translate(text, source, target, context)

    booth = interpret(saying("one"), Retrying())
    assert booth.ms("own") < 1
    assert booth.ms("translate") == pytest.approx(2200, abs=1)


def test_what_waits_for_an_earlier_utterance_is_queued_and_not_own() -> None:
    booth = interpret(saying("one two three four", "five"))
    assert booth.stages["own"].count == 1
    assert booth.ms("own") < 1
    assert booth.ms("queued") > 300


def test_what_waits_for_a_translation_that_fails_is_not_own_time() -> None:
    class Failing(Talkers):
        async def translate(self, text: str, source: str, target: str, context: str) -> Translation:
            if text == "one":
                await asyncio.sleep(5)
                raise provider_error()
            return await super().translate(text, source, target, context)

    booth = interpret(saying("one", "two"), Failing())
    assert booth.ear.heard == ["TWO"]
    assert booth.stages["own"].count == 0
    assert booth.ms("queued") > 4000


def test_the_next_utterance_after_a_pause_is_own_time_again() -> None:
    async def scene(booth: Booth) -> None:
        booth.say("one")
        await asyncio.sleep(3)
        booth.say("two")

    booth = interpret(scene)
    assert booth.stages["own"].count == 2
    assert booth.stages["audio_to_sent"].count == 2


def test_what_waits_for_a_notice_or_for_the_call_before_is_not_own_time() -> None:
    queued = asyncio.Event()

    async def scene(booth: Booth) -> None:
        booth.say("one")
        await asyncio.sleep(4)
        queued.set()

    booth = interpret(scene, after=[queued])
    assert booth.stages["own"].count == booth.stages["audio_to_sent"].count == 0
    assert booth.ms("queued") > 3000


def test_what_waits_behind_something_else_in_the_ear_is_not_own_time() -> None:
    async def scene(booth: Booth) -> None:
        booth.behind = 3.0
        booth.say("one")

    booth = interpret(scene)
    assert booth.stages["own"].count == booth.stages["audio_to_sent"].count == 0
    assert booth.stages["queued"].count == 1


def test_what_an_ear_keeps_until_the_talker_pauses_is_not_own_time() -> None:
    async def scene(booth: Booth) -> None:
        booth.hearing.switch("consecutive", time.monotonic())
        booth.say("one")

    booth = interpret(scene)
    assert booth.stages["own"].count == booth.stages["audio_to_sent"].count == 0
    assert booth.stages["queued"].count == 1


def test_what_waits_for_the_hearers_language_is_not_own_time() -> None:
    booth = interpret(saying("one", "two"), awaited=AwaitedLanguage(6.0, lambda: None))
    assert booth.ear.heard == ["ONE", "TWO"]
    assert booth.stages["own"].count == booth.stages["commit_to_request"].count == 0
    assert booth.stages["queued"].count == 2


answers = st.one_of(st.floats(0, 8), st.just(provider_error()))


@given(
    st.lists(
        st.tuples(
            answers, st.integers(0, 5), st.sampled_from([None, provider_error()]), st.floats(0, 3)
        ),
        max_size=12,
    )
)
def test_whatever_fails_the_order_is_kept_and_the_books_balance(
    script: list[tuple[float | ProviderError, int, ProviderError | None, float]],
) -> None:
    texts = [f"a{i} b{i} c{i}" for i in range(len(script))]
    talkers = Talkers(
        answers={text: line[0] for text, line in zip(texts, script, strict=True)},
        voice_fails={
            text.upper(): (line[1], line[2]) for text, line in zip(texts, script, strict=True)
        },
    )

    async def scene(booth: Booth) -> None:
        for text, line in zip(texts, script, strict=True):
            booth.say(text)
            await asyncio.sleep(line[3])

    booth = interpret(scene, talkers)
    wanted = [
        " ".join(text.upper().split()[: line[1]])
        for text, line in zip(texts, script, strict=True)
        if not isinstance(line[0], ProviderError) and line[1] > 0
    ]
    assert booth.ear.heard == wanted
    assert booth.balanced()
    assert booth.talkers.speaking == booth.talkers.asking == 0


# --- What is shown and not spoken ---


def test_who_wants_text_only_costs_no_voice() -> None:
    async def scene(booth: Booth) -> None:
        booth.say("one")
        await asyncio.sleep(5)
        booth.hearing.switch("captions", time.monotonic())
        booth.say("two", "three")
        await asyncio.sleep(5)
        booth.hearing.switch("replace", time.monotonic())
        booth.say("four")

    booth = interpret(scene)
    assert booth.ear.heard == ["ONE", "FOUR"]
    assert booth.talkers.voiced == ["ONE", "FOUR"]
    assert [event.data["text"] for event in booth.events("translation")][1:3] == ["TWO", "THREE"]
    shown = [event.data for event in booth.events("speech") if event.data["state"] == "captions"]
    assert [data["segment"] for data in shown] == [2, 3]
    assert (booth.tally.spoken, booth.tally.captioned, booth.tally.unspoken) == (2, 2, 0)


def test_beyond_its_limit_an_ear_is_spared_whole_segments_and_it_is_reported() -> None:
    async def scene(booth: Booth) -> None:
        booth.say("one")
        await asyncio.sleep(5)
        booth.behind = 9.0
        booth.say("two", "three")
        await asyncio.sleep(5)
        booth.behind = 7.0
        booth.say("four")

    booth = interpret(scene, leave_out=8.0)
    assert booth.ear.heard == booth.talkers.voiced == ["ONE", "FOUR"]
    skipped = [e.data["segment"] for e in booth.events("speech") if e.data["state"] == "skipped"]
    assert skipped == [2, 3]
    assert (booth.tally.translated, booth.tally.spoken, booth.tally.skipped) == (4, 2, 2)


def test_an_ear_remembers_what_it_was_played() -> None:
    async def scene(booth: Booth) -> None:
        booth.say("one two")
        await asyncio.sleep(5)
        (played,) = booth.hearing.played.between(0.0, time.monotonic())
        assert played.text == "ONE TWO"
        assert played.ended - played.began == pytest.approx(0.2, abs=0.05)

    interpret(scene)
