"""How much of the loop's time the admin server may take: sans-IO, time as an argument.

Requests are answered on the loop that serves the calls. What they cost differs by a thousand: a page
of the manual 0.2 ms, the figures of a thousand legs a second. So time is rationed, not requests. Each
kind has a share of the loop's time: clients that have shown a token, and strangers, who can ask for
little but are many. Of the strangers each address has a share of its own, so that one that floods
takes nothing from the others.

A request waits `LONGEST_REQUEST_WAIT` seconds at most, else it is refused: then nothing queues for longer,
and what waits is bounded by the shares. One whose client hangs up meanwhile gives its turn back.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

ClientKind = Literal["known", "stranger"]

SHARES: dict[ClientKind, float] = {"known": 0.2, "stranger": 0.04}
"""Of the loop's time, in the long run."""
RATE_BURST = 0.1
"""Seconds of it that a kind may take at once after a quiet time."""
REQUEST = 0.0004
"""Seconds that any request costs, what the server does before and after the handler included."""
LONGEST_REQUEST_WAIT = 1.0
ADDRESS_RATE = 25.0
ADDRESS_BURST = 50
"""Requests of one stranger's address: a second, and at once."""
ADDRESSES = 1_024
"""Strangers' addresses that are remembered; the one that asked longest ago is forgotten."""


class RequestRate:
    """Share of the loop's time that requests may take, by kind of client; those beyond it wait."""

    def __init__(
        self, shares: dict[ClientKind, float] | None = None, burst: float = RATE_BURST
    ) -> None:
        self._shares = shares or SHARES
        self._burst = burst
        self._paid: dict[ClientKind, float] = dict.fromkeys(self._shares, 0.0)
        """When what a kind has taken is paid for."""
        self._addresses: OrderedDict[str, float] = OrderedDict()
        self.delayed = 0
        """Requests that had to wait, since the start."""
        self.refused = 0
        """Requests that would have had to wait for too long."""

    def wait(self, kind: ClientKind, address: str, now: float) -> float | None:
        """Seconds until the turn of one more request; 0.0 = now, None = refused. Unless it is
        refused it counts as asked: `spent` it or `forgo` it."""
        paid = max(self._paid[kind], now - self._burst / self._shares[kind])
        wait = max(0.0, paid - now)
        if kind == "stranger":
            wait = max(wait, self._address_wait(address, now))
        if wait > LONGEST_REQUEST_WAIT:
            self.refused += 1
            return None
        self._paid[kind] = paid + REQUEST / self._shares[kind]
        if kind == "stranger":
            self._addresses[address] = self._address_paid(address, now) + 1 / ADDRESS_RATE
            self._addresses.move_to_end(address)
            if len(self._addresses) > ADDRESSES:
                self._addresses.popitem(last=False)
        if wait > 0:
            self.delayed += 1
        return wait

    def spent(self, kind: ClientKind, seconds: float) -> None:
        """The request took so much of the loop's time, beside what any takes."""
        self._paid[kind] += seconds / self._shares[kind]

    def forgo(self, kind: ClientKind) -> None:
        """Its client hung up: others may have its turn."""
        self._paid[kind] -= REQUEST / self._shares[kind]

    def _address_paid(self, address: str, now: float) -> float:
        return max(self._addresses.get(address, 0.0), now - ADDRESS_BURST / ADDRESS_RATE)

    def _address_wait(self, address: str, now: float) -> float:
        return max(0.0, self._address_paid(address, now) - now)
