"""Callers, ears and waiting, for tests of the real engine on loopback."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from translink._core import Engine, Frame, Playout

BENCHES = Path(__file__).resolve().parents[2] / "benches"
LOCAL = ("127.0.0.1", 0)


class Drainer:
    """Reads an engine's mailbox the way asyncio would: waits for the eventfd, then drains."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.frames: list[Frame] = []
        self.steps: list[Playout] = []

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
            else:
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
def udp(timeout: float = 2.0) -> Iterator[socket.socket]:
    """A bound UDP socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(LOCAL)
        made.settimeout(timeout)
        yield made


def flood(
    target: tuple[str, int], rate: int, seconds: float, size: int = 640
) -> subprocess.Popen[str]:
    """A process that sends `rate` datagrams a second; prints how many it sent."""
    script = BENCHES / "flood.py"
    arguments = ["--send", f"{target[0]}:{target[1]}", "--rate", str(rate)]
    arguments += ["--seconds", str(seconds), "--size", str(size)]
    return subprocess.Popen([sys.executable, script, *arguments], stdout=subprocess.PIPE, text=True)
