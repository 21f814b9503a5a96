"""Where the seconds of an ear-voice span went, word by word. Pure.

The parts of a word follow one another and add up to its EVS:

* `recognised` (the provider's): from the word's end to its final leaving the recogniser;
* `held` (ours): until the request for its translation;
* `translated` (the provider's);
* `in_turn` (ours): until the voice is asked, which says one translation after another;
* `voiced` (the provider's): until the voice's first sound;
* `queued` (ours): until the translation's first word is heard; what the ear was still being played;
* `said`: from there to the word itself, as far as it stands from the translation's beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translink.sim.talk.measure import HeardTalk

PARTS_OF_LAG = ("recognised", "held", "translated", "in_turn", "voiced", "queued", "said")
PROVIDERS = frozenset({"recognised", "translated", "voiced"})


def spans(way: HeardTalk, first: Mapping[int, float], final_delay: float) -> list[dict[str, float]]:
    """Of every word that was heard (`first`: when), its parts in seconds. Words of which one end is
    not known are left out."""
    final = {
        n: each.at + final_delay
        for each in reversed(way.finals)
        for n in range(each.first, each.last)
    }
    asked = {n: each for each in reversed(way.translations) for n in each.numbers}
    voice = {n: each for each in reversed(way.voices) for n in each.numbers}
    found = []
    for number, heard in first.items():
        if number not in final or number not in asked or number not in voice:
            continue
        translation, spoken = asked[number], voice[number]
        began = min((first[n] for n in spoken.numbers if n in first), default=heard)
        ends = (
            way.said[number],
            final[number],
            translation.at,
            translation.at + translation.took,
            spoken.at,
            spoken.at + spoken.first_sound,
            began,
            heard,
        )
        found.append({part: ends[n + 1] - ends[n] for n, part in enumerate(PARTS_OF_LAG)})
    return found


def means(words: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each part, in seconds: they add up to the mean EVS."""
    words = list(words)
    return (
        {part: round(fmean(word[part] for word in words), 3) for part in PARTS_OF_LAG}
        if words
        else {}
    )
