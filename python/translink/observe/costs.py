"""What all calls since the start have used, and the providers' quotas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import structlog

from translink.observe.record import CallAccount, UsedFigures
from translink.observe.usage import Usage, total_cost

if TYPE_CHECKING:
    from translink.observe.journal import Journal
    from translink.settings.cost import CostSettings

log = structlog.get_logger("translink")

NO_LIMIT = 10**12
"""What DeepL answers for an account without one."""


class Costs:
    """The books of the process."""

    def __init__(
        self,
        settings: CostSettings,
        journal: Journal,
        running: Callable[[], Iterable[Mapping[str, Mapping[str, UsedFigures]]]],
    ) -> None:
        """`running()` = what each running call has used so far, by leg."""
        self._settings = settings
        self._journal = journal
        self._running = running
        self._ended = Usage()
        self._quotas: dict[str, tuple[int, int]] = {}
        self._warned: set[str] = set()

    def close(self, account: CallAccount) -> None:
        """A call has ended."""
        for used in account.usage.values():
            self._ended.add(used)

    def quota(self, provider: str, used: int, limit: int) -> None:
        """What a provider says of the account. Warns once each time the share of `cost.warn_at` is
        passed."""
        if limit <= 0 or limit >= NO_LIMIT:
            self._quotas.pop(provider, None)
            return
        self._quotas[provider] = used, limit
        if used < self._settings.warn_at * limit:
            self._warned.discard(provider)
        elif provider not in self._warned:
            self._warned.add(provider)
            log.warning("a quota is nearly used up", provider=provider, used=used, limit=limit)
            self._journal.emit("quota", {"provider": provider, "used": used, "limit": limit})

    def figures(self) -> Mapping[str, Any]:
        """For statistics and metrics."""
        everything = Usage()
        everything.add(self._ended.figures({}))
        for call in self._running():
            for used in call.values():
                everything.add(used)
        figures = everything.figures(self._settings.prices)
        return {
            "currency": self._settings.currency,
            "cost": total_cost(figures.values()),
            "providers": {provider: asdict(used) for provider, used in figures.items()},
            "quotas": {
                provider: {"used": used, "limit": limit}
                for provider, (used, limit) in self._quotas.items()
            },
        }
