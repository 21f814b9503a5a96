"""The asyncio face of the media engine: one reader, one batch of frames per leg and wake.

The engine's thread does all the work per datagram. Here, once per wake, all that waits in its
mailbox is sorted by leg and handed to each leg's owner by a plain call: `on_frames` with all its
frames at once, then `on_playout` for each step of an utterance. Owners must not block; they see
frames in order, and a frame that did not fit the mailbox as a gap in `Frame.start`, to be filled
from `MediaLeg.history`.

One wake serves at most `LEGS_AT_ONCE` legs and then lets the loop breathe; until the rest is served the
mailbox is left alone. It is bounded (`rust/engine` says what happens when it is full), and so is
what is taken out of it at once (`DRAIN_LIMIT`).

Under pressure the mailbox is not drained whenever something comes, but once for as many frames as
`Pressure.frames_per_message` says: each leg's frames then come together, and what a wake, a message
and a system call cost is paid once for all of them.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from typing import TYPE_CHECKING, Literal, TypedDict, TypeVar

from translink._core import (
    Digit,
    Engine,
    Frame,
    Hangup,
    Message,
    Playout,
    RtpFound,
    SourceChange,
)
from translink.media.shared_port import SharedPort, warn_of_small_buffer
from translink.process.pressure import Pressure
from translink.results import FRAME_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from translink._core import LegCounters
    from translink.settings.lag import Curve, Original
    from translink.settings.legs import LegSettings
    from translink.settings.shared_port import SharedPortSettings

DRAIN_LIMIT = 4096
"""Items taken out of the mailbox at once: 100 ms of 800 legs, in about 3 ms."""
LEGS_AT_ONCE = 64
"""Legs served before other callbacks have their turn, in about 2 ms."""
SAY_AGAIN = 60.0
"""Seconds until a talker who moves again is in the log again."""

Step = Playout | SourceChange | Digit | RtpFound | Hangup | Message
T = TypeVar("T")
logger = logging.getLogger("translink.media")


class Media:
    """All legs of a process. Belongs to the loop that `start` ran on; not for other threads."""

    def __init__(
        self,
        *,
        mailbox: int = 8192,
        pressure: Pressure | None = None,
        tempo: Curve | None = None,
        echo_guard: bool = False,
        shared_port: SharedPortSettings | None = None,
        threads: int = 1,
    ) -> None:
        """Start the media threads; `mailbox` items of each may wait for Python. `pressure` is the process's:
        how many frames of a leg are handed over together. `tempo`: how fast ears that are behind are
        spoken to, None = never faster; `echo_guard`: of legs that say nothing of their own; `shared_port`: of
        legs that have no port of their own."""
        self.on_died: Callable[[], None] | None = None
        """Called once if a bug ends a media thread: nothing will be heard or played any more."""
        self.callback_errors = 0
        """Exceptions raised by callbacks of legs."""
        self._engine = Engine(mailbox=mailbox, threads=threads)
        self._legs: dict[int, MediaLeg] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pressure = pressure or Pressure()
        self._tempo = tempo
        self._echo_guard = echo_guard
        self.shared_port = SharedPort(self._engine, shared_port)
        """Of legs that have none of their own."""
        self._waiting: list[tuple[int, list[Frame]]] = []
        """Numbers of legs and their frames, drained and not yet served, last first."""
        self._more = False
        """The last drain left items behind."""
        self._timer: asyncio.TimerHandle | None = None
        """What looks next; None: the mailbox's descriptor is watched."""

    def start(self) -> None:
        """Listen to the mailbox on the running loop. Call once."""
        if self._loop is not None:
            raise RuntimeError("the media's reader was already started")
        self._loop = asyncio.get_running_loop()
        self._watch()

    def close(self) -> None:
        """Stop the thread and close all sockets. Idempotent."""
        self._stop_reading()
        self._legs.clear()
        self._engine.close()

    def add_leg(self, leg: LegSettings) -> MediaLeg:
        """Open a leg's sockets, or take it to the shared port. Raises `OSError` (address in use, a sender that is
        another leg's, …), `ValueError`, `MemoryError`."""
        guarded = self._echo_guard if leg.echo_guard is None else leg.echo_guard
        number = self._engine.add_leg(
            listen=None if leg.shared else leg.listen,
            shared=self.shared_port.number() if leg.shared else None,
            play_to=leg.play_to,
            send_from_listen=leg.send_from_listen,
            **_heard(leg),
            ledger_seconds=leg.ledger_seconds,
            prebuffer_ms=leg.prebuffer_ms,
            tail_ms=leg.tail_ms,
            receive_buffer=leg.receive_buffer,
            continuous=leg.continuous,
            tempo=self._tempo,
            echo_guard=guarded,
            transport=leg.transport,
            format=leg.format,
            reply=leg.reply,
            rate=leg.rate,
        )
        if not leg.shared:
            granted = self._engine.counters(number)["rcvbuf"]
            warn_of_small_buffer(f"leg {leg.name}", granted, leg.receive_buffer)
        opened = self._legs[number] = MediaLeg(
            leg.name, number, self._engine, self._legs, echo_guard=guarded, shares=leg.shared
        )
        opened.set_original(leg.original)
        return opened

    def counters(self) -> dict[str, LegCounters]:
        """What every open leg counted, by name."""
        return {leg.name: leg.counters() for leg in self._legs.values()}

    def _drain(self) -> None:
        try:
            items = self._engine.drain(DRAIN_LIMIT)
        except RuntimeError:
            logger.critical("the media engine stopped", exc_info=True)
            self._stop_reading()
            if self.on_died is not None:
                self.on_died()
            return
        frames: dict[int, list[Frame]] = {}
        steps: list[Step] = []
        for item in items:
            if isinstance(item, Frame):
                number = item.leg
                if number in frames:
                    frames[number].append(item)
                else:
                    frames[number] = [item]
            else:
                steps.append(item)
        self._more = len(items) == DRAIN_LIMIT
        self._waiting = list(frames.items())
        self._waiting.reverse()
        self._serve()
        for step in steps:
            if (leg := self._legs.get(step.leg)) is not None:
                self._call(leg, leg._take_step, step)

    def _serve(self) -> None:
        """Hand frames to one slice of the legs, then decide when to go on."""
        waiting, legs = self._waiting, self._legs
        for _ in range(min(LEGS_AT_ONCE, len(waiting))):
            number, batch = waiting.pop()
            if (leg := legs.get(number)) is not None:
                self._call(leg, leg._take_frames, batch)
        together = self._pressure.frames_per_message
        if self._loop is None:  # a callback has closed us
            return
        if waiting:
            self._after(0.0, self._serve)
        elif together > 1:
            self._after(0.0 if self._more else together * FRAME_SECONDS, self._drain)
        elif self._timer is not None:
            self._watch()

    def _after(self, seconds: float, what: Callable[[], None]) -> None:
        assert self._loop is not None
        if self._timer is None:
            self._loop.remove_reader(self._engine.fileno())
        self._timer = self._loop.call_later(seconds, what)

    def _watch(self) -> None:
        assert self._loop is not None
        self._timer = None
        self._loop.add_reader(self._engine.fileno(), self._drain)

    def _stop_reading(self) -> None:
        loop, self._loop = self._loop, None
        if self._timer is not None:
            self._timer.cancel()
        elif loop is not None and not loop.is_closed():
            loop.remove_reader(self._engine.fileno())

    def _call(self, leg: MediaLeg, take: Callable[[T], None], news: T) -> None:
        """One leg's bug must not keep the others from hearing theirs."""
        try:
            take(news)
        except Exception:
            self.callback_errors += 1
            # The 1st, 2nd, 4th, 8th …: at 50 frames a second a bug would fill the log.
            if self.callback_errors.bit_count() == 1:
                logger.exception("a callback of leg %s failed", leg.name)


class _Heard(TypedDict, total=False):
    source: str | tuple[str, ...]
    token: bytes
    pinned: bool


def _heard(leg: LegSettings) -> _Heard:
    """Whose datagrams, as the engine takes it. At the shared port somebody tells later, where nothing is known."""
    if leg.token is not None:
        return {"token": leg.token.get_secret_value().encode()}
    if leg.shared and isinstance(leg.source, str):
        return {"source": "nobody"}
    return {"source": leg.source, "pinned": leg.pinned}


class MediaLeg:
    """One leg. Its owner sets the callbacks; they run on the loop and must not block.

    Every method but `remove` raises `LookupError` once the leg is removed; those that change
    something also once it is dead, and `RuntimeError` once the media is closed.
    """

    def __init__(
        self,
        name: str,
        number: int,
        engine: Engine,
        legs: dict[int, MediaLeg],
        *,
        echo_guard: bool = False,
        shares: bool = False,
    ) -> None:
        self.name = name
        self.number = number
        self.listen_address = engine.local_address(number)
        """Where it really listens."""
        self.shares = shares
        """With others: it is at the shared port."""
        self.on_frames: Callable[[list[Frame]], None] | None = None
        """All frames of one wake, in order."""
        self.on_playout: Callable[[Playout], None] | None = None
        """A step of an utterance: `started`, `finished` or `flushed`."""
        self.on_dead: Callable[[], None] | None = None
        """A bug ended this leg: its sockets are closed."""
        self.on_hangup: Callable[[], None] | None = None
        """The other end of its connection hung up."""
        self.on_message: Callable[[str], None] | None = None
        """What the other end of its connection says beside audio."""
        self.on_source: Callable[[SourceChange], None] | None = None
        """Another sender has taken over in a call. Said in the log once a minute at most."""
        self.on_digit: Callable[[Digit], None] | None = None
        """The talker pressed a key."""
        self.on_rtp: Callable[[RtpFound], None] | None = None
        """RTP comes into a leg that was not set to it. Said in the log, once until PCM comes."""
        self.unheard: RtpFound | None = None
        """The RTP that comes instead of what the leg is set to; None once a frame came."""
        self.volume = 1.0
        """As set by `set_volume`."""
        self.muted = False
        """As set by `set_muted`."""
        self.original: Original = "replace"
        """As set by `set_original`."""
        self.echo_guard = echo_guard
        """As set by `set_echo_guard`."""
        self._engine = engine
        self._legs = legs
        self._life = 0
        self._change_said = -math.inf

    def play(self, utterance: int, pcm: bytes, last: bool = False) -> int:
        """Queue speech for the ear; the bytes accepted.

        Fewer than given: the ear's queue is full, and `last` was not taken either; offer the rest
        later.
        """
        return self._engine.play(self.number, utterance, pcm, last)

    def attach(
        self,
        descriptor: int,
        rate: int = 8_000,
        dialect: Literal["asterisk", "twilio", "browser"] | None = None,
    ) -> None:
        """Talk over a connection of AudioSocket, or with a `dialect` of WebSocket, instead of datagrams.
        See `Engine.attach`. Raises `OSError`."""
        self._engine.attach(self.number, descriptor, rate, dialect)

    def say(self, text: str) -> None:
        """Send the other end of that connection a message. See `Engine.say`."""
        self._engine.say(self.number, text)

    def hang_up(self) -> None:
        """Close that connection, if there is one."""
        self._engine.hang_up(self.number)

    def flush(self) -> None:
        """Drop what waits for the ear."""
        self._engine.flush(self.number)

    def set_volume(self, factor: float) -> None:
        """How loud the ear hears, 0 to 2, from now on and in the calls to come. Raises `ValueError`."""
        self._engine.set_volume(self.number, factor)
        self.volume = factor

    def set_muted(self, muted: bool) -> None:
        """Whether what the talker says is silence, from now on and in the calls to come."""
        self._engine.set_muted(self.number, muted)
        self.muted = muted

    def listen_to(self, other: MediaLeg) -> None:
        """The talker whose own voice the ear may hear, as `set_original` says, for as long as both
        legs are open."""
        self._engine.hear(self.number, other.number)

    def set_original(self, original: Original) -> None:
        """What the ear hears of that voice, from now on and in the calls to come. See
        `Engine.set_original`."""
        self._engine.set_original(self.number, original)
        self.original = original

    def set_echo_guard(self, on: bool) -> None:
        """Whether frames that are only an echo of what the ear is sent are marked. Switching forgets
        the echo that was learned."""
        self._engine.set_echo_guard(self.number, on)
        self.echo_guard = on

    def set_source(self, source: str | tuple[str, ...]) -> None:
        """Whom to hear from now on: `first`, `any`, or addresses. Raises `ValueError`."""
        self._engine.set_source(self.number, source)

    def forget_source(self) -> None:
        """At the shared port, hear nobody until a source is set: what it was may be another leg's next."""
        if self.shares:
            self._engine.set_source(self.number, "nobody")

    def set_play_to(self, play_to: tuple[str, int] | None) -> None:
        """Where the ear is from now on, whichever sender is heard; None = nowhere. Raises `OSError`, `ValueError`."""
        self._engine.set_play_to(self.number, play_to)

    def source(self) -> tuple[str, int] | None:
        """Whose datagrams are heard in this call."""
        return self._engine.source(self.number)

    def stranger(self) -> tuple[str, int] | None:
        """Whose datagram was dropped last."""
        return self._engine.stranger(self.number)

    def envelope(self, lane: Literal["said", "heard"], from_index: int = 0) -> tuple[int, bytes]:
        """Outline of what was said or heard: first index, then an int8 pair for each 20 ms of the
        monotonic clock; the last 20 s at most. See `Engine.envelope`."""
        return self._engine.envelope(self.number, lane, from_index)

    def tap(self, on: bool = True) -> None:
        """Keep the last 5 s of what the ear is sent, or no more."""
        self._engine.tap(self.number, on)

    def heard(self, start: int, end: int) -> tuple[int, bytes]:
        """What the ear was sent, by samples of the monotonic clock; needs `tap`. See
        `Engine.heard`."""
        return self._engine.heard(self.number, start, end)

    def history(self, start: int, end: int, *, without_echo: bool = False) -> tuple[int, bytes]:
        """Audio of samples `start` to `end` as far as it is still (and already) known;
        `without_echo`: silence where a frame was only echo."""
        return self._engine.history(self.number, start, end, without_echo=without_echo)

    def reset(self) -> None:
        """End of a call: nothing heard up to now will reach `on_frames` any more."""
        self._life = self._engine.reset_leg(self.number)

    def detach(self) -> None:
        """End of a call whose ear still has something to hear: the ledger and the ear go on, and the
        next call can begin at any sample of `history`. Frames that are on their way are in it, too,
        and do not reach `on_frames`. See `Engine.detach_leg`."""
        self._life = self._engine.detach_leg(self.number)

    def forget(self, before: int) -> None:
        """Forget the audio before a sample."""
        self._engine.forget(self.number, before)

    def counters(self) -> LegCounters:
        """What was counted since the leg was opened."""
        return self._engine.counters(self.number)

    def remove(self) -> None:
        """Close the leg; when this returns its address is free, and nobody is called any more. Idempotent."""
        if self._legs.pop(self.number, None) is not None:
            self._engine.remove_leg(self.number)
        # They hold their owner, which holds this leg.
        self.on_frames = self.on_playout = self.on_dead = self.on_hangup = None
        self.on_message = self.on_source = self.on_digit = self.on_rtp = None

    def _take_frames(self, frames: list[Frame]) -> None:
        if frames[0].life < self._life:
            frames = [frame for frame in frames if frame.life >= self._life]
        self.unheard = None
        if frames and self.on_frames is not None:
            self.on_frames(frames)

    def _take_step(self, step: Step) -> None:
        if isinstance(step, Hangup):
            if self.on_hangup is not None:
                self.on_hangup()
        elif isinstance(step, Message):
            if self.on_message is not None:
                self.on_message(step.text)
        elif not isinstance(step, Playout):
            if step.life >= self._life:
                self._take_news(step)
        elif step.kind == "dead":
            logger.error("leg %s is out of service: a bug in translink", self.name)
            if self.on_dead is not None:
                self.on_dead()
        elif self.on_playout is not None:
            self.on_playout(step)

    def _take_news(self, news: SourceChange | Digit | RtpFound) -> None:
        if isinstance(news, SourceChange):
            self._take_change(news)
        elif isinstance(news, Digit):
            if self.on_digit is not None:
                self.on_digit(news)
        else:
            self._take_rtp(news)

    def _take_rtp(self, found: RtpFound) -> None:
        format = found.format or f"payload type {found.payload_type}"
        port = self.listen_address[1]
        if found.taken:
            logger.info("leg %s: RTP (%s) comes to port %d, and is heard", self.name, format, port)
        else:
            self.unheard = found
            logger.warning(
                "leg %s: RTP (%s) comes to port %d, which expects headerless PCM; nothing of it is "
                'heard. Set transport = "rtp" (or "auto") for this leg',
                self.name,
                format,
                port,
            )
        if self.on_rtp is not None:
            self.on_rtp(found)

    def _take_change(self, change: SourceChange) -> None:
        now = time.monotonic()
        if now - self._change_said >= SAY_AGAIN:
            self._change_said = now
            logger.warning(
                "leg %s: its talker's datagrams came from %s:%d and come from %s:%d now",
                self.name,
                *change.old,
                *change.new,
            )
        if self.on_source is not None:
            self.on_source(change)
