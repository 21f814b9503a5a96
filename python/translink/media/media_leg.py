"""One leg of the media engine, as its owner on the loop has it."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Literal

from translink._core import Digit, Hangup, Message, Playout, RtpFound, SourceChange

if TYPE_CHECKING:
    from collections.abc import Callable

    from translink._core import Engine, Frame, LegCounters
    from translink.settings.lag import Original

SAY_AGAIN = 60.0
"""Seconds until a talker who moves again is in the log again."""

Step = Playout | SourceChange | Digit | RtpFound | Hangup | Message
logger = logging.getLogger("translink.media")


class SetAside:
    """What was put aside of a leg whose owner waits for none of it."""

    __slots__ = ("frames", "together")

    def __init__(self, together: int) -> None:
        """It is handed over when so many frames are there."""
        self.together = together
        self.frames: list[Frame] = []


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
        waiting: dict[int, list[Frame]],
        calm: dict[int, SetAside],
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
        self.on_frames: Callable[[list[Frame]], int | None] | None = None
        """All frames of one wake, in order. What it returns: so many frames of silence may come together from
        now on; None or up to 1 = each at once."""
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
        self._waiting = waiting
        self._calm = calm
        self._life = 0
        self._connection = 0
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
        self._connection = self._engine.attach(self.number, descriptor, rate, dialect)

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
        """Whom to hear from now on: `first`, `any`, or addresses. Raises `ValueError`; `OSError` where, at the
        shared port, they are another leg's."""
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

    def hand_over(self) -> None:
        """`on_frames` is given all that came out of the mailbox so far: what waits for its turn among many legs,
        or the silence that was put aside."""
        waiting, silence = self._waiting.pop(self.number, None), self._calm.pop(self.number, None)
        if frames := waiting or (silence.frames if silence is not None else None):
            self.take_frames(frames)

    def reset(self) -> None:
        """End of a call: nothing heard up to now will reach `on_frames` any more."""
        self._calm.pop(self.number, None)
        self._life = self._engine.reset_leg(self.number)

    def detach(self) -> None:
        """End of a call whose ear still has something to hear: the ledger and the ear go on, and the
        next call can begin at any sample of `history`. Frames that are on their way are in it, too,
        and do not reach `on_frames`. See `Engine.detach_leg`."""
        self._calm.pop(self.number, None)
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
            self._calm.pop(self.number, None)
            self._engine.remove_leg(self.number)
        # They hold their owner, which holds this leg.
        self.on_frames = self.on_playout = self.on_dead = self.on_hangup = None
        self.on_message = self.on_source = self.on_digit = self.on_rtp = None

    def take_frames(self, frames: list[Frame]) -> int | None:
        """What was drained of it, in order. Returns as `on_frames`."""
        if frames[0].life < self._life:
            frames = [frame for frame in frames if frame.life >= self._life]
        # What is filled in is ours.
        if self.unheard is not None and any(not frame.filled for frame in frames):
            self.unheard = None
        if frames and self.on_frames is not None:
            return self.on_frames(frames)
        return None

    def take_step(self, step: Step) -> None:
        """Anything else that was drained of it. Frames that came before it are told before it."""
        if not isinstance(step, Playout):
            self.hand_over()
        if isinstance(step, (Hangup, Message)):
            # What one that ended had left in the mailbox is nothing of the next one's.
            if step.connection == self._connection:
                self._take_connection(step)
        elif not isinstance(step, Playout):
            if step.life >= self._life:
                self._take_news(step)
        elif step.kind == "dead":
            logger.error("leg %s is out of service: a bug in translink", self.name)
            if self.on_dead is not None:
                self.on_dead()
        elif self.on_playout is not None:
            self.on_playout(step)

    def _take_connection(self, said: Hangup | Message) -> None:
        if isinstance(said, Hangup):
            if self.on_hangup is not None:
                self.on_hangup()
        elif self.on_message is not None:
            self.on_message(said.text)

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
