"""Which slots a node should claim, rename or give back, so that they are those of its calls: pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from translink.placement.protocol import CLAIM_PATIENCE

SLOTLESS: Final = 3.0
"""Seconds that a call may be without a slot: that of one that was asked for still has its creator's word in it."""
MOST_AT_ONCE: Final = 32
"""Slots that are seen to in one step; the others in the next."""


class SlotLedger:
    """Looks at both sides, and remembers since when they differ. Time is an argument, monotonic seconds."""

    def __init__(self) -> None:
        self._unclaimed: dict[int, float] = {}
        """Slots whose word is no call's, since when."""
        self._slotless: dict[str, float] = {}
        """Calls without a slot, since when."""
        self._ran: set[str] = set()
        """Calls that were there, and those whose slots still are: when they are over, these are not waited for."""
        self._over: dict[str, float] = {}
        """Calls that are known to have ended, since when. Their slots may be heard of later than that."""

    def look(
        self,
        slots: Mapping[int, str],
        calls: Collection[str],
        now: float,
        over: Collection[str] = (),
    ) -> tuple[list[int], list[str]]:
        """Slots to give back, and calls to claim one for. `over`: calls that are known to have ended, seen
        running or not."""
        self.ended(over, now)
        back = list(self._to_give_back(slots, calls, now))
        taken = set(slots.values())
        without = [call for call in calls if call not in taken]
        self._slotless = {call: self._slotless.get(call, now) for call in without}
        wanted = [call for call in without if now - self._slotless[call] >= SLOTLESS]
        self._ran = {*calls, *(self._ran & taken)}
        return back[:MOST_AT_ONCE], wanted[:MOST_AT_ONCE]

    def ended(self, calls: Iterable[str], now: float) -> None:
        """These are over. It does no harm if the next look comes first."""
        self._over |= dict.fromkeys(calls, now)
        self._over = {c: since for c, since in self._over.items() if now - since < CLAIM_PATIENCE}

    def _to_give_back(
        self, slots: Mapping[int, str], calls: Collection[str], now: float
    ) -> Iterator[int]:
        seen: set[str] = set()
        waiting: dict[int, float] = {}
        for number, call in slots.items():
            if call in calls:
                if call in seen:
                    yield number  # it has another
                seen.add(call)
            elif call in self._ran or call in self._over:
                yield number
            else:
                waiting[number] = self._unclaimed.get(number, now)
                if now - waiting[number] >= CLAIM_PATIENCE:
                    yield number
        self._unclaimed = waiting
