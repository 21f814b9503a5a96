"""Which vendors serve a call, stage by stage: those of the settings, or its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from translink.calls.notice import NoticeSource
    from translink.providers.services import Services
    from translink.recognition.rules import ListenRules
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
    notices: NoticeSource | None = None
    """What each party hears first."""
