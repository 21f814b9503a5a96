"""Stretches of audio that go to the prerecorded API: cut at pauses, uploaded with some air around,
retried while the ledger has them.

A piece covers a span of the timeline, but only the talk in it is uploaded, with `SOFT_BEGINNING` before
and `HANGOVER` after; a span without talk is settled without asking anybody. Audio is read from the
ledger at each attempt, so a waiting piece costs no memory, and what has left the ledger before a
provider came back is reported as lost: never silently.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from translink.errors import Kind, ProviderError
from translink.providers.backoff import jittered
from translink.recognition.finalizing import WORTH_AN_ANSWER
from translink.recognition.seam import heard_from, heard_until
from translink.recognition.speech_map import SOFT_BEGINNING
from translink.results import FRAME, RATE, Result, shifted

if TYPE_CHECKING:
    from translink.recognition.feed import Audio
    from translink.recognition.speech_map import SpeechMap
    from translink.recognition.timeline import Span, Timeline

NOTICED = RATE // 10
"""Sound that a VAD may have missed before it noticed speech."""
UNCUT = RATE * 6 // 10
"""Where what is left of a stretch begins in mid-word, so much of it may go to begin between two."""
HANGOVER = RATE * 4 // 10
"""And a soft end early; also lets a recogniser hear that the word is over."""

PIECES_AT_ONCE = 3
"""Requests of one leg at once; its other pieces wait, and cost no memory meanwhile. While the
prerecorded API is down each is a socket of its own, at 1.25 times real time: one alone catches up."""


@dataclass(frozen=True, slots=True)
class CutRule:
    """Where a stretch is cut into pieces. Samples."""

    pause: int = RATE // 2
    """A pause this long ends a piece."""
    longest: int = 12 * RATE
    """Somebody who speaks longer without a pause is cut at the quietest moment, words on the border
    being heard by both sides."""


class Pieces:
    """The prerecorded work of one leg in one call."""

    def __init__(
        self,
        timeline: Timeline,
        *,
        audio: Audio,
        speech: SpeechMap,
        transcribe: Callable[[bytes, int], Awaitable[Result]],
        on_change: Callable[[], None],
        on_failed: Callable[[ProviderError], None],
        rule: CutRule = CutRule(),
        rng: Random | None = None,
    ) -> None:
        """`transcribe(pcm, start)` does one bounded round through all providers in line (with their
        breakers and queue) for the span that begins at sample `start`, and raises `ProviderError`
        when none of them could; `on_change` is called whenever the timeline has moved.
        """
        self._timeline = timeline
        self._audio = audio
        self._speech = speech
        self._origin = speech.head
        """The call's first sample: nothing before it is this call's."""
        self._transcribe = transcribe
        self._on_change = on_change
        self._on_failed = on_failed
        self._rule = rule
        self._rng = rng or Random()
        self._tasks: dict[asyncio.Task[None], Span] = {}
        self._gate = asyncio.Semaphore(PIECES_AT_ONCE)
        self._broke = asyncio.Event()
        self._bug: BaseException | None = None
        self._over = False
        """No more audio comes."""

    @property
    def waiting(self) -> int:
        """How many pieces are asked for and not answered."""
        return len(self._tasks)

    def cut(self) -> None:
        """Make pieces of what is unassigned and has come to a pause (or grown too long)."""
        while (start := self._timeline.assigned) is not None:
            head = self._speech.head
            if (pause := self._speech.pause_after(start, self._rule.pause)) is not None:
                self.take(pause)
            elif head - start > self._rule.longest:
                self.take(self._speech.quietest(start + self._rule.longest // 2, head - HANGOVER))
            elif head - start > 4 * SOFT_BEGINNING and self._speech.speech_in(start, head) is None:
                self.take(head - SOFT_BEGINNING)
            else:
                return

    def take(self, end: int) -> None:
        """Make the unassigned stretch up to `end` a piece. No-op when there is none."""
        start = self._timeline.assigned
        if start is not None and end > start:
            self.start(self._timeline.begin("prerecorded", end))

    def start(self, span: Span) -> None:
        """Have an ended span recognised."""
        assert span.end is not None
        if self._speech.speech_in(span.settled, span.end) is None:
            self._timeline.done(span)
            self._on_change()
            return
        task = asyncio.create_task(self._recognise(span), name=f"piece-{span.start}")
        self._tasks[task] = span
        task.add_done_callback(self._finished)

    async def wait(self, within: float) -> None:
        """The call is over. Wait for what is under way; what is not done by then is lost, and said
        so."""
        self._over = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within)
        self.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)

    def cancel(self) -> None:
        """Give up what is under way."""
        for task, span in list(self._tasks.items()):
            task.cancel()
            self._timeline.lose(span)
        self._on_change()

    def give_up(self) -> None:
        """End every span, with whichever provider it is: speech in it without an answer is lost, and said so."""
        self.cancel()
        for span in self._timeline.unfinished():
            self._timeline.end(span, self._speech.head)
            assert span.end is not None
            if self._speech.spoken(span.settled, span.end) < WORTH_AN_ANSWER:
                self._timeline.done(span)
            else:
                self._timeline.lose(span)
        self._timeline.close()

    async def bugs(self) -> None:
        """Wait for ever, or for the first exception that is a bug, and raise it."""
        await self._broke.wait()
        assert self._bug is not None
        raise self._bug

    def _finished(self, task: asyncio.Task[None]) -> None:
        span = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The words are gone, the order goes on, and the traceback is not swallowed.
            self._bug = error
            self._broke.set()
            self._timeline.lose(span)
            self._on_change()

    async def _recognise(self, span: Span) -> None:
        for level in itertools.count():
            async with self._gate:
                error = await self._attempt(span)
            if error is None:
                return
            pause = jittered(self._rng, level, base=0.25, cap=2.0)
            await asyncio.sleep(max(pause, min(error.retry_after or 0.0, 5.0)))

    async def _attempt(self, span: Span) -> ProviderError | None:
        """Ask once. None: the span is dealt with; otherwise why it must be asked again."""
        assert span.end is not None
        talk = self._speech.speech_in(span.settled, span.end)
        if talk is None:  # it has aged out of the speech map, and so out of the ledger
            self._timeline.lose(span)
            self._on_change()
            return None
        end = await self._border_heard(span.end, talk.end)
        begin = min(talk.start - SOFT_BEGINNING, self._heard_from(span, talk.start))
        begin = max(self._origin, begin // FRAME * FRAME)
        first, pcm = self._audio.history(begin, end)
        if first > max(begin, talk.start - NOTICED):
            # Half a word would be heard as another one.
            cut = self._speech.quietest(first, min(first + UNCUT, talk.end))
            if cut > talk.start and self._lose_head(span, talk.end, cut):
                return None
            first, pcm = self._audio.history(cut, end)
        try:
            result = await self._transcribe(pcm, span.start)
        except ProviderError as error:
            self._on_failed(error)
            if error.kind is not Kind.REFUSED:
                return error
            # Every provider in line says that the request itself is wrong, and none has ever taken
            # its like: asking again changes nothing.
            self._timeline.lose(span)
            self._on_change()
            return None
        self._timeline.result(span, _placed(result, first, len(pcm) // 2))
        self._timeline.done(span)
        self._on_change()
        return None

    async def _border_heard(self, span_end: int, talk_end: int) -> int:
        """Where the upload ends. In mid-talk, wait until the word on the border has been said: cut
        off, it would be heard as another one."""
        speech = self._speech
        end = heard_until(talk_end, HANGOVER, speech)
        missing = end - speech.head
        if missing > 0 and not self._over and (talk_end >= span_end or not speech.quiet_for()):
            await asyncio.sleep(missing / RATE)
            end = heard_until(talk_end, HANGOVER, speech)
        return min(end // FRAME * FRAME, speech.head)

    def _heard_from(self, span: Span, talk_start: int) -> int:
        """Where the upload begins."""
        at = span.settled
        if talk_start - SOFT_BEGINNING > at:
            return talk_start - SOFT_BEGINNING
        return heard_from(at, SOFT_BEGINNING, self._timeline.newest_words(at), self._speech)

    def _lose_head(self, span: Span, talk_end: int, first: int) -> bool:
        """What is below `first` has left the ledger: report that part, keep the rest. True: there
        is no speech in the rest."""
        over = first >= talk_end
        self._timeline.lose_until(span, min(first, talk_end))
        if over:
            self._timeline.done(span)
        self._on_change()
        return over


def _placed(result: Result, origin: int, size: int) -> Result:
    """Request time to the leg's time; a piece ends an utterance. Words end with the audio that was
    sent: `size` samples."""
    words = tuple(
        word if word.end <= size else replace(word, start=min(word.start, size - 1), end=size)
        for word in result.words
    )
    result = replace(result, words=words, final=True, speech_final=True)
    return shifted(result, origin)
