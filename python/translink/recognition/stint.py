"""One stream's time at a leg: where it takes over, what it is given, and what becomes of its span
when it is gone.

Theory of operation
    A stream takes over at a sample and not at a moment. What nobody has answered before that sample
    goes to the prerecorded API, unless it is so little that the stream itself can be sent it; the
    stream begins to hear a little before its span, so that a word on the border is heard whole.

    It is *proved* when it has lived for `prove` seconds and answered, or had nothing to answer.

    A stream that ended as asked may have passed over speech in silence, and one that broke has left
    some unanswered: both are recognised again, as a piece.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from translink.errors import Kind, ProviderError
from translink.process.weakly import weakly
from translink.recognition.align import middle
from translink.recognition.feed import Audio, Feed
from translink.recognition.finalizing import WORTH_AN_ANSWER
from translink.recognition.seam import WORD_MOVES, heard_from
from translink.results import FRAME, RATE, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from translink._core import Frame
    from translink.providers.cadence import Cadence
    from translink.providers.protocols import LiveStream
    from translink.providers.trial import Trial
    from translink.recognition.finalizing import Finalizing
    from translink.recognition.pieces import Pieces
    from translink.recognition.rules import ListenRules
    from translink.recognition.speech_map import SpeechMap
    from translink.recognition.timeline import Span, Timeline
    from translink.results import StreamEvent

ANSWER_LOOK = 0.1
"""Seconds between two looks whether a stream has answered."""

HEARD = RATE * 8 // 100
LATE_ANSWER = RATE * 3 // 2
"""Samples that an answer may be behind, at the least."""
MISSED = RATE


class Stint:
    """From taking over (with its creation) to the end of `run`; then say `done` or `broken`."""

    def __init__(
        self,
        stream: LiveStream,
        trial: Trial,
        *,
        start: int,
        again: bool,
        audio: Audio,
        speech: SpeechMap,
        timeline: Timeline,
        pieces: Pieces,
        rules: ListenRules,
        cadence: Cadence,
        finalizing: Finalizing,
        on_event: Callable[[Span, StreamEvent], None],
        on_sent: Callable[[int, int | None], None],
        on_passed_over: Callable[[Span, int], None],
        on_answer: Callable[[], None],
        on_proved: Callable[[], None],
    ) -> None:
        """`start` = the call's first sample; `again`: the leg had a stream before. The other
        arguments as in `Feed`."""
        self._speech = speech
        self._timeline = timeline
        self._pieces = pieces
        self._rules = rules
        self._trial = trial
        self._on_answer = on_answer
        self._on_proved = on_proved
        self._on_event = on_event
        self._spoke = False
        """It has said words that are final."""
        self._proving: asyncio.TimerHandle
        self.replayed: tuple[int, str] | None = None
        """Samples of speech that are recognised again, and by what: `stream` or `prerecorded`."""
        begin = self._take_over(again=again)
        self.span = span = timeline.begin("stream")
        # On a frame's border, so that frames can go out as they come.
        first = heard_from(begin, self._lap, timeline.newest_words(begin), speech)
        origin = max(start, first // FRAME * FRAME)
        self._feed = Feed(
            stream,
            origin,
            audio=audio,
            speech=speech,
            limits=rules.feed,
            cadence=cadence,
            finalizing=finalizing,
            on_event=weakly(self._event, None),
            on_sent=on_sent,
            on_passed_over=lambda end: on_passed_over(span, end),
        )
        self.frames: Callable[[Sequence[Frame]], int] = self._feed.frames
        """New audio; as `Feed.frames`."""

    @property
    def open(self) -> bool:
        """It covers all that comes."""
        return self.span.end is None

    async def run(self) -> None:
        """Until the end that was asked for. Raises `ProviderError` when it came otherwise."""
        self._later(self._rules.prove)
        try:
            await self._feed.run()
        finally:
            self._proving.cancel()

    def _later(self, seconds: float) -> None:
        self._proving = asyncio.get_running_loop().call_later(seconds, self._prove)

    def _prove(self) -> None:
        if not self._feed.heard and self._feed.waits_for_answer:
            self._later(ANSWER_LOOK)
            return
        self._trial.proved()
        self._on_proved()

    def _event(self, event: StreamEvent) -> None:
        if isinstance(event, Result):
            self._trial.answered()
            self._on_answer()
            if event.final and event.words and not self._spoke:
                self._spoke = True
                self._check_clock(event)
        self._on_event(self.span, event)

    def _check_clock(self, first: Result) -> None:
        """Nothing that the stream said before contradicts its first words. Our own detector does, if
        they lie where nobody spoke while it has no word for what was said behind them, and long ago.

        Raises:
            ProviderError: its clock cannot be right; the stream must go.
        """
        at = middle(first.words[0])
        somebody = self._speech.spoken(at - WORD_MOVES, at + WORD_MOVES) >= HEARD
        behind = self._speech.spoken(first.end, self._feed.cursor - LATE_ANSWER)
        if not somebody and behind >= MISSED:
            raise ProviderError(
                "its first words lie where nobody spoke",
                provider="listen",
                kind=Kind.TRANSIENT,
            )

    def end_at(self, sample: int, *, mid_word: bool = False) -> int:
        """End the span there (never before what is final already), and the stream when it has heard
        that much, or in mid-word a little more, which is sure to come. Returns the span's end."""
        self._timeline.end(self.span, sample)
        end = self.span.end
        assert end is not None
        self._feed.end_at(max(end + (self._lap if mid_word else 0), self._feed.cursor))
        return end

    def abort(self) -> None:
        """Drop the connection at once."""
        self._feed.abort()

    def done(self) -> None:
        """It ended as asked. Speech that it passed over in silence is asked for once more,
        elsewhere."""
        span = self.span
        assert span.end is not None
        if self._speech.spoken(span.settled, span.end) < WORTH_AN_ANSWER:
            self._timeline.done(span)
        else:
            self._pieces.start(self._timeline.reassign(span, "prerecorded"))

    def broken(self) -> None:
        """It is gone: what it had not made final is to be recognised again."""
        if self.open:
            self._timeline.abandon(self.span)
        elif not self.span.done:
            # Its end was set by a change of mode or language: what follows is another one's, in
            # another way or language, and may be under way already.
            self._pieces.start(self._timeline.reassign(self.span, "prerecorded"))

    @property
    def _lap(self) -> int:
        return int(self._rules.lap * RATE)

    def _take_over(self, *, again: bool) -> int:
        """Decide from which sample on and have the rest recognised as pieces."""
        start, head = self._timeline.assigned, self._speech.head
        assert start is not None
        talk = self._speech.speech_in(start, head)
        # Silence needs no recogniser; a little of it lets the recogniser hear the first word begin.
        self._pieces.take((talk.start if talk else head) - self._lap)
        if talk is not None and head - talk.start > self._rules.replay * RATE:
            at = good_place(self._speech, self._rules, talk.start, head)
            self.replayed = (at - talk.start, "prerecorded")
            self._pieces.take(at)
        elif talk is not None and again:
            self.replayed = (head - talk.start, "stream")
        begin = self._timeline.assigned
        assert begin is not None
        return begin


def good_place(speech: SpeechMap, rules: ListenRules, start: int, head: int) -> int:
    """Last good place between two recognisers, not before `start`: a pause not too long ago, else
    the quietest moment."""
    lap = int(rules.lap * RATE)
    earliest = max(start, head - max(int(rules.replay * RATE), lap))
    at = speech.last_pause(earliest, RATE // 10)
    if at is None:
        # What the one before hears after the border must have been said by now.
        at = speech.quietest(earliest, head - lap)
    return at
