"""What every form of placement can do: know the nodes, and give each slot on them to one call only.

A *node* is a process that serves calls. It announces itself over and over; a node that is not heard for
`EXPIRY` seconds is gone, and its calls are lost. A *slot* is room for one call on a node: a node of 50
calls has the slots 0 to 49. Two creators that want the same slot are kept apart by an atomic write:
one gets it. A slot bears the name of its call, so that all know which calls were lost with a node.

A creator claims a slot before it asks the node for the call, under a word that begins with `CLAIMED`; the
node then gives it the call's name. A slot that nobody came with for `CLAIM_PATIENCE` seconds is given
back by its node: the creator has died.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from translink.errors import TranslinkError

BEAT: Final = 1.0
"""Seconds from one announcement of a node to its next."""
EXPIRY: Final = 4.0
"""Seconds without one after which a node is gone: its calls are known as lost within 5 s."""
CLAIMED: Final = "claimed by "
"""Begins the word in a slot that no call is in yet. No call's name has a space in it."""
CLAIM_PATIENCE: Final = 15.0
"""Seconds for which such a slot is kept: longer than a creator waits for the node's answer."""


class PlacementError(TranslinkError):
    """What keeps the slots cannot be reached. Running calls do not notice; new ones stay on the node that
    is asked."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node, as it announced itself."""

    name: str
    """Unique among the nodes, and a word: letters, digits, `-`. Its calls are called after it. A node that starts
    again does best to take another: then nothing of before is taken for theirs."""
    url: str
    """Of its admin server, as the other nodes reach it."""
    capacity: int
    """Calls that it takes at once."""
    running: int
    """Calls that it has, or that have a slot on it, if these are more."""
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
    """What all nodes share, as one of them knows it. What is looked at is known already and does not wait."""

    on_gone: Callable[[Node, Sequence[str]], None]
    """Called once with each node that is not heard any more, and the names of the calls that it had: they
    are lost. Not for a node that took its leave."""
    on_change: Callable[[str, str], None]
    """Called with the name and value of each setting that another node shared."""

    async def announce(self, node: Node) -> None:
        """Say that `node` is there, `EXPIRY` seconds long. Raises `PlacementError`."""

    async def leave(self, name: str) -> None:
        """Say that the node is gone, now, and free its slots. Raises `PlacementError`."""

    def nodes(self) -> Mapping[str, Node]:
        """The nodes that are there, by name."""

    def slots(self, node: str) -> Mapping[int, str]:
        """The slots of a node that are taken: the number to the call's name, or what it was claimed as."""

    async def claim(self, node: str, call: str) -> Slot | None:
        """A slot on `node`, which nobody else has, named `call`; None when all are taken or the node is not
        there. Raises `PlacementError`."""

    async def rename(self, slot: Slot, call: str) -> None:
        """The slot is that of `call` now. Raises `PlacementError`."""

    async def release(self, slot: Slot) -> None:
        """Give a slot back. Idempotent. Raises `PlacementError`."""

    async def share(self, setting: str, value: str) -> None:
        """Tell all nodes of a setting that was changed live. Raises `PlacementError`."""

    def reachable(self) -> bool:
        """Whether what keeps the slots is there. While it is not, all else raises at once."""

    async def close(self) -> None:
        """Stop following the others. Idempotent."""


def best(nodes: Mapping[str, Node], home: str | None = None) -> list[Node]:
    """Those that take calls, the freest first; among equals `home`, which is the one that was asked (so that
    several who are asked at once do not all choose the same), then the less busy, then by name."""
    takers = (node for node in nodes.values() if node.accepts and node.running < node.capacity)
    return sorted(takers, key=lambda node: (-node.free, node.name != home, node.busy, node.name))
