"""Of what providers charge: prices, and when to warn."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from translink.settings.part import Part

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class VendorPrice(Part):
    """What one provider charges, in `cost.currency`."""

    minute: Price = 0.0
    """Of sound that it recognised."""
    million_characters: Price = 0.0
    """That it translated or spoke."""
    request: Price = 0.0
    """Each that it answered, and each stream."""


class CostSettings(Part):
    """What calls cost. Prices change, and plans differ: none is set, and without one no cost is shown."""

    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    """Of the prices."""
    prices: dict[str, VendorPrice] = Field(default_factory=dict)
    """By provider, as /metrics names it (`"deepgram.listen"`, `deepl`), or vendor (`deepgram`). As in
    `prices = { deepl = { million_characters = 25 }, "deepgram.listen" = { minute = 0.0077 } }`."""
    quota_interval: float = Field(900.0, ge=0, le=86_400)
    """Seconds between two looks at DeepL's quota (`/v2/usage`, free of charge). 0 = never."""
    warn_at: float = Field(0.8, gt=0, le=1)
    """Share of a quota from which on the log, an event and a webhook warn."""
