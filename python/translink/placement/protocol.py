"""What every form of placement can do: know the nodes, and give each slot on them to one call only.

A *node* is a process that serves calls. It announces itself over and over; a node that is not heard for
`EXPIRY` seconds is gone, and its calls are lost. A *slot* is room for one call on a node: a node of 50
calls has the slots 0 to 49. Two creators that want the same slot are told apart by an atomic write:
one gets it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from translink.errors import TranslinkError

BEAT: Final = 1.0
"""Seconds from one announcement of a node to its next."""
EXPIRY: Final = 4.0
"""Seconds without one after which a node is gone: its calls are known as lost within 5 s."""


class PlacementError(TranslinkError):
    """What keeps the slots cannot be reached. Running calls do not notice; new ones stay on the node that
    is asked."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node, as it announced itself."""

    name: str
    """Unique among the nodes, and a word: letters, digits, `-`. Its calls are called after it."""
    url: str
    """Of its admin server, as the other nodes reach it."""
    capacity: int
    """Calls that it takes at once."""
    running: int
    """Calls that it has."""
    busy: float
    """Share of a processor that its calls take of the loop's thread, 0 to 1."""
    accepts: bool
    """It takes new calls: ready, not draining, not overloaded."""
    began: float
    """Unix seconds of its start. A node that starts again under its name is another one."""

    @property
    def free(self) -> float:
        """Share of its capacity that is free, 0 to 1."""
        return max(0.0, 1.0 - self.running / self.capacity) if self.capacity else 0.0


@dataclass(frozen=True, slots=True)
class Slot:
    """Room for one call on a node."""

    node: str
    number: int
    """From 0 to the node's capacity − 1."""


class Placement(Protocol):
    """Shared by all nodes. Everything that is looked at is known already and does not wait."""

    on_gone: Callable[[Node], None]
    """Called once with each node that expired or said good-bye."""
    on_change: Callable[[str, str], None]
    """Called with the name and value of each setting that another node shared."""

    async def announce(self, node: Node) -> None:
        """Say that `node` is there, `EXPIRY` seconds long. Raises `PlacementError`."""

    async def leave(self, name: str) -> None:
        """Say that the node is gone, now, and free its slots. Raises `PlacementError`."""

    def nodes(self) -> Mapping[str, Node]:
        """The nodes that are there, by name."""

    async def claim(self, node: str, call: str) -> Slot | None:
        """A slot on `node` for `call` (any word, for the one who reads the store), which nobody else has;
        None when all are taken or the node is not there. Raises `PlacementError`."""

    async def release(self, slot: Slot) -> None:
        """Give a slot back. Idempotent. Raises `PlacementError`."""

    async def share(self, setting: str, value: str) -> None:
        """Tell all nodes of a setting that was changed live. Raises `PlacementError`."""

    async def close(self) -> None:
        """Stop following the others. Idempotent."""


def best(nodes: Mapping[str, Node]) -> list[Node]:
    """Those that take calls, the freest first; among equals the less busy, then by name."""
    takers = (node for node in nodes.values() if node.accepts and node.running < node.capacity)
    return sorted(takers, key=lambda node: (-node.free, node.busy, node.name))
