"""Telephones with RTP or headerless PCM on a leg of a running server: what they say goes through a network,
and what they hear is written down with its time."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.engine.rtp import RtpStream
from translink._core import BeaconDecoder, alaw_decode, beacon_encode, resample

PACKET = 0.02
"""Seconds of sound in each."""
WORD, BEAT = 0.14, 0.22
"""Seconds of a beacon word, and from one to the next."""
LEAD = 0.5
"""Seconds of silence before the first word."""
IN_TIME = 0.06
"""Seconds that a packet may be late and be heard nevertheless."""
AUDIBLE = 300


@dataclass(frozen=True)
class NetworkConditions:
    """What a network does to packets."""

    jitter: float = 0.0
    """Seconds that a packet may be late, evenly spread."""
    held_back: float = 0.0
    """Share of packets that are another 20 ms late, so that others overtake them."""
    doubled: float = 0.0
    lost: float = 0.0
    stall_at: float = -1.0
    """Nothing comes for 0.5 s from here on; then all of it at once."""
    new_ssrc_at: float = -1.0

    @property
    def in_time(self) -> float:
        """How late a packet may be and must still be heard."""
        return 0.55 if self.stall_at >= 0 else IN_TIME


@dataclass(frozen=True)
class Due:
    """A packet on its way: when, and which."""

    at: float
    place: int
    datagram: bytes


@dataclass
class PhoneTalk:
    """Words, their sound, and when each is."""

    numbers: Sequence[int]
    turn: int = 10
    """Words without a pause; then one of 0.6 s, or `pause`."""
    pause: float = 0.6
    starts: list[float] = field(default_factory=list)
    pcm: bytes = b""

    def __post_init__(self) -> None:
        pcm = bytearray(round(LEAD * 32_000))
        for count, number in enumerate(self.numbers, 1):
            self.starts.append(len(pcm) / 32_000)
            pcm += beacon_encode(number, amplitude=4_000)
            if count % self.turn == 0:
                pcm += bytes(round(self.pause * 16_000) * 2)
        pcm += bytes(32_000)
        self.pcm = bytes(pcm)

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 32_000


def packets(talk: PhoneTalk, format: str, new_ssrc_at: float) -> list[bytes]:
    """20 ms each: `raw` or a format of RTP."""
    if format == "raw":
        return [talk.pcm[at : at + 640] for at in range(0, len(talk.pcm), 640)]
    made = RtpStream(format).packets(talk.pcm)
    if new_ssrc_at >= 0:
        from_there = round(new_ssrc_at / PACKET)
        other = RtpStream(format, sequence=100, timestamp=5, ssrc=4711).packets(talk.pcm)
        shift = from_there
        made = made[:from_there] + other[shift:]
    return made


def through(
    conditions: NetworkConditions, datagrams: Sequence[bytes], seed: int
) -> tuple[list[Due], set[int]]:
    """When each arrives; and the places of those that never do, or too late to be heard."""
    chance = random.Random(seed)
    dues: list[Due] = []
    missing: set[int] = set()
    for place, datagram in enumerate(datagrams):
        said = place * PACKET
        late = chance.uniform(0, conditions.jitter)
        if chance.random() < conditions.held_back:
            late += PACKET
        if conditions.stall_at <= said < conditions.stall_at + 0.5 and conditions.stall_at >= 0:
            late = conditions.stall_at + 0.5 - said
        if chance.random() < conditions.lost:
            missing.add(place)
            continue
        if late > conditions.in_time:
            missing.add(place)
        dues.append(Due(said + late, place, datagram))
        if chance.random() < conditions.doubled:
            dues.append(Due(said + late + chance.uniform(0, 0.03), place, datagram))
    return sorted(dues, key=lambda due: due.at), missing


def whole(talk: PhoneTalk, missing: set[int]) -> list[int]:
    """The words all of whose packets, and the one before them, came in time."""
    kept = []
    for number, start in zip(talk.numbers, talk.starts, strict=True):
        first, last = int(start / PACKET) - 1, int((start + WORD) / PACKET)
        if missing.isdisjoint(range(first, last + 1)):
            kept.append(number)
    return kept


class BenchTelephone:
    """One leg's far end."""

    def __init__(self, leg: tuple[str, int], ear: tuple[str, int], format: str) -> None:
        self.heard: list[int] = []
        self.sounds: list[float] = []
        """When each burst of sound began at the ear (monotonic)."""
        self.sent: list[float] = []
        """When the last packet of each turn was due (monotonic)."""
        self._leg = leg
        self._format = format
        self._decoder = BeaconDecoder()
        self._loud_at = 0.0
        self._mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._mouth.setblocking(False)
        self._ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._ear.setblocking(False)
        self._ear.bind(ear)
        asyncio.get_running_loop().add_reader(self._ear, self._hear)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._ear)
        self._ear.close()
        self._mouth.close()

    async def say(self, dues: Sequence[Due], talk: PhoneTalk) -> set[int]:
        """Each at its time. The places of those that this busy machine sent later than `IN_TIME` after
        their time."""
        began, late = time.monotonic(), set[int]()
        ends = [start + WORD for n, start in enumerate(talk.starts, 1) if n % talk.turn == 0]
        self.sent += [began + end for end in ends]
        for due in dues:
            wait = began + due.at - time.monotonic()
            if wait > 0.001:
                await asyncio.sleep(wait)
            if time.monotonic() - began > due.place * PACKET + IN_TIME:
                late.add(due.place)
            self._mouth.sendto(due.datagram, self._leg)
        return late

    def _hear(self) -> None:
        now = time.monotonic()
        while True:
            try:
                datagram = self._ear.recv(4_096)
            except BlockingIOError:
                return
            pcm = (
                datagram
                if self._format == "raw"
                else resample(alaw_decode(datagram[12:]), 8_000, 16_000)
            )
            self.heard += [number for number, _, _ in self._decoder.push(pcm)]
            loud = max(memoryview(pcm).cast("h"), default=0) > AUDIBLE
            if loud:
                if now - self._loud_at > 0.4:
                    self.sounds.append(now)
                self._loud_at = now


def delays(sent: Sequence[float], sounds: Sequence[float]) -> list[float]:
    """Seconds from the end of each turn to the sound that follows it."""
    found = []
    for end in sent:
        after = [at - end for at in sounds if 0 < at - end < 2.5]
        if after:
            found.append(after[0])
    return found
