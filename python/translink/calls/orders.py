"""Which vendors serve a call, stage by stage: those of the settings, or its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from translink.calls.notice import NoticeMaker
    from translink.providers.services import Services
    from translink.recognition.rules import ListenRules
    from translink.settings.legs import LegSettings
    from translink.settings.model import Settings


class Orders(NamedTuple):
    """Vendors in the order in which they are asked. Of a call that is asked for: empty = as the settings
    have it."""

    listen: tuple[str, ...] = ()
    translate: tuple[str, ...] = ()
    speak: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Orders:
        """The settings' own, with `fallback.offline` at the end."""
        last = ("offline",) if settings.fallback.offline else ()
        return cls(
            settings.listen,
            *(
                order if set(last) <= set(order) else (*order, *last)
                for order in (settings.translate, settings.speak)
            ),
        )

    @classmethod
    def of_legs(cls, one: LegSettings, two: LegSettings) -> Orders:
        """What the legs of a call name. Where both name a stage's, the first of the two does."""
        return cls(
            *(getattr(one.orders, each) or getattr(two.orders, each) for each in cls._fields)
        )

    @property
    def named(self) -> Mapping[str, tuple[str, ...]]:
        """Those that are not empty, by stage."""
        return {stage: order for stage, order in self._asdict().items() if order}


@dataclass(frozen=True, slots=True)
class CallVendors:
    """What a call's orders come to."""

    orders: Orders
    """Of every stage."""
    services: Services
    rules: ListenRules
    """How the recogniser at the other end must be listened to."""
    notices: NoticeMaker | None = None
    """What each party hears first."""


class VendorChoice:
    """Which of them serve a call, by what its legs name."""

    def __init__(self, usual: CallVendors) -> None:
        """`usual`: the settings' own."""
        self.usual = usual
        self.choose: Callable[[Orders], CallVendors] | None = None
        """Makes what serves a call with orders of its own, or raises `ValueError`; None: nobody can."""

    def of(self, one: LegSettings, two: LegSettings) -> CallVendors:
        """For a call of these legs. Raises `ValueError`, with the mend, for vendors that cannot be had."""
        return self.having(Orders.of_legs(one, two))

    def having(self, orders: Orders) -> CallVendors:
        """For a call with these orders of its own. Raises `ValueError` likewise."""
        if not orders.named:
            return self.usual
        if self.choose is None:
            raise ValueError(f"{next(iter(orders.named))}: is as the settings have it")
        return self.choose(orders)
