"""All simulated callers' telephone lines: real UDP sockets in one thread, at real-time pace.

Deadlines are absolute: frame n of a line leaves at `start + n · 20 ms` (+ the line's own phase, so
that not all leave in one instant), late or not. What a talker says is cut into datagrams of the
line's own length; in pauses a line with `dtx` sends nothing. Sending never waits: what the kernel
refuses is counted. Ears are drained between deadlines.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from translink.results import FRAME_SECONDS
from translink.sim.beacons import BeaconListener, HeardBeacon, Planned

PHASES = 5
_EAR_BUFFER = 1 << 20
_UDP_SEGMENT = 103
"""linux/udp.h; Python 3.11's socket module does not have it."""
_MOST_SEGMENTS = 64
_MOST_DATAGRAM_BYTES = 65_000


@dataclass(frozen=True, slots=True)
class SaidBeacon:
    """A word that left."""

    number: int
    at: float
    """When the datagram with its last sample was sent."""


class Mouth(Protocol):
    """Where a line's sound comes from."""

    @property
    def planned(self) -> Sequence[Planned]:
        """Words that are in the sound made so far, or will be."""

    def frame(self) -> tuple[bytes, bool]:
        """The next 640 bytes, and whether anything but a pause is in them."""

    def hush(self) -> None:
        """Say no more than what was begun."""


class LineEar(Protocol):
    """What takes a line's sound."""

    @property
    def heard(self) -> Sequence[HeardBeacon]:
        """Words, as far as they were found."""

    @property
    def datagrams(self) -> int:
        """How many datagrams came."""

    def datagram(self, payload: bytes, at: float) -> None:
        """Take one datagram, received at `at`."""

    def finish(self) -> None:
        """Nothing more will come. Idempotent."""


class SimLine:
    """One caller: where they talk to, where they hear, what they said and heard."""

    def __init__(
        self,
        name: str,
        talker: Mouth,
        *,
        listener: LineEar | None = None,
        datagram: int = 640,
        dtx: bool = False,
    ) -> None:
        self.name = name
        self.talker = talker
        self.listener = listener or BeaconListener()
        self.said: list[SaidBeacon] = []
        self.refused = 0
        """Datagrams that the kernel did not take."""
        self._datagram = datagram
        self._dtx = dtx
        self._buffer = b""
        self._sent = 0
        """Bytes of the talker's audio that are out, skipped pauses included."""
        self._mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._at_once = datagram
        with contextlib.suppress(OSError):
            # The kernel cuts what one call sends into datagrams: all of a tick leave together, and
            # this thread cannot be stopped in the middle of a frame.
            self._mouth.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, datagram)
            self._at_once = datagram * min(_MOST_SEGMENTS, _MOST_DATAGRAM_BYTES // datagram)
        self._mouth.bind(("127.0.0.1", 0))
        self.ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _EAR_BUFFER)
        self.ear.bind(("127.0.0.1", 0))
        for sock in (self.ear, self._mouth):
            sock.setblocking(False)

    @property
    def ear_port(self) -> int:
        """Where the line hears."""
        port: int = self.ear.getsockname()[1]
        return port

    @property
    def mouth_port(self) -> int:
        """Where the line speaks from."""
        port: int = self._mouth.getsockname()[1]
        return port

    def dial(self, port: int) -> None:
        """Talk to this UDP port of loopback."""
        self._mouth.connect(("127.0.0.1", port))

    def tick(self) -> None:
        """Take 20 ms from the talker and send the datagrams that are full."""
        frame, speaking = self.talker.frame()
        if self._dtx and not speaking:
            if self._buffer:
                self._send(self._buffer)
                self._buffer = b""
            self._sent += len(frame)
            return
        self._buffer += frame
        while full := len(self._buffer) // self._datagram * self._datagram:
            part = min(full, self._at_once)
            self._send(self._buffer[:part])
            self._buffer = self._buffer[part:]

    def hear(self) -> None:
        """Take what waits at the ear."""
        with contextlib.suppress(BlockingIOError):
            while True:
                payload = self.ear.recv(65_536)
                self.listener.datagram(payload, time.monotonic())

    def close(self) -> None:
        """Hang up."""
        self.listener.finish()
        self._mouth.close()
        self.ear.close()

    def _send(self, payload: bytes) -> None:
        try:
            self._mouth.send(payload)
        except OSError:  # a full buffer, or nobody there: expected
            self.refused += 1
        self._sent += len(payload)
        now, planned = time.monotonic(), self.talker.planned
        while len(self.said) < len(planned) and 2 * planned[len(self.said)].end <= self._sent:
            self.said.append(SaidBeacon(planned[len(self.said)].number, now))


class Lines:
    """The thread that serves them all."""

    def __init__(self, lines: list[SimLine]) -> None:
        self.lines = lines
        self.started = 0.0
        self.worst_lateness = 0.0
        """The most that a tick was behind its deadline, seconds: says whether this machine kept up.
        """
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sim-lines", daemon=True)

    def start(self) -> None:
        """Begin to talk."""
        self.started = time.monotonic()
        self._thread.start()

    def hush(self) -> None:
        """All callers finish their burst and stay on the line."""
        for line in self.lines:
            line.talker.hush()

    def all_sent(self) -> bool:
        """Has everything that was planned left?"""
        return all(len(line.said) == len(line.talker.planned) for line in self.lines)

    def missing(self) -> int:
        """Words that left and were not heard anywhere yet."""
        heard = {word.number for line in self.lines for word in tuple(line.listener.heard)}
        return sum(word.number not in heard for line in self.lines for word in tuple(line.said))

    def newest(self) -> float:
        """When the newest word was heard (0 = none yet)."""
        return max(
            (line.listener.heard[-1].at for line in self.lines if line.listener.heard), default=0.0
        )

    def close(self) -> None:
        """Stop the thread and hang up."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        for line in self.lines:
            line.close()

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # only root may; a talker must not wait for a compiler
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -10)
        ears = {line.ear.fileno(): line for line in self.lines}
        with select.epoll() as poll:
            for descriptor in ears:
                poll.register(descriptor, select.EPOLLIN)
            step = 0
            while not self._stop.is_set():
                due = self.started + step * FRAME_SECONDS / PHASES
                while (left := due - time.monotonic()) > 0:
                    for descriptor, _ in poll.poll(left):
                        ears[descriptor].hear()
                self.worst_lateness = max(self.worst_lateness, -left)
                for line in self.lines[step % PHASES :: PHASES]:
                    line.tick()
                for descriptor, _ in poll.poll(0):
                    ears[descriptor].hear()
                step += 1
