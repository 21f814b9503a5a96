"""Which voice of a vendor speaks for a talker who is to be heard as a woman, or as a man."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from translink.providers.wanted import ANY, Manner


@dataclass(frozen=True, slots=True)
class VoiceManners:
    """A vendor's voices by manner."""

    choice: Mapping[Manner, Mapping[str, str]] = field(default_factory=dict)
    """Language, or `any`, to the voice that is taken."""
    known: Mapping[Manner, Collection[str]] = field(default_factory=dict)
    """All voices of which it is known."""

    def voices(
        self,
        manner: Manner,
        named: Mapping[str, str],
        usual: Mapping[str, str],
        *,
        firm: bool,
    ) -> dict[str, str]:
        """Language, or `any`, to voice. `named`: what the operator named for this manner; `usual`: what they
        chose for everybody, which holds where it is of this manner, or where the wish is not `firm`."""
        known = self.known.get(manner, ())
        kept = {key: voice for key, voice in usual.items() if not firm or voice in known}
        ours = {} if ANY in named else self.choice.get(manner, {})
        return {**ours, **kept, **named}
