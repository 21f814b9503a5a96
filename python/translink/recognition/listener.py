"""Keeps one leg listened to: audio in, finals out, in order of speech, whatever the providers do.

Theory of operation
    `timeline` says which audio is answered; `speech` says where somebody speaks; a `stint` is one
    stream and what it is fed; `pieces` has finished stretches recognised by the prerecorded API.
    The listener decides which of them serves:

    * state STREAMING: a stream covers everything. When it breaks, what it had not made final is
      covered again: a gap of up to `replay` seconds is sent into the next stream (at 1.25 × real
      time a gap of g seconds delays the talk for 4·g seconds, so it must be small); of a larger one
      everything up to the last pause goes to the prerecorded API, and the stream goes on from
      there. When no stream can be had, pieces are cut at pauses until there is one again.
    * state PRERECORDED: pieces only.
    * A change of mode while the call runs ends the stream at a pause and lets it finish what it has
      heard.
    * A leg whose language is not known has nothing recognised until it is found (`finder`); what was
      said by then is then to be recognised like any gap.

    There is one connection at a time, from the first frame to the end of the call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import TYPE_CHECKING

from translink.errors import Kind, ProviderError
from translink.process.waiting import set_within
from translink.process.weakly import weakly
from translink.providers.backoff import Backoff
from translink.providers.breaker import Breaker, Wait
from translink.providers.cadence import Cadence
from translink.providers.precedents import Precedents
from translink.providers.services import nobody_detects
from translink.providers.trial import Trial
from translink.recognition.feed import Audio
from translink.recognition.finalizing import WORTH_AN_ANSWER, Finalizing
from translink.recognition.finder import Detect, How, LanguageFinder
from translink.recognition.handover import Handover
from translink.recognition.languages import Languages
from translink.recognition.pieces import Pieces
from translink.recognition.rules import ListenObserver, ListenRules, ListenState, ListenStats
from translink.recognition.speech_map import SpeechMap
from translink.recognition.stint import Stint
from translink.recognition.timeline import Lost, Span, Timeline
from translink.results import FRAME, RATE, Result, StreamEvent, UtteranceEnd

if TYPE_CHECKING:
    from translink._core import Frame
    from translink.providers.protocols import LiveStream, LiveTranscriber

SPREAD = 0.1
"""Seconds over which legs that wait for each other's attempts look again."""


class Listener:
    """Recognition of one leg during one call."""

    def __init__(
        self,
        start: int,
        *,
        language: str,
        audio: Audio,
        live: LiveTranscriber,
        breaker: Breaker,
        transcribe: Callable[[bytes, str], Awaitable[Result]],
        observer: ListenObserver,
        streaming: bool = True,
        rules: ListenRules | None = None,
        precedents: Precedents | None = None,
        cadence: Cadence | None = None,
        ledger_seconds: float = 60.0,
        rng: Random | None = None,
        candidates: Sequence[str] = (),
        detect: Detect = nobody_detects,
    ) -> None:
        """`start` = the call's first sample. `breaker` guards `live` and is shared by all legs, as
        are `precedents` and `cadence`, which know how it behaved so far.
        `transcribe(pcm, language)` makes one bounded round through the prerecorded providers.
        `candidates`: `language` is not known, `detect` shall say which of these it is.
        """
        self.stats = ListenStats()
        self.state = ListenState.IDLE
        self.reason = ""
        """Why this state."""
        self._languages = languages = Languages(start, language)
        self._audio = audio
        self._live = live
        self._breaker = breaker
        self._observer = observer
        self._rules = rules or ListenRules()
        self._precedents = precedents or Precedents()
        self._cadence = cadence or Cadence()
        self._rng = rng or Random()
        self._speech = SpeechMap(start, ledger_seconds)
        self._finalizing = Finalizing(self._speech, self._rules.finalize)
        self._timeline = Timeline(start)
        self._pieces = Pieces(
            self._timeline,
            audio=audio,
            speech=self._speech,
            transcribe=lambda pcm, at: transcribe(pcm, languages.at(at)),
            on_change=weakly(self._release, None),
            on_failed=weakly(self._piece_failed, None),
            rule=self._rules.cut,
            rng=self._rng,
        )
        self._start = start
        self._shown = start
        """Where the newest interim with words ended."""
        self._want_stream = streaming
        self._finishing = False
        self._failures = 0
        """Failed connections in a row."""
        self._fallen_back = False
        self._refused = False
        """Our request is wrong, says the provider: no use asking before something changes."""
        self._stint: Stint | None = None
        self._handover = Handover(
            speech=self._speech,
            timeline=self._timeline,
            pieces=self._pieces,
            languages=self._languages,
            rules=self._rules,
            stint=weakly(self._serving, None),
        )
        self._finder = LanguageFinder(
            candidates,
            detect=detect,
            audio=audio,
            speech=self._speech,
            rules=self._rules.detect,
            on_language=weakly(self._spoken_here, None),
        )
        self._no_stint = asyncio.Event()
        self._changed = asyncio.Event()
        self._backoff = Backoff(rng=self._rng)

    @property
    def speech(self) -> SpeechMap:
        """Where the talker speaks."""
        return self._speech

    @property
    def pieces_waiting(self) -> int:
        """Stretches that are with the prerecorded API."""
        return self._pieces.waiting

    @property
    def language(self) -> str:
        """What is recognised, or will be from the next pause on."""
        return self._languages.wanted

    def language_at(self, sample: int) -> str:
        """What was, or is, spoken there."""
        return self._languages.at(sample)

    @property
    def acknowledged(self) -> int:
        """Everything below this sample is answered or reported lost."""
        return self._timeline.acknowledged

    @property
    def waiting_ms(self) -> float:
        """Speech that is neither answered nor reported lost. A few seconds as a rule; it grows while
        no provider answers."""
        spoken = self._speech.spoken(self._timeline.acknowledged, self._speech.head)
        return round(spoken * 1000 / RATE, 1)

    def frames(self, frames: Sequence[Frame]) -> int:
        """New audio of the leg, in order; after `finish` it is not this call's. Returns as `Feed.frames`."""
        if self._finishing:
            return 0
        if self._speech.is_new and frames[0].start > self._start:
            # The call before it was ended with frames on their way. The media forgot them.
            self._speech.begin(self._audio.history(self._start, frames[0].start)[0])
        for frame in frames:
            self._speech.frame(frame.start, frame.speech, frame.rms, frame.captured)
        together = self._stint.frames(frames) if self._stint is not None else 0
        if self._handover.pending:
            self._handover.look()
            together = 0
        assigned = self._timeline.assigned
        if assigned is not None and not self._finder.searching:
            late = self._speech.head - assigned > self._rules.hurry * RATE
            if late or self._fallen_back or not self._want_stream:
                self._pieces.cut()
        return together

    def use_streaming(self, wanted: bool) -> None:
        """Change the way of recognition while the call runs; nothing is lost or doubled by it."""
        if wanted == self._want_stream:
            return
        self._want_stream = wanted
        self._refused = False
        self._backoff = Backoff(rng=self._rng)
        if not wanted and self._stint is not None and self._stint.open:
            self._handover.begin()
        else:
            self._handover.forget()
        self._changed.set()

    def set_language(self, language: str) -> None:
        """Somebody goes on in another language: at the next pause the stream ends, and what they
        say from there on is recognised in the other one; nothing is lost or doubled by it."""
        if self._finder.searching:
            self._languages.known(language)
        self._finder.close()
        self._go_on_in(language)

    def renew(self) -> None:
        """At the next pause the stream ends, and another one goes on. Without one the next is new anyway."""
        if self._stint is not None:
            self._handover.begin()

    def _go_on_in(self, language: str) -> None:
        if language == self._languages.wanted:
            return
        self._languages.set_language(language)
        self._refused = False
        self._handover.begin()
        self._changed.set()

    def _spoken_here(self, language: str, how: How, why: str) -> None:
        """Found, or no longer waited for."""
        if self._finder.searching:
            self._languages.known(language)
        else:
            self._go_on_in(language)
        self._observer.spoken_here(language, how, why)

    async def run(self) -> None:
        """Serve until `finish`. Cancelling drops what is under way, and says so.

        Raises:
            ExceptionGroup: a bug, in here or in a provider.
        """
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(self._pieces.bugs(), name="pieces")
                finding = group.create_task(self._finder.run(), name="language")
                await self._serve_while_wanted()
                watching.cancel()
                finding.cancel()
        except BaseException:
            self._give_up()
            raise
        finally:
            self._enter(ListenState.IDLE, "the call is over")

    async def finish(self, within: float) -> None:
        """The call is over: have the rest recognised, bounded by `within` seconds, then let `run`
        return.

        What is not recognised by then is reported lost.
        """
        deadline = time.monotonic() + within
        self._finishing = self._handover.over = True
        self._changed.set()
        if self._finder.searching:
            await self._finder.settle(within / 3)
            within = deadline - time.monotonic()
        if (stint := self._stint) is not None:
            stint.end_at(self._speech.head)
            if not await set_within(self._no_stint, within / 2):
                # The rest of the time is for the prerecorded API.
                stint.abort()
                await set_within(self._no_stint, within / 10)
        self._pieces.take(self._speech.head)
        await self._pieces.wait(max(0.0, deadline - time.monotonic()))
        self._give_up()

    def close(self) -> None:
        """Tell the observer nothing more, nor keep it."""
        self._observer = ListenObserver()

    def _serving(self) -> Stint | None:
        return self._stint

    def _give_up(self) -> None:
        """Nobody will be asked any more: speech without an answer is lost, and said so."""
        self._pieces.give_up()
        self._release()

    async def _serve_while_wanted(self) -> None:
        if self._finder.searching:
            self._enter(ListenState.CONNECTING, self._finder.question)
            await self._finder.decided.wait()
        while not self._finishing:
            self._changed.clear()
            if self._want_stream and not self._refused:
                await self._stream()
            else:
                if not self._refused:
                    self._enter(ListenState.PRERECORDED, "as set")
                self._pieces.cut()  # a talker who sends nothing now brings no frame that would do it
                await self._changed.wait()

    async def _stream(self) -> None:
        """One attempt at a stream, and its life."""
        permit = self._breaker.acquire(time.monotonic())
        if isinstance(permit, Wait):
            if not permit.careful:
                self._fall_back(None)
            spread = self._rng.uniform(0.0, SPREAD) if permit.careful else 0.0
            await self._pause_until(permit.at + spread)
            return
        if not self._fallen_back and not self._failures:
            self._enter(ListenState.CONNECTING, "")
        self.stats.handshakes += 1
        self._observer.connecting()
        language = self._languages.now
        trial = Trial(self._live, language, permit, self._breaker, self._precedents)
        try:
            stream = await trial.connect()
            if self._finishing or not self._want_stream or language != self._languages.now:
                stream.abort()
                return
            await self._serve(stream, trial)
        except ProviderError as error:
            error.__traceback__ = None  # it has frames that have it, and all of the leg
            await self._failed(error)
        finally:
            trial.abandoned()

    async def _serve(self, stream: LiveStream, trial: Trial) -> None:
        """A stream is open: feed it until it ends. Raises `ProviderError` if it broke."""
        self._backoff.opened(time.monotonic())
        self.stats.connections_total += 1
        self.stats.connections_active += 1
        self._observer.connected()
        stint = self._stint = Stint(
            stream,
            trial,
            start=self._start,
            again=self.stats.connections_total > 1,
            audio=self._audio,
            speech=self._speech,
            timeline=self._timeline,
            pieces=self._pieces,
            rules=self._rules,
            cadence=self._cadence,
            finalizing=self._finalizing,
            on_event=self._event,
            on_sent=self._sent,
            on_passed_over=self._unanswered,
            on_answer=self._serves,
            on_proved=self._serves,
        )
        self._no_stint.clear()
        if stint.replayed is not None:
            self._replayed(*stint.replayed)
        if not self._fallen_back:
            self._enter(ListenState.STREAMING, "")
        failure = None
        try:
            await stint.run()
        except ProviderError as error:
            failure = trial.over(error)
        finally:
            self.stats.connections_active -= 1
            self._stint = None
            self._handover.forget()
            self._no_stint.set()
        self._observer.disconnected(failure)
        if failure is None:
            stint.done()
            self._release()
            return
        self.stats.failovers += 1
        stint.broken()
        self._release()
        raise failure

    def _serves(self) -> None:
        """The stream does what it is there for."""
        self._failures = 0
        self._fallen_back = False
        self._enter(ListenState.STREAMING, "")

    async def _failed(self, error: ProviderError) -> None:
        """A connection could not be made or broke: fall back unless one quick retry may help, and
        wait for the next turn."""
        self.stats.errors += 1
        self._observer.failed(error)
        self._failures += 1
        self._refused = error.kind is Kind.REFUSED
        if self._failures > 1 or error.kind is not Kind.TRANSIENT:
            self._fall_back(error)
        else:
            self._enter(ListenState.RECOVERING, str(error))
        if not self._refused and not self._finishing:
            await self._pause_until(self._backoff.lost(time.monotonic()))

    def _replayed(self, samples: int, by: str, reason: str = "") -> None:
        self.stats.replayed_ms += samples * 1000 / RATE
        self._observer.replayed(samples / RATE, by, reason)

    def _event(self, span: Span, event: StreamEvent) -> None:
        match event:
            case Result(final=True):
                self._final(span, event)
            case Result():
                if event.text:
                    self._shown = event.end
                self._observer.interim(event)
            case UtteranceEnd():
                self._timeline.utterance_end(span, event)
                self._release()

    def _final(self, span: Span, result: Result) -> None:
        """A stream's final: what it passes over is recognised again, elsewhere.

        Raises:
            ProviderError: its time contradicts what the stream said before; the stream must go.
        """
        # An empty final is an answer, unless its own interims had words.
        silent = not result.text and span.settled < self._shown <= result.end
        self._passed_over(span, result.end if silent else result.start)
        if not self._timeline.result(span, result):
            raise ProviderError(
                "a result says other words of audio that was answered before",
                provider="listen",
                kind=Kind.TRANSIENT,
            )
        self._release()

    def _unanswered(self, span: Span, end: int) -> None:
        """Finalize had no answer in time, or speech no final."""
        ago = (self._speech.head - end) / RATE
        reason = f"no final for what was said {ago:.1f} s ago and before"
        self._piece_failed(ProviderError(reason, provider="listen", kind=Kind.TRANSIENT))
        self._passed_over(span, end)

    def _passed_over(self, span: Span, end: int) -> None:
        """A stream has no word for what lies below `end`: if somebody speaks there, another one
        is asked."""
        if span.end is not None:
            end = min(end, span.end)
        if not span.done and self._speech.spoken(span.settled, end) >= WORTH_AN_ANSWER:
            self._replayed(end - span.settled, "prerecorded", "the stream passed over speech")
            self._pieces.start(self._timeline.hole(span, end))
            self._release()

    def _release(self) -> None:
        for item in self._timeline.released():
            if isinstance(item, Lost):
                self.stats.lost_ms += (item.end - item.start) * 1000 / RATE
            elif isinstance(item, Result):
                self._finder.final(item)
            self._observer.item(item)

    def _sent(self, size: int, ready: int | None) -> None:
        self.stats.bytes_sent += size
        self.stats.frames_sent = self.stats.bytes_sent // (2 * FRAME)
        self._observer.sent(ready, self.stats.frames_sent)

    def _fall_back(self, error: ProviderError | None) -> None:
        if not self._fallen_back:
            self._fallen_back = True
            self._observer.fell_back(error)
        self._enter(ListenState.PRERECORDED, str(error or self._breaker.reason))
        self._pieces.cut()

    def _piece_failed(self, error: ProviderError) -> None:
        self.stats.errors += 1
        self._observer.failed(error)

    def _enter(self, state: ListenState, reason: str) -> None:
        if state is not self.state:
            self.state, self.reason = state, reason
            self._observer.state(state, reason)

    async def _pause_until(self, at: float) -> None:
        """Wait, unless the mode is changed or the call ends meanwhile."""
        await set_within(self._changed, at - time.monotonic())
