"""The media engine as asyncio has it: one reader, one batch of frames per leg and wake.

The engine's thread does all the work per datagram. Here, once per wake, all that waits in its
mailbox is sorted by leg and handed to each leg's owner by a plain call: `on_frames` with all its
frames at once, then `on_playout` for each step of an utterance. Owners must not block; they see
frames in order, and a frame that did not fit the mailbox as a gap in `Frame.start`, to be filled
from `MediaLeg.history`.

Where nobody waits for silence the owner says how much of it may come together: it is put aside here, and
handed over when that much is there, or with the first frame that is speech. A call costs most on its way
from here to the recogniser, and half of it is silence.

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
from itertools import islice
from typing import TYPE_CHECKING, TypedDict, TypeVar

from translink._core import Engine, Frame
from translink.media.media_leg import MediaLeg, SetAside, Step
from translink.media.shared_port import SharedPort, warn_of_small_buffer
from translink.process.pressure import Pressure
from translink.results import FRAME_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from translink._core import LegCounters
    from translink.settings.lag import Curve
    from translink.settings.legs import LegSettings
    from translink.settings.shared_port import SharedPortSettings

DRAIN_LIMIT = 4096
"""Items taken out of the mailbox at once: 100 ms of 800 legs, in about 3 ms."""
LEGS_AT_ONCE = 16
"""Legs served before other callbacks have their turn, in about 1 ms where frames come three at a time. A sentence waits
for that four times on its way: with 64 legs own time p99 of 200 calls over TLS was 18.6 ms, with 16 it is 14.2."""

T = TypeVar("T")
R = TypeVar("R")
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
        self._calm: dict[int, SetAside] = {}
        """What was put aside, by number of leg."""
        self._waiting: dict[int, list[Frame]] = {}
        """Drained and not yet served, by number of leg."""
        self._steps: list[Step] = []
        """Drained with them: told when all frames are served."""
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
        self._waiting.clear()
        self._calm.clear()
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
            **_admitted(leg),
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
            leg.name,
            number,
            self._engine,
            self._legs,
            self._waiting,
            self._calm,
            echo_guard=guarded,
            shares=leg.shared,
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
        frames, steps, calm = self._waiting, self._steps, self._calm
        for item in items:
            if isinstance(item, Frame):
                number = item.leg
                if number in frames:
                    frames[number].append(item)
                elif (silence := calm.get(number)) is None:
                    frames[number] = [item]
                else:
                    aside = silence.frames
                    aside.append(item)
                    if item.speech or len(aside) >= silence.together:
                        frames[number] = aside
                        del calm[number]
            else:
                steps.append(item)
        self._more = len(items) == DRAIN_LIMIT
        self._serve()

    def _serve(self) -> None:
        """Hand frames to one slice of the legs, then decide when to go on."""
        waiting, legs = self._waiting, self._legs
        for number in tuple(islice(waiting, LEGS_AT_ONCE)):
            batch = waiting.pop(number, None)  # None: handed over on request, meanwhile
            if batch is not None and (leg := legs.get(number)) is not None:
                may_wait = self._call(leg, leg.take_frames, batch)
                if may_wait is not None and may_wait > 1 and number in legs:
                    self._calm[number] = SetAside(may_wait)
        if not waiting:
            self._tell_steps()
        together = self._pressure.frames_per_message
        if self._loop is None:  # a callback has closed us
            return
        if waiting:
            self._after(0.0, self._serve)
        elif together > 1:
            self._after(0.0 if self._more else together * FRAME_SECONDS, self._drain)
        elif self._timer is not None:
            self._watch()

    def _tell_steps(self) -> None:
        steps, self._steps = self._steps, []
        for step in steps:
            if (leg := self._legs.get(step.leg)) is not None:
                self._call(leg, leg.take_step, step)

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

    def _call(self, leg: MediaLeg, take: Callable[[T], R], news: T) -> R | None:
        """One leg's bug must not keep the others from hearing theirs."""
        try:
            return take(news)
        except Exception:
            self.callback_errors += 1
            # The 1st, 2nd, 4th, 8th …: at 50 frames a second a bug would fill the log.
            if self.callback_errors.bit_count() == 1:
                logger.exception("a callback of leg %s failed", leg.name)
            return None


class _Admitted(TypedDict, total=False):
    source: str | tuple[str, ...]
    token: bytes
    pinned: bool


def _admitted(leg: LegSettings) -> _Admitted:
    """Whose datagrams, as the engine takes it. At the shared port somebody tells later, where nothing is known."""
    if leg.token is not None:
        return {"token": leg.token.get_secret_value().encode()}
    if leg.shared and isinstance(leg.source, str):
        return {"source": "nobody"}
    return {"source": leg.source, "pinned": leg.pinned}
