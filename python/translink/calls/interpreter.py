"""One direction of a call: listen → recognise → translate → speak, in order of speech.

Theory of operation
    `listener` yields final results in order; `segments` makes segments of them; `speaker` has each
    segment translated and spoken into the other leg's ear. What cannot be translated is shown as
    untranslated and not spoken; what cannot be spoken is shown as unspoken; audio that nobody
    recognised in time is shown as lost. Nothing waits without a bound, and nothing is dropped
    without being said. What goes wrong outside is dealt with below; a bug ends this direction.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from translink.calls.certainty import Certainty
from translink.calls.direction import Direction, DirectionBooks
from translink.calls.echo import EchoedWords
from translink.calls.hearing import Hearing
from translink.calls.lag import Lag
from translink.calls.segments import Segmenter
from translink.calls.speaker import Ear, Speaker
from translink.errors import ProviderError
from translink.observe.stages import Histogram
from translink.process.clock import unix
from translink.process.pressure import Level
from translink.process.waiting import forget
from translink.process.weakly import weakly
from translink.providers.expecting import Expecting, TermsState
from translink.recognition.listener import Listener
from translink.recognition.rules import ListenObserver, ListenRules, ListenState
from translink.recognition.timeline import Item, Lost
from translink.results import FRAME, RATE, Result, UtteranceEnd
from translink.text.sentences import without_gaps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from translink._core import Frame, Playout
    from translink.observe.journal import Journal
    from translink.observe.record import Tally
    from translink.observe.stages import Stages
    from translink.providers.services import Services
    from translink.recognition.finder import How
    from translink.settings.speech import SegmentSettings

RECOGNISING = 0.7
"""Share of the time for finishing that recognition may take; the rest is for saying it."""


class Microphone(Protocol):
    """Where a talker's audio comes from."""

    def history(self, start: int, end: int) -> tuple[int, bytes]:
        """Audio of the leg's ledger, as `MediaLeg.history`."""


class Interpreter(ListenObserver):
    """One direction. `run` serves until `finish`."""

    def __init__(
        self,
        direction: Direction,
        start: int,
        *,
        microphone: Microphone,
        ear: Ear,
        services: Services,
        journal: Journal,
        stages: Sequence[Stages],
        streaming: bool,
        rules: ListenRules | None = None,
        segment: SegmentSettings | None = None,
        after: Sequence[asyncio.Event] = (),
        lag: Lag | None = None,
        own_hearing: Hearing | None = None,
    ) -> None:
        """`start` = first sample of the call on the talker's leg; `stages` = where times are
        counted (process, call); nothing is spoken before the events of `after`; `lag` is the
        hearer's, `own_hearing` the talker's."""
        self.direction = direction
        self._books = DirectionBooks(direction, journal, stages)
        self._pressure = services.pressure
        self._segmenter = Segmenter(segment, language=direction.language)
        self._expecting = Expecting(
            services.live,
            services.transcribe,
            services.transcribe_expecting,
            direction.keyterm,
            renew=weakly(self._renew, None),
            report=weakly(self._report_terms, None),
        )
        self._listener = Listener(
            start,
            language=direction.language,
            audio=microphone,
            live=self._expecting,
            breaker=services.breaker,
            transcribe=self._expecting.transcribe,
            observer=self,
            streaming=streaming,
            rules=rules,
            precedents=services.precedents,
            cadence=services.cadence,
            ledger_seconds=direction.ledger_seconds,
            candidates=direction.candidates,
            detect=services.detect,
        )
        self.on_language: Callable[[str], None] = lambda _: None
        """Called with what the talker speaks, when that is found out."""
        self.lag = lag or Lag(Hearing())
        """Of the ear."""
        self.certainty = Certainty()
        """Of the talker's words."""
        self._speaker = Speaker(
            direction,
            ear=ear,
            services=services,
            books=self._books,
            after=after,
            lag=self.lag,
            ahead=segment.ahead if segment else 0.0,
        )
        self._echo = EchoedWords(own_hearing or Hearing(), self._listener.speech)
        self._log = self._books.log
        self._emit = self._books.emit
        self._ring_to_wire = [each["ring_to_wire"] for each in stages]
        self._language = direction.language
        """Of the finals that came so far."""
        self._newest = direction.language
        """Of the newest result, an interim perhaps."""
        self._sent = self._logged_sent = 0
        self._tick = asyncio.Event()
        self._looks_at: float | None = None
        """When `_ticks` looks next, if nobody wakes it."""

    @property
    def listener(self) -> Listener:
        """The recognition side: mode, counters."""
        return self._listener

    @property
    def tally(self) -> Tally:
        """What was done so far."""
        return self._books.tally

    @property
    def language(self) -> str:
        """What the talker speaks, or will from the next pause on."""
        return self._listener.language

    @property
    def waiting(self) -> int:
        """Segments that were not said to the end yet."""
        return self._speaker.waiting

    def set_language(self, language: str) -> None:
        """The talker speaks another language from the next pause on."""
        self._listener.set_language(language)

    def expect(self, terms: tuple[str, ...]) -> None:
        """What the talker is likely to say from now on."""
        self._expecting.expect(terms)

    def set_target(self, language: str | None, voice: str | None = None) -> None:
        """The hearer hears another language (None: the same) from the next segment on, in this voice."""
        self._speaker.set_target(language, voice)

    def frames(self, frames: Sequence[Frame]) -> int:
        """New audio from the talker. Returns as `Listener.frames`."""
        self._echo.frames(frames)
        return self._listener.frames(frames)

    def playout(self, event: Playout) -> None:
        """A step in the life of an utterance in the ear."""
        self._speaker.playout(event)

    async def run(self) -> None:
        """Serve until `finish` has drained everything.

        Raises:
            ExceptionGroup: a bug, here or in a provider. Nothing goes on then.
        """
        try:
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(self._listener.run(), name="listen")
                ticking = group.create_task(self._ticks(), name="ticks")
                await self._speaker.run()
                listening.cancel()
                ticking.cancel()
            forget(listening)
        finally:
            self._listener.close()

    async def finish(self, within: float) -> None:
        """The call is over: have the rest recognised, translated and said. Bounded by about
        `within` seconds; what is left then is reported."""
        deadline = time.monotonic() + within
        await self._listener.finish(within * RECOGNISING)
        self._segmenter.flush(time.monotonic())
        self._commit()
        await self._speaker.finish(max(0.1, deadline - time.monotonic()))

    # --- What the listener reports ---

    def item(self, item: Item) -> None:
        now = time.monotonic()
        match item:
            case Result():
                item = self._without_echo(item)
                self._flush_other_language(item)
                self._final(item)
                self._segmenter.result(item, now)
            case UtteranceEnd():
                self._segmenter.utterance_end(item, now)
            case Lost():
                lost = (item.end - item.start) * 1000 / RATE
                self._log.error("speech lost: no provider came back in time", ms=round(lost))
                self._emit(
                    "loss",
                    ms=lost,
                    start=item.start,
                    end=item.end,
                    began=unix(self._said_at(item.start + 1, now)),
                    ended=unix(self._said_at(item.end, now)),
                )
        self._commit()

    def _said_at(self, sample: int, now: float) -> float:
        """When the sound that ends at `sample` came, also where that is known no more: a loss may be older than the
        ledger (monotonic seconds)."""
        speech = self._listener.speech
        return speech.captured(sample) or now - (speech.head - sample) / RATE

    def interim(self, result: Result) -> None:
        self._newest = self._listener.language_at(result.start)
        self._segmenter.result(result, time.monotonic())
        if result.text and not self._shed():
            text = without_gaps(result.text)
            self._log.info(f'[WEBSOCKET] INTERIM transcript ({self.direction.leg}): "{text}"')
            self._emit("interim", text=self._segmenter.interim)
        self._commit()

    def _shed(self) -> bool:
        """Captions of unfinished speech are the first thing to be given up."""
        if self._pressure.level is Level.CALM:
            return False
        self._pressure.give_up("interims")
        return True

    def state(self, state: ListenState, reason: str) -> None:
        self._emit("mode", mode=state.value, reason=reason)

    # "Deepgram" for any recogniser and "extension" for a leg stand in these lines word for word as the
    # Node.js server wrote them: operators search for them (docs/migration.md).

    def connecting(self) -> None:
        leg = self.direction.leg
        self._log.info(f"[WEBSOCKET] Creating Deepgram streaming connection for extension {leg}")

    def connected(self) -> None:
        self._log.info(f"[WEBSOCKET] ✓ Connection opened for extension {self.direction.leg}")
        self._emit("connection", state="opened")

    def disconnected(self, error: ProviderError | None) -> None:
        leg = self.direction.leg
        if error is None:
            self._log.info(f"[WEBSOCKET] Connection closed for extension {leg}")
            self._emit("connection", state="closed")
        else:
            lost = f"[WEBSOCKET] Connection lost for extension {leg}"
            self._log.warning(lost, reason=str(error), **error.log_fields)
            self._emit("connection", state="failed", reason=str(error), kind=error.kind.value)

    def fell_back(self, error: ProviderError | None) -> None:
        leg = self.direction.leg
        reason = str(error) if error else "the stream's breaker is open"
        self._log.warning(
            f"[STREAMING-{leg}] Connection failed, falling back to prerecorded", reason=reason
        )
        self._emit("failover", to="prerecorded", reason=reason)

    def replayed(self, seconds: float, by: str, reason: str) -> None:
        self._log.info(
            "audio is recognised again", ms=round(seconds * 1000), by=by, reason=reason or "failure"
        )
        self._emit("replay", ms=seconds * 1000, by=by, reason=reason)

    def sent(self, ready: int | None, total: int) -> None:
        if ready is not None:
            took = time.monotonic() - ready / 1e9
            Histogram.observe_in(self._ring_to_wire, took)
            if self._pressure.frames_per_message > 1:
                self._pressure.give_up("messages", total - self._sent - 1)
        self._sent = total
        if total - self._logged_sent >= 100:
            self._logged_sent = sent = total // 100 * 100
            size = sent * 2 * FRAME
            self._log.info(f"[STREAMING-{self.direction.leg}] Sent {sent} frames ({size} bytes)")

    def _renew(self) -> None:
        self._listener.renew()

    def _report_terms(self, state: TermsState, reason: str) -> None:
        say = self._log.info if state == "applied" else self._log.warning
        say(f"key terms {state}", reason=reason)
        self._emit("keyterm", state=state, reason=reason)

    def failed(self, error: ProviderError) -> None:
        kind = error.kind.value
        self._log.warning("recognition failed", reason=str(error), kind=kind, **error.log_fields)

    def spoken_here(self, language: str, how: How, why: str) -> None:
        say = self._log.warning if how == "assumed" else self._log.info
        say(f"language {how}", language=language, reason=why)
        self._emit("language", language=language, how=how, reason=why)
        self.on_language(language)

    # --- Results to segments ---

    def _without_echo(self, final: Result) -> Result:
        """What of a final the talker said themselves."""
        own, echo = self._echo.split(final)
        if echo:
            self.tally.echoed += 1
            self._log.info("an echo is not translated", text=echo)
            self._emit("echo", text=echo, start=final.start, end=final.end)
        return own

    def _flush_other_language(self, result: Result) -> None:
        """No segment holds two languages."""
        self._newest = language = self._listener.language_at(result.start)
        if language != self._language:
            self._segmenter.flush(time.monotonic())
            self._commit()
            self._language = self._segmenter.language = language

    def _final(self, result: Result) -> None:
        if not result.text:
            return
        self.tally.words += len(result.words) or len(result.text.split())
        self.certainty.words(result.words)
        leg, text = self.direction.leg, without_gaps(result.text)
        if result.provider.endswith(".prerecorded"):
            self._log.info(f'[PRERECORDED] FINAL transcript ({leg}): "{text}"')
        else:
            self._log.info(f'[WEBSOCKET] FINAL transcript ({leg}): "{text}"')
        self._emit("final", text=text, start=result.start, end=result.end, by=result.provider)

    def _commit(self) -> None:
        captured = self._listener.speech.captured
        for segment in self._segmenter.segments():
            segment = replace(segment, captured=captured(segment.end), language=self._language)
            began = captured(segment.start + 1)
            if segment.captured:
                self._books.time("speech_to_final", segment.born - segment.captured)
            self.tally.segments += 1
            self._emit(
                "segment",
                segment=segment.number,
                text=segment.text,
                language=segment.language,
                began=unix(began or segment.born),
                ended=unix(segment.captured or segment.born),
            )
            if self.lag.hearing.heard_itself(began, segment.captured):
                self.tally.through += 1
                self._emit("speech", state="through", segment=segment.number)
            else:
                self._speaker.add(segment, began)
        if self._speaker.foresees:
            same = self._newest == self._language
            self._speaker.expect(self._segmenter.foreseen() if same else (), self._language)
        deadline = self._segmenter.deadline
        if deadline is not None and (self._looks_at is None or deadline < self._looks_at):
            # One that is later, or gone, is found when the old one comes: to wake costs more.
            self._tick.set()

    async def _ticks(self) -> None:
        """Call the segmenter when its own deadline comes."""
        while True:
            self._tick.clear()
            self._looks_at = deadline = self._segmenter.deadline
            timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                async with asyncio.timeout(timeout):
                    await self._tick.wait()
            except TimeoutError:
                self._segmenter.tick(time.monotonic())
                self._commit()
