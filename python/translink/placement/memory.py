"""Placement within one process: nothing is needed for it, and nothing is out of reach.

Several may share one memory (`beside`): those of a face and its workers, or of nodes in a test. Nodes
that expired are looked for at each announcement and each look at the nodes: no task runs for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from translink.placement.protocol import Node, Slot
from translink.placement.roster import Roster


class MemoryPlacement:
    """One node's share in what is kept in memory. Fills `Placement`; raises no `PlacementError`."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        memory: tuple[Roster, list[MemoryPlacement], dict[str, str]] | None = None,
    ) -> None:
        """`memory` is for `beside`."""
        self._roster, self._sharers, self._settings = memory or (Roster(), [], {})
        self._clock = clock
        self.on_gone: Callable[[Node, Sequence[str]], None] = lambda node, calls: None
        self.on_change: Callable[[str, str], None] = lambda setting, value: None
        self._sharers.append(self)
        self._roster.on_gone = self._gone

    def beside(self) -> MemoryPlacement:
        """Another one on the same memory."""
        return MemoryPlacement(self._clock, memory=(self._roster, self._sharers, self._settings))

    async def announce(self, node: Node) -> None:
        now = self._clock()
        self._roster.expire(now)
        self._roster.heard(node, now)

    async def leave(self, name: str) -> None:
        self._roster.left(name)

    def nodes(self) -> Mapping[str, Node]:
        self._roster.expire(self._clock())
        return self._roster.nodes()

    def slots(self, node: str) -> Mapping[int, str]:
        return dict(self._roster.slots(node))

    async def claim(self, node: str, call: str) -> Slot | None:
        # Nothing is awaited between the look and the taking, so that nobody comes between.
        self._roster.expire(self._clock())
        for number in self._roster.free(node):
            self._roster.take(node, number, call)
            return Slot(node, number)
        return None

    async def rename(self, slot: Slot, call: str) -> None:
        if slot.number in self._roster.slots(slot.node):
            self._roster.take(slot.node, slot.number, call)

    async def release(self, slot: Slot) -> None:
        self._roster.give(slot.node, slot.number)

    async def share(self, setting: str, value: str) -> None:
        self._settings[setting] = value
        for sharer in tuple(self._sharers):
            if sharer is not self:
                sharer.on_change(setting, value)

    def reachable(self) -> bool:
        return True

    async def close(self) -> None:
        if self in self._sharers:
            self._sharers.remove(self)

    def _gone(self, node: Node, calls: Sequence[str]) -> None:
        for sharer in tuple(self._sharers):
            sharer.on_gone(node, calls)
