"""How many wrong tokens are looked at: sans-IO, bounded, time as an argument.

Theory of operation
    A wrong token costs its address `GUESS_SECONDS` seconds of credit, of which it has `GUESSES_AT_ONCE` at once; an
    address without credit has to wait, *whatever* it shows next: or else a right guess would be
    answered differently. All addresses together have a budget of their own, so that
    a thousand addresses guess no faster than a few; that one does not touch addresses that have
    shown a right token before: nobody can lock the operator out by guessing from elsewhere. A right
    token gives no credit back: the holder of the read token could else guess the other one for ever.

Bounds: since all addresses together may fail `OVERALL_BURST` times at once and then once in
`OVERALL_EVERY` seconds, only so many can be in debt at a time; debts that are over are forgotten,
and `MOST_ADDRESSES` holds in any case (the oldest goes). Known addresses: `MOST_ADDRESSES`, the oldest goes.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

GUESSES_AT_ONCE = 10
GUESS_SECONDS = 6.0
"""Seconds for one more attempt of one address: ten a minute."""
OVERALL_BURST = 100
OVERALL_EVERY = 1.0
MOST_ADDRESSES = 1_024


class Throttle:
    """All addresses that showed a token."""

    def __init__(self) -> None:
        self._paid: OrderedDict[str, float] = OrderedDict()
        """Address to the time at which its last failure is forgiven."""
        self._all_paid = 0.0
        self._known: OrderedDict[str, None] = OrderedDict()
        self.failed_tokens = 0
        """Wrong tokens seen, since the start."""
        self.throttled = 0
        """Requests that had to wait, their tokens not looked at."""

    def __len__(self) -> int:
        """Addresses remembered."""
        return len(self._paid) + len(self._known)

    def wait(self, address: str, now: float) -> float:
        """Seconds until a token from there is looked at; 0.0 = now. Counts those that have to wait."""
        who = _network(address)
        wait = self._paid.get(who, now) - now - (GUESSES_AT_ONCE - 1) * GUESS_SECONDS
        if who not in self._known:
            wait = max(wait, self._all_paid - now - (OVERALL_BURST - 1) * OVERALL_EVERY)
        if wait <= 0:
            return 0.0
        self.throttled += 1
        return wait

    def failed(self, address: str, now: float) -> None:
        """A token from there was wrong."""
        who = _network(address)
        self.failed_tokens += 1
        self._all_paid = max(self._all_paid, now) + OVERALL_EVERY
        self._paid[who] = max(self._paid.pop(who, now), now) + GUESS_SECONDS
        while self._paid and (
            len(self._paid) > MOST_ADDRESSES or next(iter(self._paid.values())) <= now
        ):
            self._paid.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """A token from there was right."""
        who = _network(address)
        self._known[who] = None
        self._known.move_to_end(who)
        if len(self._known) > MOST_ADDRESSES:
            self._known.popitem(last=False)


def _network(address: str) -> str:
    """What counts as one client: an IPv4 address, or 64 bits of an IPv6 one, which is what one host has."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
