"""Ports for the servers and callers that a demo, a bench or a test starts.

A port that is free when it is chosen may be taken before it is bound: a server needs a second to
start, and several demos and test workers choose at once. So each process claims a block of ports
for as long as it lives and hands out its own only. A claim is an abstract Unix socket: the kernel
keeps it unique in the network namespace, as the ports are, and drops it with the process.
"""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator
from typing import Final

from translink.errors import TranslinkError

FIRST: Final = 10_400
END: Final = 24_000
"""Below the ports that the kernel gives out by itself (32768 and up, or 16000 in some sandboxes:
there the bind decides) and below `calls.ports`, which a server takes for calls it is asked for."""
BLOCK: Final = 400
_CHANCE: Final = random.SystemRandom()
_LEFT: Final[list[int]] = []
"""Ports of our blocks that are to be handed out; the last one comes next."""
_LENT: Final[list[list[int]]] = []
"""What was handed out within each `lent` that is not over."""


class PortsError(TranslinkError):
    """No port is left to hand out."""


def free_port(kind: socket.SocketKind) -> int:
    """A loopback port that is free now and that no other process is given. Never the same twice,
    but after `lent`.

    Raises `PortsError` when other processes hold all blocks.
    """
    while True:
        if not _LEFT:
            _LEFT.extend(_CHANCE.sample(claim_block(), BLOCK))
        port = _LEFT.pop()
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
        if _LENT:
            _LENT[-1].append(port)
        return port


@contextlib.contextmanager
def lent() -> Iterator[None]:
    """What is handed out in here may be handed out again after it, though last of all: for a program that
    starts servers one after another. Without it a long one has claimed all blocks in the end."""
    mine: list[int] = []
    _LENT.append(mine)
    try:
        yield
    finally:
        _LENT.pop()
        _LEFT[:0] = mine


def loopback() -> tuple[str, int]:
    """A UDP address of this machine for a leg: see `free_port`."""
    return "127.0.0.1", free_port(socket.SOCK_DGRAM)


def claim_block() -> range:
    """`BLOCK` ports in a row that no other process is given, for a program that wants a range.
    Some may be in use by strangers. Raises `PortsError`."""
    for first in _CHANCE.sample(range(FIRST, END, BLOCK), (END - FIRST) // BLOCK):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0translink ports {first}")
        except OSError:
            claim.close()
            continue
        claim.detach()  # open until the process ends
        return range(first, first + BLOCK)
    raise PortsError(f"all ports from {FIRST} to {END - 1} are claimed by other processes")
