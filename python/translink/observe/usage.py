"""What was used of each provider, and what that costs by the settings' prices. Sans-IO.

Counted is what was answered: sound that was recognised, characters that were translated or spoken.
Attempts that failed are not in it; vendors do not charge for them as a rule. The vendor's own account
is right where the two differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from translink.observe.record import UsedFigures

if TYPE_CHECKING:
    from translink.settings.cost import VendorPrice


class Usage:
    """Of one talker in one call, or of everybody."""

    def __init__(self) -> None:
        self._used: dict[str, list[float]] = {}
        """By provider: seconds, characters, requests."""

    def count(
        self, provider: str, *, seconds: float = 0.0, characters: int = 0, requests: int = 1
    ) -> None:
        """So much more was used of it."""
        used = self._used.setdefault(provider, [0.0, 0, 0])
        used[0] += seconds
        used[1] += characters
        used[2] += requests

    def add(self, figures: Mapping[str, UsedFigures]) -> None:
        """All of it more."""
        for provider, used in figures.items():
            self.count(
                provider,
                seconds=used.seconds,
                characters=used.characters,
                requests=used.requests,
            )

    def figures(self, prices: Mapping[str, VendorPrice]) -> dict[str, UsedFigures]:
        """What was used of each provider, with its cost."""
        return {
            provider: _figures(price_of(provider, prices), seconds, int(characters), int(requests))
            for provider, (seconds, characters, requests) in sorted(self._used.items())
        }


def price_of(provider: str, prices: Mapping[str, VendorPrice]) -> VendorPrice | None:
    """The provider's own, or else its vendor's: `deepl.2` costs what `deepl` does."""
    while provider:
        if provider in prices:
            return prices[provider]
        provider = provider.rpartition(".")[0]
    return None


def total_cost(all_used: Iterable[UsedFigures]) -> float | None:
    """None: nothing of it has a price."""
    costs = [used.cost for used in all_used if used.cost is not None]
    return round(sum(costs), 6) if costs else None


def _figures(
    price: VendorPrice | None, seconds: float, characters: int, requests: int
) -> UsedFigures:
    cost = None
    if price is not None:
        cost = round(
            price.minute * seconds / 60
            + price.million_characters * characters / 1e6
            + price.request * requests,
            6,
        )
    return UsedFigures(round(seconds, 2), characters, requests, cost)
