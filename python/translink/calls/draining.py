"""A drain: no new calls, and those that run go on to their end, within a limit. Then the process may end.

Theory of operation
    A leg without a port of its own (of a created call, or brought by a telephone system) is gone with its
    call. A leg of the settings has a port that its gateway knows. On a plain drain it stays open, so that
    new callers learn why there is no call. When another process takes over (`hand_over`) it cannot be
    shared: with `SO_REUSEPORT` the kernel would deal each gateway's datagrams to one of the two by a hash,
    also those of a running call. So a pair of legs moves as a whole: at once if it has no call, else when
    its call is over, and the other process, which tries to bind it every few milliseconds, has it then.

Past the limit calls are ended as on a shutdown: at the next pause, and what was said is still spoken.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from translink.observe.views import DrainingCall, DrainState
from translink.process.clock import unix

if TYPE_CHECKING:
    from translink.calls.call import Call
    from translink.calls.switchboard import Switchboard
    from translink.observe.journal import Journal
    from translink.observe.views import CallRow
    from translink.settings.process import DrainSettings

log = structlog.get_logger("translink")

DRAIN_STEP = 0.05
"""Seconds between two looks: what a leg's next call may wait for its port, about."""
DRAIN_TOLD = 1.0
"""Seconds between two reports to a supervisor."""
DRAIN_SAID = 10.0
"""Seconds between two lines in the log about who still talks."""
LAST_PATIENCE = 2.0
"""Seconds that a talker in mid-sentence gets at the limit."""


class Draining:
    """Of one process. Nothing happens until `begin`; then `step` is called at even intervals."""

    def __init__(self, board: Switchboard, journal: Journal, settings: DrainSettings) -> None:
        self.on_begun: Callable[[], None] = lambda: None
        """Those who wait for a call that will not begin are to be sent away."""
        self.on_hand_over: Callable[[], Awaitable[None]] = _nothing
        """Another process takes over: the addresses of everything but the legs are to be given up."""
        self.on_over: Callable[[], None] = lambda: None
        """No call runs any more."""
        self.on_progress: Callable[[str], None] = lambda _: None
        """Which parties still talk, in words, about once a second."""
        self.where: Callable[[], str] = lambda: ""
        """URL of this process's admin server."""
        self.hand_over = False
        self._board = board
        self._journal = journal
        self._limit = settings.limit
        self._began: float | None = None
        self._began_unix: float | None = None
        self._until = 0.0
        self._cut = 0
        self._over = False
        self._tell_at = self._say_at = 0.0
        self._stepping: asyncio.Task[None] | None = None

    @property
    def active(self) -> bool:
        """No new calls any more."""
        return self._began is not None

    def begin(self, why: str, limit: float | None = None) -> None:
        """Drain from now on. `why` is for the log, as in `SIGUSR1`; `limit` = seconds from now after which
        running calls are ended, None = as it is, and at first as the settings say. May be called again."""
        now = time.monotonic()
        first = self._began is None
        if self._began is None:
            self._began, self._began_unix = now, unix()
            self._until = now + self._limit
            self._board.refusal = "the server is draining: it takes no new calls"
        if limit is not None:
            self._until = now + limit
        if first or limit is not None:
            left = round(self._until - now, 1)
            log.info("draining: no new calls, those that run go on", why=why, limit_s=left)
            self._journal.emit("drain", {"state": "begun", "reason": why, "limit_s": left})
        if first:
            self.on_begun()
            self._stepping = asyncio.create_task(self._run(), name="drain")

    async def give_way(self, why: str, limit: float | None = None) -> None:
        """Drain, and give up what no running call needs: another process takes over. When this returns,
        every address is free but those of the legs that are in a call."""
        self.begin(why, limit)
        if not self.hand_over:
            self.hand_over = True
            log.info("another process takes over")
            self._journal.emit("drain", {"state": "handed over", "reason": why})
            self._give_up_legs()
            await self.on_hand_over()

    def close(self) -> None:
        """Stop looking after the calls that run."""
        if self._stepping is not None:
            self._stepping.cancel()

    def step(self, now: float) -> bool:
        """Look at what is left at `now` (monotonic seconds). True: nothing."""
        if self.hand_over:
            self._give_up_legs()
        calls = tuple(self._board.calls.values())
        if not calls:
            if not self._over:
                self._over = True
                took = round(now - (self._began or now), 1)
                log.info("drained", seconds=took, cut=self._cut)
                self._journal.emit(
                    "drain", {"state": "over", "seconds": took, "cut_calls": self._cut}
                )
                self.on_over()
            return True
        if now >= self._until:
            for call in calls:
                if not call.ending:
                    self._cut += 1
                    call.end("the drain's limit", patience=LAST_PATIENCE)
        self._tell(now)
        return False

    def state(self) -> DrainState:
        """As it is now."""
        board = self._board
        left = max(0.0, self._until - time.monotonic())
        held = tuple(name for name, leg in board.legs.items() if leg.has_port)
        return DrainState(
            draining=self.active,
            pid=os.getpid(),
            began=self._began_unix,
            left_s=round(left, 1) if self.active else None,
            limit_s=self._limit,
            hand_over=self.hand_over,
            admin=self.where(),
            cut_calls=self._cut,
            legs_held=held,
            calls=tuple(_row(call, board.row(call.name)) for call in board.calls.values()),
        )

    async def _run(self) -> None:
        await asyncio.sleep(0)  # those who asked get their answer first
        while not self.step(time.monotonic()):  # noqa: ASYNC110 - many things end a call
            await asyncio.sleep(DRAIN_STEP)

    def _give_up_legs(self) -> None:
        board = self._board
        free = [leg for leg in board.legs.values() if leg.has_port and not leg.calls]
        names = {leg.name for leg in free}
        given = [leg.name for leg in free if leg.other in names]
        if given:
            board.close_legs(given)
            log.info("ports given up", legs=given)

    def _tell(self, now: float) -> None:
        if now < self._tell_at:
            return
        self._tell_at = now + DRAIN_TOLD
        text = in_words(self.state())
        self.on_progress(text)
        if now >= self._say_at:
            self._say_at = now + DRAIN_SAID
            log.info(text)


def in_words(state: DrainState) -> str:
    """For a line in a log or on a terminal."""
    number = len(state.calls)
    if not state.draining:
        return "not draining"
    if not number:
        return "drained: no call runs"
    talking = sorted(name for call in state.calls for name in call.talking)
    shown = ", ".join(talking[:8]) + (f" and {len(talking) - 8} more" if len(talking) > 8 else "")
    who = f"; talking: {shown}" if talking else "; nobody is talking"
    return f"draining: {number} {'call runs' if number == 1 else 'calls run'}{who}"


async def _nothing() -> None:
    pass


def _row(call: Call, row: CallRow) -> DrainingCall:
    return DrainingCall(
        call=row.call,
        seconds=row.seconds,
        legs=row.legs,
        languages=row.languages,
        talking=call.talking(),
        ending=call.ending,
        ends_in_s=row.ends_in_s,
        waiting_ms=row.waiting_ms,
    )
