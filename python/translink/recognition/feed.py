"""One live connection of one leg: audio goes out in order and at a bounded pace, silence from the
other side is noticed.

Theory of operation
    Audio is pulled from the ledger by sample number, not pushed frame by frame: what came while the
    socket was connecting, or while a frame was dropped on its way through the mailbox, is simply
    still to be sent. A task does that, in larger messages and no faster than `pace` allows.

    At the head the task is *parked*, and `frames` sends by itself, without a task's wake, a timer
    or a future: that is nearly every frame of a call, and a third of what it cost otherwise. When
    the transport does not take more at once, or anything else is unusual, it rouses the task.

    At the head all frames of one call of `frames` leave as one message: one as a rule, several when
    this machine was late, or when `media` hands over several at a time, under pressure or of silence for
    which nobody waits.

    A connection is dead when it breaks, when a send blocks for `blocked` seconds, or when speech
    was sent and nothing *new* was said of it for `patience` seconds (a half-open TCP connection
    looks just like a silent caller, and can swallow minutes of audio). Messages that tell nothing
    new do not count; a recogniser that answers slowly is given more time (`Cadence`). One that never
    makes anything final is dead, too (`finalizing`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from translink.errors import Kind, ProviderError
from translink.providers.cadence import Cadence
from translink.providers.pace import PACE, Pace
from translink.recognition.finalizing import (
    WORTH_AN_ANSWER,
    AskFinal,
    Finalizing,
    GiveUp,
    PassOver,
)
from translink.recognition.lull import Lull, LullRules
from translink.results import (
    FRAME,
    RATE,
    SILENT_FRAME,
    Result,
    SpeechStarted,
    StillHeard,
    StreamEvent,
    UtteranceEnd,
    shifted,
)

if TYPE_CHECKING:
    from translink._core import Frame
    from translink.providers.protocols import LiveStream
    from translink.recognition.speech_map import SpeechMap

BACKLOG_MESSAGE = 5 * FRAME
"""Samples per message while there is a backlog (100 ms: Deepgram's advice for message size)."""
MESSAGE_FRAMES = 12
"""Frames per message at the head (Deepgram advises 250 ms at most); more of them are a backlog."""
FINAL_BEYOND = RATE // 2
"""Samples by which a final may reach beyond the audio that was sent (a server that pads its last
window): it is cut off there. Further off, its times mean nothing."""

PATIENCE_WITH_INTERIMS = 2.5
"""Interims come about once a second (observed), so this is more than two of them missing."""
PATIENCE_WITHOUT = 8.0
"""Finals alone come every 4 s (observed); two of them missing."""
STOOD_STILL = 0.5
"""Seconds by which a look comes late when this process, or its machine, stood still."""


class Audio(Protocol):
    """The ledger, as seen from here."""

    def history(self, start: int, end: int) -> tuple[int, bytes]:
        """(first sample still there, bytes) of [start, end)."""


@dataclass(frozen=True, slots=True)
class FeedLimits:
    """When a connection counts as dead."""

    patience: float = PATIENCE_WITH_INTERIMS
    """Least number of seconds without anything new while speech waits for its result."""
    blocked: float = 0.5
    lull: LullRules = field(default_factory=LullRules)


class Feed:
    """Sends one leg's audio from `origin` on into `stream` and hands over what comes back, in
    absolute samples."""

    def __init__(
        self,
        stream: LiveStream,
        origin: int,
        *,
        audio: Audio,
        speech: SpeechMap,
        limits: FeedLimits,
        cadence: Cadence,
        finalizing: Finalizing,
        on_event: Callable[[StreamEvent], None],
        on_sent: Callable[[int, int | None], None],
        on_passed_over: Callable[[int], None],
    ) -> None:
        """`on_sent(bytes, ready)`: a message was handed to the transport; `ready` = when its oldest
        frame that somebody waits for was put into the mailbox (ns), None when there is none, or it was
        read from the ledger.
        `on_passed_over(sample)`: what has no answer below it must be recognised elsewhere."""
        self._stream = stream
        self._origin = origin
        self._audio = audio
        self._speech = speech
        self._limits = limits
        self._cadence = cadence
        self._on_event = on_event
        self._on_sent = on_sent
        self.cursor = origin
        """First sample not sent yet."""
        self.limit: int | None = None
        """Nothing from this sample on is sent; the stream is closed when it is reached."""
        self._answered = origin
        """Everything sent below this sample has been answered: by a final, or by an interim that
        heard nothing."""
        self._reached = origin
        """Where the newest result ended."""
        self.heard = False
        """A result came back, if only of silence."""
        self._calm = False
        """Silence may have come late since."""
        self._inbox: deque[Frame] = deque(maxlen=64)
        self._wake = asyncio.Event()
        self._parked = False
        """The sending task waits for news; `frames` may send."""
        self._closing = False
        self._news = self._pending_since = time.monotonic()
        self._pace = Pace(self._news)
        self._lull = Lull(limits.lull)
        self._finalizing = finalizing
        finalizing.begin(origin)
        self._on_passed_over = on_passed_over
        self._pause = asyncio.Event()
        """The talker has paused: the watch looks at once."""

    def frames(self, frames: Sequence[Frame]) -> int:
        """New audio: sent at once where possible, unless it is silence for which nobody waits. What
        does not fit the small inbox is read from the ledger instead. Returns how many frames of silence may
        come together from now on; 0 = each at once."""
        calm = bool(frames) and not frames[-1].speech and self._is_calm()
        leaving = self._lull.pass_on(frames, calm=calm)
        held = bool(frames) and not leaving
        if not held and not (self._parked and self._sent_at_once(leaving, self._ready(frames))):
            self._inbox.extend(leaving)
            self._rouse()
        self._calm = calm
        if self._finalizing.frames(frames):
            self._pause.set()
        return self._lull.room if calm else 0

    def _ready(self, frames: Sequence[Frame]) -> int | None:
        """When the oldest of them that somebody waits for was put into the mailbox; None: nobody waits."""
        if self._calm:
            return next((frame.ready for frame in frames if frame.speech), None)
        return frames[0].ready if frames else None

    def _is_calm(self) -> bool:
        """A long silence up to the newest frame, with nothing open."""
        return (
            self._parked
            and self.limit is None
            and self._speech.quiet_for() > self._lull.after * RATE
            # What is held was calm, and nothing was said or sent since.
            and (self._lull.holds or not self.waits_for_answer)
        )

    def end_at(self, sample: int) -> None:
        """Send up to `sample`, then CloseStream; `run` returns when the rest has come back."""
        self.limit = sample
        self._rouse()

    def abort(self) -> None:
        """Drop the connection; `run` ends, by an error if there was more to say."""
        self._stream.abort()

    async def run(self) -> None:
        """Run until the stream has ended as asked by `end_at`.

        Raises:
            ProviderError: it ended in any other way. The connection is gone then.
        """
        tasks = [
            asyncio.create_task(self._read(), name="feed-read"),
            asyncio.create_task(self._send(), name="feed-send"),
            asyncio.create_task(self._watch(), name="feed-watch"),
        ]
        try:
            # The reader's end is the connection's end; the other two only ever end by an error or
            # by closing.
            await _first_error_or(tasks[0], tasks)
        except ProviderError as error:
            # What was noticed here has no name that the provider would know.
            error.request_id = error.request_id or _name_of(self._stream)
            self._stream.abort()
            raise
        except BaseException:
            self._stream.abort()
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        async for event in self._stream:
            self._on_event(self._placed(event))
        if not self._closing:
            raise ProviderError(
                "the server ended the stream unasked", provider="listen", kind=Kind.TRANSIENT
            )

    def _placed(self, event: StreamEvent) -> StreamEvent:
        """Stream time to the leg's time."""
        origin = self._origin
        match event:
            case Result():
                event = shifted(event, origin)
                if event.end > self.cursor and event.final:
                    event = self._within_what_was_sent(event)
                self._note(event)
                return self._finalizing.result(event)
            case UtteranceEnd(last_word_end=int(end)):
                return UtteranceEnd(end + origin, event.received)
            case SpeechStarted():
                return SpeechStarted(event.at + origin, event.received)
            case StillHeard():
                self._news = time.monotonic()
                return event
            case _:
                return event

    def _note(self, result: Result) -> None:
        """What is new in a result."""
        self.heard = True
        waited = self.waits_for_answer
        before = (self._answered, self._reached)
        self._reached = max(self._reached, result.end)
        if result.final or not result.text:
            self._answered = max(self._answered, min(result.end, self.cursor))
        if (self._answered, self._reached) != before:
            now = time.monotonic()
            if waited:
                self._cadence.answered(now - max(self._news, self._pending_since), now)
            self._news = now

    @property
    def waits_for_answer(self) -> bool:
        """Speech was sent and is not answered."""
        return self._speech.spoken(self._answered, self.cursor) >= WORTH_AN_ANSWER

    def _within_what_was_sent(self, final: Result) -> Result:
        """A result speaks only of audio that was sent on its connection.

        Raises:
            ProviderError: its times mean nothing. It is not counted; its audio is recognised again.
        """
        sent = self.cursor
        if final.end - sent > FINAL_BEYOND:
            raise ProviderError(
                f"a result reaches {(final.end - sent) / RATE:.1f} s beyond the audio sent",
                provider="listen",
                kind=Kind.TRANSIENT,
            )
        words = tuple(
            replace(word, start=min(word.start, sent - 1), end=min(word.end, sent))
            for word in final.words
        )
        return replace(final, start=min(final.start, sent), end=sent, words=words)

    # --- At the head: no task ---

    def _sent_at_once(self, frames: Sequence[Frame], ready: int | None) -> bool:
        """Send frames as one message; `ready` as in `on_sent`. False: it is the task's turn."""
        count = len(frames)
        if (
            not 0 < count <= MESSAGE_FRAMES
            or self.limit is not None
            or frames[0].start != self.cursor
            or frames[-1].start != self.cursor + (count - 1) * FRAME
            or self._pace.wait(time.monotonic())
        ):
            return False
        first = frames[0]
        pcm = _heard(first) if count == 1 else b"".join([_heard(frame) for frame in frames])
        if not self._stream.send_now(pcm):
            return False
        self._has_sent(pcm, ready)
        return True

    def _has_sent(self, pcm: bytes, ready: int | None) -> None:
        samples = len(pcm) // 2
        self.cursor += samples
        self._pace.spend(samples)
        self._on_sent(len(pcm), ready)

    # --- Behind it: a task ---

    def _rouse(self) -> None:
        self._parked = False
        self._wake.set()

    async def _park(self) -> None:
        """Wait for news; meanwhile `frames` sends."""
        self._wake.clear()
        self._parked = True
        try:
            await self._wake.wait()
        finally:
            self._parked = False

    async def _send(self) -> None:
        while True:
            if self.limit is not None and self.cursor >= self.limit:
                self._closing = True
                await self._stream.close()
                return
            end = self._speech.head if self.limit is None else min(self._speech.head, self.limit)
            if self.cursor >= end:
                await self._park()
            elif wait := self._pace.wait(time.monotonic()):
                await asyncio.sleep(wait + FRAME / (PACE * RATE))
            else:
                await self._send_next(end)

    async def _send_next(self, end: int) -> None:
        ready = None
        frame = self._next_frame(end)
        if frame is not None:
            pcm, ready = _heard(frame), frame.ready
        else:
            first, pcm = self._audio.history(self.cursor, min(end, self.cursor + BACKLOG_MESSAGE))
            if first > self.cursor and self._speech.speech_in(self.cursor, first) is None:
                pcm = bytes(2 * (min(first, end, self.cursor + BACKLOG_MESSAGE) - self.cursor))
            elif first > self.cursor:
                # To go on without it would settle speech that nobody heard. The recovery reports it.
                raise ProviderError(
                    "audio left the ledger before it could be sent",
                    provider="listen",
                    kind=Kind.TRANSIENT,
                )
            if not pcm:  # Neither there yet nor gone: there is nothing to do but wait.
                await self._park()
                return
        await self._bounded(self._stream.send(pcm))
        self._has_sent(pcm, ready)

    async def _bounded(self, sending: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(self._limits.blocked):
                await sending
        except TimeoutError:
            raise ProviderError(
                f"a send blocked for {self._limits.blocked * 1000:.0f} ms",
                provider="listen",
                kind=Kind.TRANSIENT,
            ) from None

    def _next_frame(self, end: int) -> Frame | None:
        """The frame at the cursor, if it came the short way and there is no backlog behind it."""
        while self._inbox and self._inbox[0].start < self.cursor:
            self._inbox.popleft()
        if (
            self._inbox
            and self._inbox[0].start == self.cursor
            and end - self.cursor < BACKLOG_MESSAGE
        ):
            return self._inbox.popleft()
        return None

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        interval = min(0.25, self._limits.patience / 4)
        while True:
            looked = time.monotonic()
            # A timeout would make twice as many objects, four times a second for each leg.
            look = loop.call_later(interval, self._pause.set)
            try:
                await self._pause.wait()
            finally:
                look.cancel()
            self._pause.clear()
            now = time.monotonic()
            if not self.waits_for_answer:
                self._pending_since = now
            since = max(self._news, self._pending_since)
            late = now - looked - interval
            if late > STOOD_STILL and since <= looked:
                # Nothing was sent or read meanwhile: the stream is not to blame.
                self._news = since = since + late
            silence = now - since
            if silence > self._cadence.patience(self._limits.patience, now):
                if not self.heard:
                    self._cadence.gave_up(silence)
                raise ProviderError(
                    f"nothing new for {silence:.1f} s while speech waits for its result",
                    provider="listen",
                    kind=Kind.TRANSIENT,
                )
            if not self._closing:
                await self._see_to_finals(now)

    async def _see_to_finals(self, now: float) -> None:
        """Ask for what the recogniser may hold back; what it will not say, others shall."""
        heard = self._speech.captured(self._speech.head) or now
        while (step := self._finalizing.step(now, self.cursor, heard)) is not None:
            match step:
                case AskFinal():
                    self._finalizing.asked(self.cursor, now, step)
                    await self._bounded(self._stream.finalize())
                case PassOver():
                    self._on_passed_over(step.end)
                case GiveUp():
                    raise ProviderError(step.reason, provider="listen", kind=Kind.TRANSIENT)


def _heard(frame: Frame) -> bytes:
    """A frame as the recogniser hears it: what is only echo was said by nobody here."""
    return SILENT_FRAME if frame.echo else frame.pcm


def _name_of(stream: LiveStream) -> str | None:
    """What its provider calls it; None where it has no name."""
    name: str | None = getattr(stream, "request_id", None)
    return name


async def _first_error_or(main: asyncio.Task[None], tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait until `main` is done or any task fails; raise that failure."""
    waiting: set[asyncio.Task[None]] = set(tasks)
    while not main.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    main.result()
