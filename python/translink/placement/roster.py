"""Which nodes are there and which of their slots are taken, as one process has heard of it.

Without clocks or sockets: time is an argument, in seconds of the own monotonic clock. No clock of
another machine is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from translink.placement.protocol import EXPIRY, Node

MOST_NODES = 1_000
"""One more is not taken note of."""


class Roster:
    """Written by a form of placement as it hears of things."""

    def __init__(self) -> None:
        self.on_gone: Callable[[Node, Sequence[str]], None] = lambda node, calls: None
        """Called once with each node that is not heard any more, and its calls."""
        self._nodes: dict[str, Node] = {}
        self._heard: dict[str, float] = {}
        self._taken: dict[str, dict[int, str]] = {}
        self._strange: dict[str, float] = {}
        """Nodes that only their slots tell of, and since when."""

    def nodes(self, coming: Sequence[str] = ()) -> Mapping[str, Node]:
        """Those that are there. A slot counts from the claim on, which is before its node says so; `coming`: nodes
        of which one is being claimed, once for each."""
        return {
            name: replace(
                node,
                running=max(node.running, len(self._taken.get(name, ())) + coming.count(name)),
            )
            for name, node in self._nodes.items()
        }

    def slots(self, node: str) -> Mapping[int, str]:
        """The taken slots of a node: number to call."""
        return self._taken.get(node, {})

    def free(self, node: str) -> Sequence[int]:
        """Numbers of the slots of a node that are not known to be taken, from the lowest on."""
        there, taken = self._nodes.get(node), self._taken.get(node, {})
        return [number for number in range(there.capacity if there else 0) if number not in taken]

    def heard(self, node: Node, now: float) -> None:
        """A node announced itself. One that has started again takes the place of the one before."""
        before = self._nodes.get(node.name)
        if before is None and len(self._nodes) >= MOST_NODES:
            return
        if before is not None and before.began != node.began:
            self._lose(node.name)
        self._nodes[node.name] = node
        self._heard[node.name] = now

    def left(self, name: str) -> None:
        """A node took its leave."""
        for known in (self._nodes, self._heard, self._taken):
            known.pop(name, None)

    def take(self, node: str, number: int, call: str) -> None:
        """A slot was taken or renamed. Of a node that is not heard yet too: it may be so soon."""
        self._taken.setdefault(node, {})[number] = call

    def give(self, node: str, number: int) -> None:
        """A slot was given back."""
        self._taken.get(node, {}).pop(number, None)

    def keep(self, slots: Collection[tuple[str, int]]) -> None:
        """Only these are taken, and all others were given back while nobody could say so."""
        for node, taken in self._taken.items():
            for number in [number for number in taken if (node, number) not in slots]:
                del taken[number]

    def strays(self, now: float) -> Sequence[str]:
        """Nodes whose slots are still there, and that were not heard for `EXPIRY` seconds. They are forgotten."""
        strange = [name for name in self._taken if name not in self._nodes]
        self._strange = {name: self._strange.get(name, now) for name in strange}
        over = [name for name, since in self._strange.items() if now - since >= EXPIRY]
        for name in over:
            self.left(name)
        return over

    def expire(self, now: float) -> None:
        """Nodes that were not heard for `EXPIRY` seconds are gone."""
        for name in [name for name, at in self._heard.items() if now - at >= EXPIRY]:
            self._lose(name)

    def excuse(self, now: float) -> None:
        """Nobody could be heard until now: all nodes have `EXPIRY` seconds from here."""
        self._heard = dict.fromkeys(self._heard, now)

    def _lose(self, name: str) -> None:
        node, calls = self._nodes[name], tuple(self._taken.get(name, {}).values())
        self.left(name)
        self.on_gone(node, calls)
