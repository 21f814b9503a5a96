"""Faults performed on the offline server, and what its clients were seen to do meanwhile.

A `Script` is a set of hooks (`offline.hooks.Faults`). `strike` makes one fault happen now: what
strikes open connections happens at once, what lasts (an outage, a refusal) opens a window that
later handshakes and requests run into. It also notes, from outside, what a report needs: every
stream with its times and whose words were heard on it (a beacon's number says who spoke it), every
request with its fate (`observed`).
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from translink.offline.hooks import LISTEN, PRERECORDED, Ask, Connection, NoFaults, Refusal, Reset
from translink.offline.messages import metadata
from translink.sim.fault_language import Fault
from translink.sim.garbage import BODIES, GARBAGE
from translink.sim.lies import LIES, Liar, body_with_jitter
from translink.sim.observations import Observations, Struck, callers_in

BACKUP = "backup"
"""A request whose key ends so is for the second in line: no fault touches it but `vendor_down`."""


@dataclass(frozen=True, slots=True)
class Delays:
    """What a service takes when nothing is wrong, in seconds (translate and speak: see the
    engines).
    """

    handshake: float = 0.02
    prerecorded: float = 0.25
    per_second: float = 0.02
    """More for a prerecorded request, per second of audio sent."""


@dataclass(slots=True)
class _Window:
    fault: Fault
    until: float
    left: float = float("inf")
    """How often it still strikes."""


class Script(NoFaults):
    """See the module's docstring."""

    def __init__(
        self,
        *,
        delays: Delays | None = None,
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._delays = delays or Delays()
        self._seed = seed
        self._chance = random.Random(f"script:{seed}")
        self._clock = clock
        self._start = clock()
        self._windows: list[_Window] = []
        self._open: dict[Connection, int] = {}
        self._stuck: set[Connection] = set()
        self._silent: set[Connection] = set()
        self._liars: dict[Connection, Liar] = {}
        self._skews: Counter[Connection] = Counter()
        """How often a stream's clock was to start again."""
        self._asks: dict[tuple[str, int], int] = {}
        self._busy: Counter[str] = Counter()
        self.observed = Observations()

    @property
    def now(self) -> float:
        """Seconds since the script began."""
        return self._clock() - self._start

    def restart(self) -> None:
        """The run begins now: forget what was observed so far."""
        self._start = self._clock()
        self.observed = Observations()
        self._windows.clear()
        self._asks.clear()
        self._open = dict.fromkeys(self._open, -1)

    async def strike(self, fault: Fault) -> None:
        """Make it happen now."""
        hit = [c for c in self._open if c.ask.service in fault.services]
        self.observed.struck.append(Struck(self.now, str(fault), [self._open[c] for c in hit]))
        if fault.kind in _WINDOWS:
            lasting = fault.seconds or float("inf")
            left = fault.numbers[0] if fault.kind in ("truncate", "garbage") else float("inf")
            if fault.kind == "reset":
                left = 1.0
            self._windows.append(_Window(fault, self.now + lasting, left))
        if fault.kind == "close":
            await _say_metadata(hit)
        for connection in hit:
            await self._strike_connection(connection, fault)

    async def play(self, faults: list[Fault]) -> None:
        """Strike each at its time (`schedule` gave them); ends after the last."""
        for fault in faults:
            await asyncio.sleep(max(0.0, (fault.at or 0.0) - self.now))
            await self.strike(fault)

    async def handshake(self, ask: Ask) -> Refusal | None:
        number, stream = self.observed.stream(self.now) if ask.service == LISTEN else (-1, None)
        self._asks[ask.service, ask.number] = number
        self.observed.counts[f"{ask.service}.handshakes"] += 1
        await asyncio.sleep(self._delays.handshake)
        try:
            refusal = await self._conditions(ask)
        except Reset:
            if stream:
                stream.fate = "reset"
            raise
        if refusal and stream:
            stream.fate = "refused"
        return refusal

    async def opened(self, connection: Connection) -> None:
        number = self._asks.pop((connection.ask.service, connection.ask.number), -1)
        self._open[connection] = number
        self._liars[connection] = Liar(f"{self._seed}:{number}")
        self.observed.counts[f"{connection.ask.service}.opened"] += 1
        if number >= 0:
            self.observed.streams[number].opened = self.now
        if self._window(connection.ask.service, "flap"):
            connection.reset()

    async def closed(self, connection: Connection) -> None:
        number = self._open.pop(connection, -1)
        self._stuck.discard(connection)
        self._silent.discard(connection)
        self._liars.pop(connection, None)
        self._skews.pop(connection, None)
        if number >= 0:
            self.observed.streams[number].ended = self.now
            self.observed.streams[number].fate = "ended"

    async def inbound(self, connection: Connection, message: str | bytes) -> str | bytes | None:
        if connection in self._stuck:
            await asyncio.sleep(_STUCK)
            raise Reset
        return message

    async def outbound(self, connection: Connection, message: str | bytes) -> str | bytes | None:
        if connection in self._stuck or connection in self._silent:
            self.observed.counts[f"{connection.ask.service}.swallowed"] += 1
            return None
        if slow := self._window(connection.ask.service, "slow"):
            await asyncio.sleep(0.1 * (slow.fault.numbers[0] - 1))
        number = self._open.get(connection, -1)
        if number >= 0 and isinstance(message, str) and '"Results"' in message[:40]:
            stream = self.observed.streams[number]
            stream.answered = stream.answered or self.now
            if not stream.callers:
                stream.callers |= callers_in(message)
        if self._window(connection.ask.service, "guess"):
            return _unsettled(message)
        return await self._lied(connection, message)

    async def http(self, ask: Ask) -> Refusal | None:
        service = ask.service
        if _backup(ask):
            self.observed.counts[f"{service}.backup"] += 1
            self._vendor(service)
            return None
        limit = self._window(service, "limit")
        self.observed.counts[f"{service}.requests"] += 1
        if limit and self._busy[service] >= limit.fault.numbers[0]:
            self.observed.counts[f"{service}.refused"] += 1
            return Refusal(429)
        self._busy[service] += 1
        peak = f"{service}.peak"
        self.observed.counts[peak] = max(self.observed.counts[peak], self._busy[service])
        try:
            if service == PRERECORDED:
                length = float(ask.headers.get("Content-Length", 0)) / 32_000
                delay = self._delays.prerecorded + self._delays.per_second * length
                await asyncio.sleep(delay * self._chance.uniform(0.7, 1.3))
            return await self._conditions(ask)
        finally:
            self._busy[service] -= 1

    async def chunk(self, ask: Ask, index: int, data: bytes) -> bytes | None:
        if ask.service == PRERECORDED:
            self.observed.answer(self.now, data.decode(errors="replace"))
            if jitter := self._window(PRERECORDED, "jitter"):
                return body_with_jitter(data, jitter.fault.numbers[0], f"{self._seed}:{ask.number}")
        cut = None if _backup(ask) else self._window(ask.service, "truncate")
        # Often after the first piece, so that something was heard already.
        if cut and (index > 0 or self._chance.random() < 0.3):
            cut.left -= 1
            self.observed.counts[f"{ask.service}.truncated"] += 1
            return None
        return data

    async def _lied(self, connection: Connection, message: str | bytes) -> str | bytes | None:
        """What a lying recogniser sends instead."""
        service = connection.ask.service
        windows = {kind: self._window(service, kind) for kind in LIES}
        lies = {kind: window.fault.numbers[0] for kind, window in windows.items() if window}
        skews = self._skews[connection]
        if not (lies or skews) or not isinstance(message, str):
            return message
        sent = self._liars[connection].distorted(message, lies, skews)
        for text in sent[:-1]:
            await connection.inject(text)
        return sent[-1] if sent else None

    def report(self) -> dict[str, object]:
        """JSON values: what happened since the start."""
        return self.observed.as_dict(self.now)

    async def _conditions(self, ask: Ask) -> Refusal | None:
        """What the windows that are open do to a handshake or request."""
        service = ask.service
        self._vendor(service)
        if self._window(service, "outage"):
            self.observed.counts[f"{service}.reset"] += 1
            raise Reset
        if service != LISTEN and (reset := self._window(service, "reset")):
            reset.left -= 1
            self.observed.counts[f"{service}.reset"] += 1
            raise Reset
        if hang := self._window(service, "hang"):
            self.observed.counts[f"{service}.hung"] += 1
            await asyncio.sleep(min(_STUCK, hang.until - self.now + _HANG_ON))
            raise Reset
        if refuse := self._window(service, "refuse"):
            self.observed.counts[f"{service}.refused"] += 1
            return Refusal(int(refuse.fault.numbers[0]))
        if service != LISTEN and (garbage := self._window(service, "garbage")):
            garbage.left -= 1
            self.observed.counts[f"{service}.garbled"] += 1
            return Refusal(200, body=self._chance.choice(BODIES))
        if service != LISTEN and (slow := self._window(service, "slow")):
            await asyncio.sleep(0.1 * (slow.fault.numbers[0] - 1))
        return None

    def _vendor(self, service: str) -> None:
        """Raises `Reset` while the whole vendor is down."""
        if self._window(service, "vendor_down"):
            self.observed.counts[f"{service}.down"] += 1
            raise Reset

    def _window(self, service: str, kind: str) -> _Window | None:
        now = self.now
        self._windows = [w for w in self._windows if w.until > now and w.left > 0]
        for window in self._windows:
            if window.fault.kind == kind and service in window.fault.services:
                return window
        return None

    async def _strike_connection(self, connection: Connection, fault: Fault) -> None:
        match fault.kind:
            case "reset" | "outage" | "vendor_down" | "refuse" | "hang" | "flap":
                connection.reset()
            case "zombie":
                self._stuck.add(connection)
                connection.stop_reading()
            case "skew":
                self._skews[connection] += 1
            case "mute":
                self._silent.add(connection)
            case "close":
                await connection.close(int(fault.numbers[0]), fault.reason)
            case "garbage":
                for _ in range(int(fault.numbers[0])):
                    await connection.inject(self._chance.choice(GARBAGE))


async def _say_metadata(connections: list[Connection]) -> None:
    """Of the real service it precedes every close, by some 25 ms (observed)."""
    for connection in connections:
        said = metadata(
            connection.request_id,
            sha256="incomplete",
            duration=connection.audio_seconds,
            model=connection.ask.query.get("model"),
        )
        await connection.inject(orjson.dumps(said).decode())
    await asyncio.sleep(0.025)


def _unsettled(message: str | bytes) -> str | bytes | None:
    """A message of a recogniser that commits itself to nothing: finals are interims, and no turn
    ever ends."""
    if not isinstance(message, str):
        return message
    if '"UtteranceEnd"' in message[:40]:
        return None
    for name in ("is_final", "speech_final", "from_finalize"):
        message = re.sub(rf'("{name}":\s*)true', r"\1false", message)
    return message


def _backup(ask: Ask) -> bool:
    return ask.headers.get("Authorization", "").endswith(BACKUP)


_WINDOWS = frozenset(
    (
        "reset",
        "outage",
        "vendor_down",
        "refuse",
        "hang",
        "slow",
        "limit",
        "truncate",
        "garbage",
        "guess",
        "flap",
    )
) | (set(LIES) - {"skew"})
_STUCK = 60.0
"""Nothing hangs longer than this."""
_HANG_ON = 20.0
"""A request that began to hang goes on hanging after the window is over."""
