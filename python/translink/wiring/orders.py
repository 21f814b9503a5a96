"""A call that names vendors of its own: the same clients in another order, beside the program's.

Breakers, limits of requests at once, connections and what was learned about a provider are shared with
all other calls: it is the same provider for all of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from translink.calls.notice import Notices
from translink.calls.orders import CallVendors, Orders
from translink.errors import SettingsError
from translink.wiring.endpoints import Endpoints, endpoints_of, needs_of
from translink.wiring.providers import Providers
from translink.wiring.vendors import vendor_for

if TYPE_CHECKING:
    from translink.providers.http import Http
    from translink.providers.lineup import Lineup
    from translink.providers.services import Services
    from translink.providers.wanted import UnmetWishes
    from translink.settings.model import Settings

ORDERS_KEPT = 64
"""Different orders whose clients are kept for the next call; clients may name ever new ones."""


class VendorOrders:
    """Makes what serves such a call, and keeps it for the next one."""

    def __init__(
        self,
        settings: Settings,
        endpoints: Endpoints,
        http: Http,
        lineup: Lineup,
        services: Services,
        unmet: UnmetWishes,
    ) -> None:
        """`lineup`, `services` and `unmet` are those of the settings' own orders. Raises `SettingsError` for a
        leg whose `orders` cannot be had."""
        self._unmet = unmet
        self._settings = settings
        self._at = endpoints
        self._http = http
        self._lineup = lineup
        self._services = services
        self._made: dict[Orders, CallVendors] = {}
        for one, two in settings.pairs:
            try:
                if (orders := Orders.of_legs(settings.leg(one), settings.leg(two))).named:
                    self.of(orders)
            except ValueError as error:
                raise SettingsError(f"legs.{one}.orders or legs.{two}.orders: {error}") from None

    def of(self, orders: Orders) -> CallVendors:
        """For a call that names some. Raises `ValueError`, with the stage and the mend, for a vendor that
        cannot be had."""
        made = self._made.get(orders)
        if made is None:
            while len(self._made) >= ORDERS_KEPT:
                del self._made[next(iter(self._made))]
            made = self._made[orders] = self._make(orders)
        return made

    def _make(self, orders: Orders) -> CallVendors:
        refuse_orders(self._settings, orders, engines=self._at.offline is not None)
        settings = self._settings.model_copy(update=orders.named)
        at = endpoints_of(settings, self._at.offline, self._at.offline_key)
        providers = Providers(settings, at, self._http, self._unmet)
        services = providers.beside(self._lineup).services()
        services = replace(services, pressure=self._services.pressure)
        if services.live.name == self._services.live.name:
            services = replace(services, cadence=self._services.cadence)
        notices = Notices(settings.notice, services)
        return CallVendors(Orders.of(settings), services, providers.rules(), notices)


def refuse_orders(settings: Settings, orders: Orders, *, engines: bool) -> None:
    """Raises `ValueError`, with the stage and the mend, for a vendor that a call cannot have. `engines`: the local
    ones run."""
    for stage, order in orders.named.items():
        settings.refuse_keyless(stage, order)
        for vendor in order:
            _must_be_known(stage, vendor)
        needs = needs_of(settings.model_copy(update={stage: order}))
        local = {"offline"} & set(order)
        keyless = {"deepgram"} if needs.no_deepgram else set()
        keyless |= {"deepl"} if needs.no_deepl else set()
        keyless &= set(order)
        if not engines:
            for vendor in keyless:
                raise ValueError(
                    f"{stage}: names {vendor}, which has no key; set {vendor.upper()}_API_KEY"
                )
            if local:
                raise ValueError(
                    f"{stage}: names offline, and the local engines do not run; they do where the "
                    "settings name offline, too (fallback.offline = true)"
                )
        elif stage == "listen" and local | keyless and not _can_hear(settings):
            raise ValueError(
                "listen: the local recogniser is not installed on the server: "
                "pip install 'translink[offline]'"
            )


def settings_of_pair(settings: Settings, one: str, two: str) -> Settings:
    """The same, with the vendors that these legs name for their calls."""
    orders = Orders.of_legs(settings.leg(one), settings.leg(two))
    return settings.model_copy(update=orders.named)


def refuse_leg_orders(settings: Settings) -> None:
    """The same for what the legs name. Raises `SettingsError`."""
    engines = needs_of(settings).any
    for one, two in settings.pairs:
        orders = Orders.of_legs(settings.leg(one), settings.leg(two))
        try:
            refuse_orders(settings, orders, engines=engines)
        except ValueError as error:
            raise SettingsError(f"legs.{one}.orders or legs.{two}.orders: {error}") from None


def _can_hear(settings: Settings) -> bool:
    # Not loaded where there are keys.
    from translink.offline.engines.check import can_hear

    return bool(settings.offline.whisper) or can_hear()


def _must_be_known(stage: str, vendor: str) -> None:
    try:
        vendor_for(stage, vendor)
    except SettingsError as error:
        raise ValueError(str(error)) from None
