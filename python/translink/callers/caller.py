"""A caller: says sound into a leg's socket and listens at its ear, in real time, as a gateway does.

Second n of the microphone's audio is sent n seconds after it started, at absolute deadlines: a late
wake-up is caught up with and never shifts what follows. A datagram leaves when its last sample
would have been captured, so one of 15,870 bytes leaves 496 ms after its first sample. Arrival times
are the kernel's, so that they stay true while this process is busy.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from translink.callers.ear import BYTES_PER_SECOND, EarCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Address = tuple[str, int]
DATAGRAM = 640
"""Bytes; 20 ms."""
MAX_DATAGRAM = 65_507
"""What IPv4 and UDP headers leave of 65,535 bytes."""


@dataclass(slots=True)
class Sent:
    """What a microphone did."""

    datagrams: int = 0
    bytes: int = 0
    errors: int = 0
    """Datagrams the local kernel refused; they are lost, as on a wire."""
    late: int = 0
    """Datagrams that left more than 5 ms after their deadline."""
    worst_late: float = 0.0
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Said:
    """When something was said, on `time.monotonic()`."""

    began: float
    """Capture time of its first sample."""
    ended: float
    """Capture time of its last sample."""


class Caller:
    """One telephone: a UDP socket that sends the microphone and receives the ear.

    Both use one socket, so it works with servers that answer to the source of what they receive and
    with those that play to a configured address. Use as an async context manager; `say` one thing
    after the other.
    """

    def __init__(
        self,
        to: Address,
        *,
        ear: Address = ("127.0.0.1", 0),
        sizes: Iterator[int] | None = None,
        open_mic: bool = True,
        record: Callable[[bytes], object] | None = None,
    ) -> None:
        """Args:
            to: where the leg listens.
            ear: where this caller listens; port 0 = any free one, see `address`.
            sizes: bytes of each datagram, endless; default: 640.
            open_mic: send silence between sayings, as telephones do; False = send nothing (mute,
                DTX).
            record: gets what is heard, as s16le in whole samples, silence included.

        Raises:
            OSError: the ear's address is in use or not of this machine.
        """
        self.sent = Sent()
        self.to = to
        self._sizes = sizes if sizes is not None else fixed_size(DATAGRAM)
        self._open_mic = open_mic
        self._words: memoryview = memoryview(b"")
        self._said: asyncio.Future[Said] | None = None
        self._began = 0.0
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()
        self._odd = False
        self._mic: asyncio.Task[None] | None = None
        self._socket = _bind(ear)
        self._record = record
        self.heard = EarCheck(time.monotonic(), record)
        """What was heard since the call began, which is when the context was entered."""

    @property
    def address(self) -> Address:
        """Where this caller's ear listens and its microphone sends from."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    async def __aenter__(self) -> Caller:
        self.heard = EarCheck(time.monotonic(), self._record)
        asyncio.get_running_loop().add_reader(self._socket, self._receive)
        self._mic = asyncio.create_task(self._speak(), name=f"mic of {self.address}")
        self._mic.add_done_callback(self._hung_up)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up: stop sending, fill the recording up to now. Idempotent."""
        if self._socket.fileno() < 0:
            return
        if self._mic is not None:
            self._mic.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._mic
        self._receive()
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self.heard.finish(time.monotonic())

    def introduce(self, first: str) -> None:
        """Send this as a datagram of its own, from where the microphone sends: a shared port's token."""
        self._socket.sendto(first.encode(), self.to)

    async def say(self, pcm: bytes) -> Said:
        """Say 16 kHz s16le mono, beginning with the next datagram. Returns when its last datagram
        has left.

        Calls made while something is being said wait their turn.
        """
        if len(pcm) % 2:
            raise ValueError(f"{len(pcm)} bytes are not whole samples")
        async with self._turn:
            if not pcm:
                now = time.monotonic()
                return Said(now, now)
            self._said = asyncio.get_running_loop().create_future()
            self._began = 0.0
            self._words = memoryview(pcm)
            self._wake.set()
            try:
                return await self._said
            finally:  # also when the caller of say() was cancelled: be silent at once
                self._words = memoryview(b"")
                self._said = None

    async def quiet(self, seconds: float, patience: float) -> bool:
        """Wait until nothing was heard for `seconds`, counted from now or from the last sound.

        Args:
            seconds: length of the silence.
            patience: how long to wait for a first sound if none was heard at all.

        Returns:
            Whether any sound was ever heard.
        """
        began = time.monotonic()
        while True:
            now = time.monotonic()
            last = self.heard.last_sound
            until = began + patience if last is None else max(began, last) + seconds
            if now >= until:
                return last is not None
            await asyncio.sleep(min(until - now, 0.1))

    async def _speak(self) -> None:
        """The microphone: one datagram after the other at absolute deadlines."""
        captured = time.monotonic()
        for size in self._sizes:
            if not self._open_mic and not self._words:
                self._wake.clear()
                await self._wake.wait()
                captured = time.monotonic()
            payload, last = self._capture(size, captured)
            captured += len(payload) / BYTES_PER_SECOND
            await asyncio.sleep(max(0.0, captured - time.monotonic()))
            self._send(payload, captured)
            if last is not None and not last.done():
                last.set_result(Said(self._began, captured))

    def _hung_up(self, mic: asyncio.Task[None]) -> None:
        """Callers still waiting in `say` get an error: it will not be said."""
        if self._said is not None and not self._said.done():
            cause = None if mic.cancelled() else mic.exception()
            self._said.set_exception(cause or ConnectionAbortedError("the caller hung up"))

    def _capture(self, size: int, at: float) -> tuple[bytes, asyncio.Future[Said] | None]:
        """The next datagram and, if it holds the last of the words, what waits for that."""
        payload = bytearray()
        if self._odd and self._words and not self._began:
            payload.append(0)  # words begin on a sample, whatever silence was sent before
        words = self._words[: size - len(payload)]
        if words and not self._began:
            self._began = at
        payload += words
        self._words = self._words[len(words) :]
        finished = self._said if words and not self._words else None
        if self._open_mic:
            payload += bytes(size - len(payload))
        self._odd ^= bool(len(payload) % 2)
        return bytes(payload), finished

    def _send(self, payload: bytes, due: float) -> None:
        try:
            self._socket.sendto(payload, self.to)
        except OSError:  # a full buffer, a host that is away: expected
            self.sent.errors += 1
        late = time.monotonic() - due
        self.sent.datagrams += 1
        self.sent.bytes += len(payload)
        self.sent.late += late > 0.005
        self.sent.worst_late = max(self.sent.worst_late, late)

    def _receive(self) -> None:
        """Everything that waits; bounded so that a flood cannot keep the loop from speaking."""
        ahead = time.time() - time.monotonic()
        for _ in range(256):
            try:
                payload, extra, _flags, _sender = self._socket.recvmsg(MAX_DATAGRAM, 64)
            except BlockingIOError:
                return
            except OSError:  # an ICMP answer to something sent: expected
                continue
            self.heard.hear(payload, _arrival(extra, ahead))


def fixed_size(size: int) -> Iterator[int]:
    """Datagrams of one size. Raises `ValueError` when no datagram can have it."""
    if not 1 <= size <= MAX_DATAGRAM:
        raise ValueError(f"a datagram has 1 to {MAX_DATAGRAM} bytes, not {size}")
    return itertools.repeat(size)


def random_sizes(seed: int, low: int = 1, high: int = 1600) -> Iterator[int]:
    """Datagrams of odd and even sizes from `low` to `high`, the same for the same seed."""
    chance = random.Random(seed)
    while True:
        yield chance.randint(low, high)


def _bind(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        made.setblocking(False)
        made.bind(address)
    except BaseException:
        made.close()
        raise
    return made


def _arrival(extra: list[tuple[int, int, bytes]], ahead: float) -> float:
    """Kernel receive time on the monotonic clock; `ahead` = wall clock minus monotonic clock."""
    for level, kind, data in extra:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= 16:
            seconds, nanos = struct.unpack_from("qq", data)
            return float(seconds + nanos / 1e9 - ahead)
    return time.monotonic()


_SO_TIMESTAMPNS = 35
"""Linux, `asm-generic/socket.h`; Python has no name for it."""
