"""Many telephones: `native/callers.c` says beacon words into legs over UDP and keeps what comes to the
ears with kernel times. This side plans the words before and counts them after.

Call n has the telephones 2n (English) and 2n + 1 (French).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from benches.kit.ears import read_ears
from benches.kit.native import program
from benches.kit.turns import Turns, TurnTalker
from translink.results import FRAME_BYTES, FRAME_SECONDS, RATE
from translink.sim.beacons import Manner, Talker
from translink.sim.lines import SaidBeacon
from translink.sim.report import Counts, DirectionReport, count

PHASES = 20
"""Telephone n sends n modulo so many milliseconds after the first one."""
ANSWER_BYTES = 1 << 20
"""The longest line of the C program: all ears' ports."""


class CallerPairs:
    """Both telephones of some calls. They talk from `begin` on, or each from its `call` on."""

    def __init__(
        self, calls: int, seed: int, manner: Manner, folder: Path, turns: Turns | None = None
    ) -> None:
        """`turns`: instead of a manner in which both talk nearly all the time."""
        self.talkers: Sequence[Talker | TurnTalker] = (
            turns.talkers(calls)
            if turns
            else [Talker(place, seed, manner) for place in range(2 * calls)]
        )
        self.calling: set[int] = set()
        """Calls that were begun by `call` and are going on."""
        self.reported: dict[str, Any] = {}
        """After `end`: CPU seconds, the worst lateness …"""
        self._folder = folder
        self._began: dict[int, float] = {}
        """First deadline of each telephone, monotonic seconds."""
        self._until: dict[int, int] = {}
        """First sample of a telephone that is not said any more."""

    @contextlib.asynccontextmanager
    async def ready(
        self, listen: list[int], seconds: float, *, waiting: bool
    ) -> AsyncIterator[list[int]]:
        """The process, with `seconds` of talk for each telephone, which goes to the port in `listen`.
        The ears' ports come back. `waiting`: a telephone is silent until its `call`.
        """
        parts = write_audio(self.talkers, seconds, self._folder / "audio")
        self._process = await asyncio.create_subprocess_exec(
            program("callers"), self._folder / "audio", self._folder / "heard",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=ANSWER_BYTES,
        )  # fmt: skip
        try:
            for port, (first, size) in zip(listen, parts, strict=True):
                self._say(f"{port} {first} {size}" + " later" * waiting)
            yield [int(port) for port in (await self._ask("")).split()]
        finally:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def begin(self) -> float:
        """Begin to talk, or to wait for `call`. The first deadline, monotonic seconds."""
        start = int(await self._ask("begin")) / 1e9
        for place in range(len(self.talkers)):
            self._began[place] = start + place % PHASES * 0.001
        return start

    async def call(self, number: int) -> None:
        """Both parties of a call begin to talk."""
        self.calling.add(number)
        for place in (2 * number, 2 * number + 1):
            self._began[place] = int(await self._ask(f"call {place}")) / 1e9

    def hang_up(self, number: int) -> None:
        """Both parties of a call put the receiver down."""
        self.calling.discard(number)
        for place in (2 * number, 2 * number + 1):
            self._say(f"hang {place}")

    def hush(self) -> None:
        """All who are calling finish their burst of words and stay on the line."""
        for place in (place for number in self.calling for place in (2 * number, 2 * number + 1)):
            ends = [word.end for word in self.talkers[place].planned]
            now = int((time.monotonic() + 1.0 - self._began[place]) * RATE)
            pauses = (a for a, b in pairwise(ends) if a >= now and b - a > RATE // 2)
            self._until[place] = next(pauses, ends[-1])
            frames = -(-2 * self._until[place] // FRAME_BYTES)
            self._say(f"until {place} {frames * FRAME_BYTES}")

    async def quiet(self) -> float:
        """Seconds since anybody said or heard anything."""
        return float(await self._ask("how"))

    async def end(self) -> None:
        """All hang up."""
        self.reported = json.loads(await self._ask("end"))

    def words(self, calls: Iterable[int]) -> tuple[Counts, list[float]]:
        """What was said and heard in these calls; how late each datagram at any ear was, in ms."""
        heard, late = read_ears(self._folder / "heard", len(self.talkers))
        places = [place for number in sorted(calls) for place in (2 * number, 2 * number + 1)]
        counts = count(
            DirectionReport(place, self.said(place), heard[place ^ 1]) for place in places
        )
        return counts, late

    def said(self, place: int) -> list[SaidBeacon]:
        """A telephone's words, with the time at which the datagram with each one's end was due."""
        words = self.talkers[place].planned
        until = self._until.get(place, words[-1].end if words else 0)
        return [
            SaidBeacon(
                word.number, self._began[place] + (2 * word.end - 1) // FRAME_BYTES * FRAME_SECONDS
            )
            for word in words
            if word.end <= until
        ]

    async def _ask(self, line: str) -> str:
        self._say(line)
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")


def write_audio(
    talkers: Sequence[Talker | TurnTalker], seconds: float, path: Path
) -> list[tuple[int, int]]:
    """All that will be said, to the end of the burst under way after `seconds`: (first byte, bytes)
    of each talker.
    """
    parts = []
    with path.open("wb") as file:
        for talker in talkers:
            first = file.tell()
            for _ in range(-int(-seconds // FRAME_SECONDS)):
                file.write(talker.frame()[0])
            talker.hush()
            speaking = True
            while speaking:
                frame, speaking = talker.frame()
                file.write(frame)
            parts.append((first, file.tell() - first))
    return parts
