"""What a provider's own file says of it: its name, and how a client is made for each stage it has.

`wiring/vendors.py` has the list of the files. What the operator set stands in `[vendors.NAME]`, which is
the same for all of them; so such a provider needs no settings of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from translink.providers.manners import VoiceManners
from translink.providers.protocols import Synthesizer, Transcriber, Translator

if TYPE_CHECKING:
    from translink.providers.http import Http
    from translink.providers.wanted import WantedVoice


class Warm(Protocol):
    """A client that can open connections ahead."""

    async def warm(self, count: int = 1) -> int:
        """Returns how many."""


class WarmTranslator(Translator, Warm, Protocol):
    """Text in, text out."""


class WarmSynthesizer(Synthesizer, Warm, Protocol):
    """Text in, sound out."""


@dataclass(frozen=True, slots=True)
class VendorAccount:
    """`[vendors.NAME]`, as the operator has it."""

    api_key: str = ""
    """Empty = none."""
    base_url: str | None = None
    """None = the vendor's own."""
    model: str | None = None
    """None = the vendor's usual one."""
    voice: str | None = None
    """For the languages that `voices` lacks."""
    voices: Mapping[str, str] = field(default_factory=dict)
    """Language to voice."""
    timeout: float = 5.0
    """Seconds that an answer may take: of a voice its first sound."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Whatever else it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorDescription:
    """One provider. Each client's `name` is the vendor's, a dot and the stage: `acme.translate`."""

    name: str
    """As in `translate = ["acme"]`: small letters and digits."""
    hears: Callable[[Http, VendorAccount], Transcriber] | None = None
    """Makes the client that recognises finished pieces. All raise `SettingsError` for what cannot be."""
    translates: Callable[[Http, VendorAccount], WarmTranslator] | None = None
    speaks: Callable[[Http, VendorAccount, WantedVoice | None], WarmSynthesizer] | None = None
    """The wish is for the talker's voice (`providers.wanted`)."""
    manners: VoiceManners = field(default_factory=VoiceManners)
    """Of its voices."""
