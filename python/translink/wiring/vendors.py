"""The providers that are known by a description in their own file (`providers.vendor`).

Deepgram, DeepL, ElevenLabs and OpenAI have settings of their own and stand in `wiring.providers` and
`wiring.voices`: Deepgram and DeepL have accounts behind the first and local engines that stand in for
them, OpenAI three addresses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from translink.errors import SettingsError
from translink.providers.vendor import VendorAccount, VendorDescription
from translink.settings.secrets import shown_options
from translink.settings.types import VENDORS_OF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translink.settings.model import Settings

VENDOR_FILES: tuple[str, ...] = (
    # One line each: the module whose `VENDOR` describes it.
)

_DOES = {"listen": "hears", "translate": "translates", "speak": "speaks"}
"""Stage to the field of its description."""


def known_vendors() -> dict[str, VendorDescription]:
    """By name."""
    return {made.name: made for made in _described()}


def _described() -> Iterator[VendorDescription]:
    for file in VENDOR_FILES:
        made = import_module(file).VENDOR
        if not isinstance(made, VendorDescription):
            raise TypeError(f"{file}.VENDOR should be a `VendorDescription`")
        yield made


def vendor_for(stage: str, name: str) -> VendorDescription | None:
    """None: one that has settings of its own. Raises `SettingsError` for a name that nobody has, or a
    stage that the vendor lacks."""
    if name in VENDORS_OF[stage]:
        return None
    vendor = known_vendors().get(name)
    if vendor is not None and getattr(vendor, _DOES[stage]) is not None:
        return vendor
    those = (one.name for one in _described() if getattr(one, _DOES[stage]) is not None)
    raise SettingsError(
        f"{stage}: names {name}; it should be of {', '.join((*VENDORS_OF[stage], *those))}"
    )


def account_of(settings: Settings, name: str) -> VendorAccount:
    """What the operator set for it."""
    section = settings.vendors[name]
    return VendorAccount(
        api_key=section.api_key.get_secret_value() if section.api_key else "",
        base_url=section.base_url,
        model=section.model,
        voice=section.voice,
        voices=section.voices,
        timeout=section.timeout,
        options=shown_options(section.options),
    )
