"""What an account has for a pair of languages beyond plain translation: glossaries, instructions.

A glossary has dictionaries for some pairs, and a request that names one without a dictionary for its
pair is an error; of several each must have one. So a request that is refused with these extras is
asked again with fewer of them, and what was taken for a pair in the end is what is asked for a while.

Source: DeepL's OpenAPI file 3.11; developers.deepl.com on glossaries, custom instructions and variants
(glossaries are made for a language and go with all its variants).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from translink.providers.languages import base, of_pair

MOST_GLOSSARIES = 5
INSTRUCTED = frozenset(["de", "en", "es", "fr", "it", "ja", "ko", "zh"])
"""Targets that take instructions."""


@dataclass(frozen=True, slots=True)
class Customization:
    """Glossaries and instructions of one DeepL account."""

    glossaries: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By pair, as `en-fr` or `en-pt-BR`; the one of the variant before that of its language."""
    shared: Sequence[str] = ()
    """Glossaries with dictionaries for several pairs."""
    instructions: Sequence[str] = ()

    def ways(self, source: str, target: str) -> list[dict[str, object]]:
        """What to ask with, the fullest first; the last one is without anything. Each of several glossaries
        is tried without the others, which the pair may lack, and the glossaries without the instructions."""
        listed: Sequence[str] = of_pair(self.glossaries, source, target) or ()
        own = list(dict.fromkeys(listed))
        everything = list(dict.fromkeys((*own, *self.shared)))[:MOST_GLOSSARIES]
        others = [one for one in everything if one not in own]
        sets: list[list[str]] = [everything]
        sets += [[*own, one] for one in others]
        sets.append(own)
        sets += [[one] for one in others]
        sets.append([])
        bare: dict[str, object] = {}
        said: dict[str, object] = {}
        if self.instructions and base(target) in INSTRUCTED:
            said["custom_instructions"] = list(self.instructions)
        ways = [{**_named(ids), **extra} for extra in (said, bare) for ids in sets]
        return [way for number, way in enumerate(ways) if way not in ways[:number]]


def _named(ids: Sequence[str]) -> dict[str, object]:
    if len(ids) == 1:
        return {"glossary_id": ids[0]}
    return {"glossary_ids": list(ids)} if ids else {}
