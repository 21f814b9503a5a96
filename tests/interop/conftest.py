"""A real `translink serve` for a whole module of real peers. Its providers are beacon engines, so
that every word is counted: what a peer says and what another one hears can be compared word for
word."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from translink._core import BeaconDecoder, beacon_encode
from translink.callers.caller import Address, Caller
from translink.callers.ear import BYTES_PER_SECOND
from translink.callers.ports import free_port
from translink.callers.server_process import LegPlan
from translink.sim.beacons import number_of
from translink.sim.programs import Programs

PAIRS = 40
"""13 are taken by each attempt of all tests, and a machine that stands still is allowed three."""
WORDS = 10
"""That a peer says: 2.2 seconds."""


def need(program: str) -> pytest.MarkDecorator:
    """Skips where it is not installed."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two legs: a peer talks into one and another hears at the other."""

    place: int
    leg: str
    microphone: Address
    """Where the talker's leg listens."""
    own_ear: Address
    """Where the talker would hear the other one."""
    other_leg: str
    other_microphone: Address
    ear: Address
    """Where the talker's words arrive."""

    @property
    def numbers(self) -> list[int]:
        """What is said."""
        return [number_of(self.place, serial) for serial in range(WORDS)]

    @property
    def pcm(self) -> bytes:
        """The sound of it, between short silences as a recording has them."""
        words = b"".join(beacon_encode(number) for number in self.numbers)
        return bytes(BYTES_PER_SECOND // 10) + words + bytes(BYTES_PER_SECOND // 10)


@dataclass
class PeerWorld:
    """The server and its pairs; a test takes one and no other test has it."""

    programs: Programs
    pairs: list[Pair]

    def take(self) -> Pair:
        return self.pairs.pop()

    async def counters(self, leg: str) -> dict[str, Any]:
        """Of one leg, when the last datagrams have been counted."""
        await asyncio.sleep(0.15)
        legs: Any = (await self.programs.stats())["legs"]
        counters: dict[str, Any] = legs[leg]
        return counters


class PeerWitness:
    """Writes down the numbers that arrive at an ear. Sends nothing."""

    def __init__(self, pair: Pair) -> None:
        self.heard: list[int] = []
        self._decoder = BeaconDecoder()
        self.caller = Caller(
            pair.other_microphone, ear=pair.ear, open_mic=False, record=self._listen
        )

    def _listen(self, pcm: bytes) -> None:
        self.heard += [number for number, _, _ in self._decoder.push(pcm)]

    async def __aenter__(self) -> PeerWitness:
        await self.caller.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.caller.close()

    async def hears(self, numbers: list[int], patience: float = 40.0) -> list[int]:
        """What was heard when it is everything, or when patience ends."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while len(self.heard) < len(numbers):  # noqa: ASYNC110 - a socket says it
                    await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)  # whatever is doubled comes after
        return self.heard


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[PeerWorld]:
    ports = [free_port(socket.SOCK_DGRAM) for _ in range(4 * PAIRS)]
    pairs, legs = [], []
    for place in range(PAIRS):
        one, two = str(1000 + place), str(2000 + place)
        addresses = [("127.0.0.1", ports.pop()) for _ in range(4)]
        pairs.append(Pair(place, one, addresses[0], addresses[1], two, *addresses[2:]))
        legs += [
            LegPlan(one, "en", addresses[0], addresses[1]),
            LegPlan(two, "fr", addresses[2], addresses[3]),
        ]
    async with Programs(legs, seed=1) as programs:
        yield PeerWorld(programs, pairs)


def words_in(path: Path) -> list[int]:
    """Numbers in a file of s16le."""
    decoder = BeaconDecoder()
    found = [*decoder.push(path.read_bytes()), *decoder.finish()]
    return [number for number, _, _ in found]
