"""Receivers of many legs, each a process of its own, and the sender that they hear.

`engine` is translink's media engine as asyncio has it, `mailbox` the same with every frame
timed, `shared` the same on one shared port, `attached` its rival; `asyncio` and `uvloop` are the reference (all in
`benches/kit/receiving.py`); `floor` is `native/floor.c`, `node` is `native/dgram.mjs`.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benches.kit.native import SOURCES, node, program
from benches.kit.processes import Talking
from translink.callers.ports import free_port

RECEIVE_BUFFER = 4_194_304
"""Bytes asked for by every receiver, for each socket."""
RECEIVERS = ("floor", "engine", "uvloop", "asyncio", "node")
SENDER_GRACE = 30.0
"""Seconds that the sender may take longer than it sends."""
TICK_US = "1000"
"""How often the sender sends what is due."""


@dataclass(frozen=True, slots=True)
class SentReport:
    """What the sender says it did."""

    sent: int
    refused: int
    seconds: float
    late_ms: float
    cpu_seconds: float


class Receiver(Talking):
    """One of `RECEIVERS`, started, with its ports. Use as a context manager."""

    def __init__(self, name: str, legs: int, mood: str = "idle") -> None:
        self.source = free_port(socket.SOCK_DGRAM)
        """Where to send from: a leg believes its first source only."""
        self.shared = name == "shared"
        """Each leg is sent to from an address of its own."""
        super().__init__(_command(name, legs, mood, self.source))
        self.ports = [int(port) for port in self.line().removeprefix("ready").split()]
        assert len(self.ports) == legs

    def __enter__(self) -> Receiver:
        return self

    def begin(self) -> None:
        """Count from now."""
        self.ask("begin")

    def end(self) -> dict[str, Any]:
        """What was counted."""
        return self.reported("end")


def send(
    ports: Sequence[int],
    *,
    seconds: float,
    rate: float,
    size: int,
    source: int = 0,
    shared: bool = False,
) -> SentReport:
    """Run `native/sender.c` to its end."""
    command = _sender(seconds, rate, size, source) + ["shared"] * shared
    done = subprocess.run(
        command,
        input="\n".join(map(str, ports)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=seconds + SENDER_GRACE,
    )
    return SentReport(**json.loads(done.stdout))


@contextlib.contextmanager
def sending(ports: Sequence[int], *, most_seconds: float, rate: float, size: int) -> Iterator[None]:
    """`native/sender.c` until the block ends."""
    command = _sender(most_seconds, rate, size, 0)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stdin is not None
    process.stdin.write("\n".join(map(str, ports)))
    process.stdin.close()
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _sender(seconds: float, rate: float, size: int, source: int) -> list[str]:
    return [str(program("sender")), str(seconds), str(rate), str(size), TICK_US, str(source)]


def sender_of(leg: int, source: int) -> str:
    """Where `native/sender.c` sends to a shared port's leg from."""
    row, place = divmod(leg, 250)
    return f"127.1.{row}.{place + 1}:{source}"


def _command(name: str, legs: int, mood: str, source: int) -> list[str]:
    if name == "floor":
        return [str(program("floor")), str(legs), str(RECEIVE_BUFFER)]
    if name == "node":
        return [node() or "node", str(SOURCES / "dgram.mjs"), str(legs), str(RECEIVE_BUFFER)]
    return [sys.executable, "-m", "benches.kit.receiving", name, str(legs), mood, str(source)]
