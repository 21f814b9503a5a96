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
        """What to ask with, the fullest first; the last one is without anything."""
        own = list(of_pair(self.glossaries, source, target) or ())
        everything = list(dict.fromkeys((*own, *self.shared)))[:MOST_GLOSSARIES]
        said: dict[str, object] = {}
        if self.instructions and base(target) in INSTRUCTED:
            said["custom_instructions"] = list(self.instructions)
        ways = [{**_named(ids), **said} for ids in (everything, own, [])]
        ways.append({})
        return [way for number, way in enumerate(ways) if way not in ways[:number]]


def _named(ids: Sequence[str]) -> dict[str, object]:
    if len(ids) == 1:
        return {"glossary_id": ids[0]}
    return {"glossary_ids": list(ids)} if ids else {}
