"""Where a stream takes over, and what becomes of its span."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from tests.support.world import Plan, World, WorldLedger
from translink.providers.breaker import Breaker, Permit
from translink.providers.cadence import Cadence
from translink.providers.precedents import Precedents
from translink.providers.trial import Trial
from translink.recognition.finalizing import Finalizing
from translink.recognition.pieces import CutRule, Pieces
from translink.recognition.rules import ListenRules
from translink.recognition.speech_map import SpeechMap
from translink.recognition.stint import Stint
from translink.recognition.timeline import Span, Timeline
from translink.results import FRAME, RATE, Result, StreamEvent

RULES = ListenRules(replay=1.0, lap=0.4)
LAP = int(0.4 * RATE)


class Mute:
    """A stream that nothing is asked of here."""

    async def send(self, pcm: bytes) -> None: ...
    def send_now(self, pcm: bytes) -> bool:
        return False

    async def finalize(self) -> None: ...
    async def close(self, wait: float = 5.0) -> None: ...
    def abort(self) -> None: ...
    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        await asyncio.Event().wait()
        yield  # type: ignore[misc]


class SpanRoom:
    """A leg on which somebody has spoken, and the pieces that were asked for."""

    def __init__(self, talk: str) -> None:
        """`talk`: a letter for each 100 ms, `x` speech, `.` silence."""
        self.speech = SpeechMap(0)
        self.timeline = Timeline(0)
        self.asked: list[tuple[int, int]] = []
        for place, letter in enumerate(talk):
            for frame in range(5):
                at = place * 1600 + frame * FRAME
                self.speech.frame(at, letter == "x", 1000 if letter == "x" else 1, 1)
        self.pieces = Pieces(
            self.timeline,
            audio=WorldLedger(),
            speech=self.speech,
            transcribe=self.transcribe,
            on_change=lambda: None,
            on_failed=lambda error: None,
            rule=CutRule(),
        )
        self.pieces.start = self.start  # type: ignore[method-assign]

    async def transcribe(self, pcm: bytes, start: int) -> Result:
        raise AssertionError("nothing is recognised here")

    def start(self, span: Span) -> None:
        assert span.end is not None
        if self.speech.spoken(span.settled, span.end):
            self.asked.append((span.settled // 1600, span.end // 1600))
        self.timeline.done(span)

    def stint(self, *, again: bool = True) -> Stint:
        return Stint(
            Mute(),
            Trial(
                World(1, Plan()),
                "en",
                Permit("x"),
                Breaker("x"),
                Precedents(),
            ),
            start=0,
            again=again,
            audio=WorldLedger(),
            speech=self.speech,
            timeline=self.timeline,
            pieces=self.pieces,
            rules=RULES,
            cadence=Cadence(),
            finalizing=Finalizing(self.speech, RULES.finalize),
            on_event=lambda span, event: None,
            on_sent=lambda size, ready: None,
            on_passed_over=lambda span, end: None,
            on_answer=lambda: None,
            on_proved=lambda: None,
        )

    def final(self, stint: Stint, tenths: int) -> None:
        result = Result(stint.span.settled, tenths * 1600, "word", (), final=True)
        self.timeline.result(stint.span, result)


async def test_into_silence_a_stream_comes_at_the_head_and_hears_a_little_before() -> None:
    room = SpanRoom("." * 50)
    stint = room.stint()
    assert stint.span.start == room.speech.head - LAP
    assert stint._feed.cursor == stint.span.start - LAP
    assert (room.asked, stint.replayed) == ([], None)


async def test_a_small_gap_is_the_streams_and_reported_as_a_replay_unless_it_is_the_first() -> None:
    for again in (False, True):
        room = SpanRoom("." * 40 + "xxxxxxxx")
        stint = room.stint(again=again)
        assert stint.span.start == 40 * 1600 - LAP
        assert room.asked == []
        assert stint.replayed == ((8 * 1600, "stream") if again else None)


async def test_of_a_large_gap_all_up_to_the_last_pause_is_a_piece() -> None:
    room = SpanRoom("." * 10 + "xxxxxxxxxxxxxxx..xxx")
    stint = room.stint()
    assert stint.span.start == 26 * 1600
    assert room.asked == [(6, 26)]
    assert stint.replayed == (16 * 1600, "prerecorded")


async def test_a_stream_never_begins_before_the_call() -> None:
    assert SpanRoom("x").stint()._feed.cursor == 0


async def test_a_stream_that_ended_as_asked_is_done_with_what_it_answered() -> None:
    room = SpanRoom("xxxxx.....")
    stint = room.stint()
    room.final(stint, 10)
    assert stint.end_at(room.speech.head) == room.speech.head
    assert not stint.open
    stint.done()
    assert stint.span.done
    assert room.asked == []


async def test_speech_that_it_passed_over_in_silence_is_asked_for_elsewhere() -> None:
    room = SpanRoom("xxxxxxxxxx")
    stint = room.stint()
    room.final(stint, 5)
    stint.end_at(room.speech.head)
    stint.done()
    assert room.asked == [(5, 10)]


async def test_what_a_broken_stream_had_not_made_final_is_nobodys_again() -> None:
    room = SpanRoom("xxxxxxxxxx")
    stint = room.stint()
    room.final(stint, 4)
    stint.broken()
    assert room.timeline.assigned == 4 * 1600
    assert room.asked == []


async def test_when_later_audio_is_with_others_already_the_rest_of_a_broken_one_is_a_piece() -> (
    None
):
    room = SpanRoom("xxxxxxxxxx")
    stint = room.stint()
    room.final(stint, 4)
    stint.end_at(8 * 1600)
    room.timeline.begin("prerecorded", 10 * 1600)
    stint.broken()
    assert room.asked == [(4, 8)]


async def test_in_mid_word_the_stream_hears_more_than_its_span() -> None:
    for mid_word in (False, True):
        room = SpanRoom("xxxxxxxxxx")
        stint = room.stint()
        end = stint.end_at(room.speech.head, mid_word=mid_word)
        assert end == room.speech.head
        assert stint._feed.limit == end + (LAP if mid_word else 0)
