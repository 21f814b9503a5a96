"""One direction of a call: listen → recognise → translate → speak, in order of speech.

Theory of operation
    `listener` yields final results in order; `transcript` makes segments of them; each segment is
    translated (a few at a time, since providers answer at their own pace) and spoken strictly one
    after another into the other leg's ear. What cannot be translated is shown as untranslated and
    not spoken; what cannot be spoken is shown as unspoken. Nothing waits without a bound, and
    nothing is dropped without being said.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import structlog

from translink.errors import ProviderError
from translink.events import RATE, Result, Segment, Translation, UtteranceEnd
from translink.listener import Listener, ListenObserver, ListenRules, Mode
from translink.timeline import Item, Lost
from translink.transcript import CommitPolicy, Transcript

if TYPE_CHECKING:
    from collections.abc import Sequence

    from translink._core import Frame, Playout
    from translink.failover import Breaker
    from translink.journal import Journal, Scalar, Value
    from translink.providers import LiveTranscriber
    from translink.stages import Stages

log = structlog.get_logger("translink")

SEGMENTS = 256
"""Segments that may wait for translation: some ten minutes of speech. A further one is reported as
untranslated."""
AHEAD = 4
"""Translations under way at once in one direction."""
FRAME_BYTES = 640
CONTEXT = 3
"""Segments before the present one that the translator is shown."""

_utterances = itertools.count(1)


class Ear(Protocol):
    """Where translated speech goes: one leg's playout queue (`media.MediaLeg`)."""

    def play(self, utterance: int, pcm: bytes, last: bool = False) -> int:
        """Queue; returns the bytes accepted."""

    def flush(self) -> None:
        """Drop what waits."""


class Microphone(Protocol):
    """Where a talker's audio comes from."""

    def history(self, start: int, end: int) -> tuple[int, bytes]:
        """The ledger."""


@dataclass(frozen=True, slots=True)
class Services:
    """The providers, as the interpreter sees them: who is asked next when one fails is settled
    behind these."""

    live: LiveTranscriber
    breaker: Breaker
    transcribe: Callable[[bytes, str], Awaitable[Result]]
    translate: Callable[[str, str, str, str], Awaitable[Translation]]
    """(text, source, target, context)."""
    speak: Callable[[str, str, str | None], AsyncIterator[bytes]]
    """(text, language, voice)."""


@dataclass(frozen=True, slots=True)
class Direction:
    """Who speaks to whom."""

    call: str
    leg: str
    """The talker's."""
    ear: str
    """The listener's leg."""
    source: str
    target: str
    voice: str | None = None
    ledger_seconds: float = 60.0


@dataclass(slots=True)
class Tally:
    """What was done in one direction of one call."""

    words: int = 0
    segments: int = 0
    translated: int = 0
    untranslated: int = 0
    spoken: int = 0
    unspoken: int = 0
    characters: int = 0
    """Sent to translation."""


@dataclass(slots=True)
class _Utterance:
    """A segment on its way to the ear; times are monotonic seconds, 0 = not yet."""

    number: int
    segment: Segment
    committed: float
    """When the commit policy let the segment go."""
    idle: bool = True
    """Nothing else was being said when its turn came."""
    took: float = 0.0
    speak: float = 0.0
    first_audio: float = 0.0


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
        policy: CommitPolicy | None = None,
    ) -> None:
        """`start` = first sample of the call on the talker's leg; `stages` = where times are
        counted (process, call)."""
        self.direction = direction
        self.tally = Tally()
        self._ear = ear
        self._services = services
        self._journal = journal
        self._all_stages = stages
        self._transcript = Transcript(policy)
        self._listener = Listener(
            start,
            language=direction.source,
            audio=microphone,
            live=services.live,
            breaker=services.breaker,
            transcribe=services.transcribe,
            observer=self,
            streaming=streaming,
            rules=rules,
            ledger_seconds=direction.ledger_seconds,
        )
        self._segments: asyncio.Queue[_Utterance | None] = asyncio.Queue(SEGMENTS)
        self._translations: asyncio.Queue[tuple[_Utterance, asyncio.Task[Translation]] | None] = (
            asyncio.Queue(AHEAD)
        )
        self._saying: dict[int, _Utterance] = {}
        self._silent = asyncio.Event()
        self._silent.set()
        self._said: list[str] = []
        self._told_sent = 0
        self._tick = asyncio.Event()
        self._log = log.bind(call=direction.call, leg=direction.leg)

    @property
    def listener(self) -> Listener:
        """The recognition side: mode, counters."""
        return self._listener

    def frames(self, frames: Sequence[Frame]) -> None:
        """New audio from the talker."""
        self._listener.frames(frames)

    async def run(self) -> None:
        """Serve until `finish` has drained everything."""
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(self._listener.run(), name="listen")
            ticking = group.create_task(self._ticks(), name="ticks")
            group.create_task(self._translate(group), name="translate")
            await self._speak()
            listening.cancel()
            ticking.cancel()

    async def finish(self, within: float) -> None:
        """The call is over: have the rest recognised, translated and said. Bounded by about
        `within` seconds."""
        deadline = time.monotonic() + within
        await self._listener.finish(within)
        self._transcript.flush(time.monotonic())
        self._commit()
        try:
            async with asyncio.timeout(max(0.1, deadline - time.monotonic())):
                await self._segments.put(None)
                await self._silent.wait()
        except TimeoutError:
            self._log.warning("the call ended before everything was said", left=len(self._saying))

    def playout(self, event: Playout) -> None:
        """A step in the life of an utterance in the ear."""
        utterance = self._saying.get(event.utterance)
        if utterance is None:
            return
        if event.kind == "started":
            self._started(utterance, event.at / 1e9)
            return
        self._over(utterance)
        if event.kind == "finished":
            self.tally.spoken += 1
        else:
            self.tally.unspoken += 1
        self._emit(
            "speech",
            state=event.kind,
            segment=utterance.segment.number,
            unplayed_ms=event.unplayed / 32,
        )

    # --- What the listener tells ---

    def item(self, item: Item) -> None:
        now = time.monotonic()
        match item:
            case Result():
                self._final(item)
                self._transcript.result(item, now)
            case UtteranceEnd():
                self._transcript.utterance_end(item, now)
            case Lost():
                lost = (item.end - item.start) * 1000 / RATE
                self._listener.stats.lost_ms += lost
                self._log.error("speech lost: no provider came back in time", ms=round(lost))
                self._emit("loss", ms=lost, start=item.start, end=item.end)
        self._commit()

    def interim(self, result: Result) -> None:
        self._transcript.result(result, time.monotonic())
        if result.text:
            self._log.info(
                f'[WEBSOCKET] INTERIM transcript ({self.direction.leg}): "{result.text}"'
            )
            self._emit("interim", text=self._transcript.interim)
        self._commit()

    def mode(self, mode: Mode, reason: str) -> None:
        self._emit("mode", mode=mode.value, reason=reason)

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
            self._log.warning(f"[WEBSOCKET] Connection lost for extension {leg}", reason=str(error))
            self._emit("connection", state="failed", reason=str(error), kind=error.kind.value)

    def fell_back(self, error: ProviderError | None) -> None:
        leg = self.direction.leg
        reason = str(error) if error else "the stream's breaker is open"
        self._log.warning(
            f"[STREAMING-{leg}] Connection failed, falling back to prerecorded", reason=reason
        )
        self._emit("failover", to="prerecorded", reason=reason)

    def replayed(self, seconds: float, by: str) -> None:
        self._log.info("audio is recognised again after a failure", ms=round(seconds * 1000), by=by)
        self._emit("replay", ms=seconds * 1000, by=by)

    def sent(self, frame: Frame | None, total: int) -> None:
        if frame is not None:
            self._record("ring_to_wire", time.monotonic() - frame.ready / 1e9)
        if total - self._told_sent >= 100:
            self._told_sent = told = total // 100 * 100
            size = told * FRAME_BYTES
            self._log.info(f"[STREAMING-{self.direction.leg}] Sent {told} frames ({size} bytes)")

    def failed(self, error: ProviderError) -> None:
        self._log.warning("recognition failed", reason=str(error), kind=error.kind.value)

    # --- Results to segments ---

    def _final(self, result: Result) -> None:
        if not result.text:
            return
        self.tally.words += len(result.words) or len(result.text.split())
        leg = self.direction.leg
        if result.source == "deepgram.prerecorded":
            self._log.info(f'[PRERECORDED] FINAL transcript ({leg}): "{result.text}"')
        else:
            self._log.info(f'[WEBSOCKET] FINAL transcript ({leg}): "{result.text}"')
        if captured := self._listener.speech.captured(result.end):
            self._record("speech_to_final", result.received - captured)
        self._emit("final", text=result.text, start=result.start, end=result.end, by=result.source)

    def _commit(self) -> None:
        for segment in self._transcript.segments():
            captured = self._listener.speech.captured(segment.end)
            segment = replace(segment, captured=captured)
            utterance = _Utterance(next(_utterances), segment, time.monotonic())
            self.tally.segments += 1
            self._emit("segment", segment=segment.number, text=segment.text)
            try:
                self._segments.put_nowait(utterance)
            except asyncio.QueueFull:
                self._untranslated(segment, f"{SEGMENTS} segments are waiting already")
            else:
                self._saying[utterance.number] = utterance
                self._silent.clear()
        self._tick.set()

    async def _ticks(self) -> None:
        """Call the transcript when its own deadline comes."""
        while True:
            self._tick.clear()
            deadline = self._transcript.deadline
            timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                async with asyncio.timeout(timeout):
                    await self._tick.wait()
            except TimeoutError:
                self._transcript.tick(time.monotonic())
                self._commit()

    # --- Segments to speech ---

    async def _translate(self, group: asyncio.TaskGroup) -> None:
        while (utterance := await self._segments.get()) is not None:
            context = " ".join(self._said)
            self._said = [*self._said, utterance.segment.text][-CONTEXT:]
            task = group.create_task(self._ask(utterance, context))
            await self._translations.put((utterance, task))
        await self._translations.put(None)

    async def _ask(self, utterance: _Utterance, context: str) -> Translation:
        text, way = utterance.segment.text, self.direction
        self._record("commit_wait", utterance.committed - utterance.segment.born)
        self._record("commit_to_request", time.monotonic() - utterance.committed)
        if _same_language(way.source, way.target):
            return Translation(text, "none", 0.0)
        self.tally.characters += len(text)
        try:
            translation = await self._services.translate(text, way.source, way.target, context)
        except ProviderError as error:
            # Not raised out of the task: one failed segment must not end the direction.
            return Translation("", str(error), -1.0)
        self._record("translate", translation.took)
        return translation

    async def _speak(self) -> None:
        while (item := await self._translations.get()) is not None:
            utterance, task = item
            translation = await task
            if translation.took < 0:
                self._over(utterance)
                self._untranslated(utterance.segment, translation.provider)
                continue
            utterance.took = translation.took
            self.tally.translated += 1
            self._emit(
                "translation",
                segment=utterance.segment.number,
                source=utterance.segment.text,
                text=translation.text,
                by=translation.provider,
                ms=translation.took * 1000,
            )
            await self._say(utterance, translation.text)

    async def _say(self, utterance: _Utterance, text: str) -> None:
        """Have one translation spoken. Returns when all its audio is queued."""
        utterance.idle = min(self._saying) == utterance.number
        utterance.speak = time.monotonic()
        way = self.direction
        try:
            async with aclosing(
                _closable(self._services.speak(text, way.target, way.voice))
            ) as audio:
                async for pcm in audio:
                    if not utterance.first_audio:
                        utterance.first_audio = time.monotonic()
                        self._record("request_to_audio", utterance.first_audio - utterance.speak)
                    await self._play(utterance, pcm)
        except ProviderError as error:
            self._log.warning("speech failed", reason=str(error), text=text)
            self._emit(
                "speech", state="failed", segment=utterance.segment.number, reason=str(error)
            )
        if utterance.first_audio:
            self._ear.play(utterance.number, b"", last=True)
        else:
            self.tally.unspoken += 1
            self._over(utterance)

    async def _play(self, utterance: _Utterance, pcm: bytes) -> None:
        """Queue audio; when the ear's queue (60 s) is full, wait: the talker is simply that far
        ahead."""
        while pcm:
            accepted = self._ear.play(utterance.number, pcm)
            pcm = pcm[accepted:]
            if pcm:
                await asyncio.sleep(0.1)

    def _started(self, utterance: _Utterance, at: float) -> None:
        segment = utterance.segment
        own = at - utterance.committed - utterance.took - (utterance.first_audio - utterance.speak)
        ms: dict[str, Scalar] = {"own": own * 1000}
        if utterance.idle:
            self._record("audio_to_sent", at - utterance.first_audio)
        self._record("own" if utterance.idle else "queued", own)
        if segment.captured:
            self._record("mouth_to_ear", at - segment.captured)
            ms["mouth_to_ear"] = (at - segment.captured) * 1000
        if first := self._listener.speech.captured(segment.start):
            self._record("ear_voice_span", at - first)
        self._emit("speech", state="started", segment=segment.number, ms=ms)

    def _over(self, utterance: _Utterance) -> None:
        """Nothing more will be heard of it."""
        self._saying.pop(utterance.number, None)
        if not self._saying:
            self._silent.set()

    def _untranslated(self, segment: Segment, reason: str) -> None:
        self.tally.untranslated += 1
        self._log.error("not translated, and so not spoken", text=segment.text, reason=reason)
        self._emit("untranslated", segment=segment.number, text=segment.text, reason=reason)

    def _record(self, stage: str, seconds: float) -> None:
        for stages in self._all_stages:
            stages.record(stage, seconds)

    def _emit(self, type_: str, **data: Value) -> None:
        self._journal.emit(type_, data, call=self.direction.call, leg=self.direction.leg)


def _same_language(source: str, target: str) -> bool:
    return source.split("-")[0].lower() == target.split("-")[0].lower()


async def _closable(audio: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Close the inner iterator with the outer one, so that leaving early cancels the request."""
    try:
        async for piece in audio:
            yield piece
    finally:
        if close := getattr(audio, "aclose", None):
            await close()
