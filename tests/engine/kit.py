"""Callers, ears and waiting, for tests of the real engine on loopback."""

from __future__ import annotations

import json
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from benches.kit.native import program
from translink._core import Digit, Engine, Frame, Playout, RtpFound, SourceChange

LOCAL = ("127.0.0.1", 0)


def has_ipv6() -> bool:
    """Containers often have none."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as trial:
            trial.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="NOT CHECKED: this machine has no IPv6")


class Drainer:
    """Reads an engine's mailbox the way asyncio would: waits for the eventfd, then drains."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.frames: list[Frame] = []
        self.steps: list[Playout] = []
        self.changes: list[SourceChange] = []
        self.keys: list[Digit] = []
        self.found: list[RtpFound] = []

    def until(self, done: Callable[[], bool], timeout: float = 5.0) -> bool:
        """Drain until `done`; False if that does not come about in time."""
        end = time.monotonic() + timeout
        while not done():
            if (left := end - time.monotonic()) <= 0:
                return False
            if select.select([self.engine.fileno()], [], [], min(left, 0.05))[0]:
                self.once()
        return True

    def for_(self, seconds: float) -> None:
        """Drain for a while."""
        self.until(lambda: False, seconds)

    def once(self) -> int:
        """One drain."""
        items = self.engine.drain()
        for item in items:
            if isinstance(item, Frame):
                self.frames.append(item)
            elif isinstance(item, SourceChange):
                self.changes.append(item)
            elif isinstance(item, Digit):
                self.keys.append(item)
            elif isinstance(item, RtpFound):
                self.found.append(item)
            elif isinstance(item, Playout):
                self.steps.append(item)
        return len(items)

    def audio(self, leg: int) -> bytes:
        """What a leg's frames say, without the silence that we added."""
        return b"".join(f.pcm[: 640 - f.filled] for f in self.frames if f.leg == leg)


@contextmanager
def engine(mailbox: int = 8192) -> Iterator[tuple[Engine, Drainer]]:
    """An engine and its drainer, closed at the end."""
    made = Engine(mailbox=mailbox)
    try:
        yield made, Drainer(made)
    finally:
        made.close()


@contextmanager
def udp(timeout: float = 10.0) -> Iterator[socket.socket]:
    """A bound UDP socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(LOCAL)
        made.settimeout(timeout)
        yield made


def flood(target: tuple[str, int], rate: int, seconds: float) -> subprocess.Popen[str]:
    """A process that sends `rate` datagrams of 640 bytes a second (`benches/native/sender.c`)."""
    command = [str(program("sender")), str(seconds), str(rate), "640", "1000"]
    sender = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert sender.stdin is not None
    sender.stdin.write(f"{target[1]}\n")
    sender.stdin.close()
    sender.stdin = None
    return sender


def flooded(sender: subprocess.Popen[str]) -> int:
    """How many it sent, when it has."""
    return int(json.loads(sender.communicate()[0])["sent"])


def serial(pcm: bytes) -> int:
    """The number of a datagram of `flood`."""
    return int.from_bytes(pcm[16:20], "little")


class EarThread(threading.Thread):
    """Takes datagrams and their kernel receive times until nothing comes for half a second."""

    def __init__(self) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(5.0)
        self.address = self._socket.getsockname()
        self.times: list[int] = []
        self.sizes: set[int] = set()

    def run(self) -> None:
        with self._socket:
            while True:
                try:
                    data, control, _, _ = self._socket.recvmsg(2048, 64)
                except TimeoutError:
                    return
                self._socket.settimeout(0.5)
                seconds, nanos = struct.unpack("qq", control[0][2])
                self.times.append(seconds * 1_000_000_000 + nanos)
                self.sizes.add(len(data))


SO_TIMESTAMPNS = 35
