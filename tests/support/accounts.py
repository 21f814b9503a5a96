"""Heard + reported = said, exactly: each word of the talker is heard once and in order, or gone in
audio that was reported lost; nothing else is heard; nothing is reported lost for nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from tests.support.number_talk import FRAME
from tests.support.world import HANGS, World


@dataclass(frozen=True)
class Account:
    """What became of the words of one call."""

    said: int
    heard: int
    reported: int
    """Not heard, and in audio that was reported lost."""
    lost: tuple[str, ...]
    """Not heard, and not reported: silently."""
    doubled: tuple[str, ...]
    invented: tuple[str, ...]
    """Heard, though nobody said it: half a word, say."""
    out_of_order: int
    for_nothing: int
    """Stretches that were reported lost although all that was said in them was heard."""

    @property
    def exact(self) -> bool:
        """heard + reported = said, and nothing besides."""
        wrong = self.lost, self.doubled, self.invented, self.out_of_order, self.for_nothing
        return not any(wrong) and self.heard + self.reported == self.said


def account(world: World) -> Account:
    """The account of a call that is over."""
    place = {text: number for number, text in enumerate(world.said)}
    times = Counter(world.heard)
    gone: list[tuple[int, int]] = []
    for lost in world.losses:
        joined = gone and gone[-1][1] == lost.start
        start = gone.pop()[0] if joined else lost.start
        gone.append((start, lost.end))
    missing = [text for text in world.said if text not in times]
    reported = [text for text in missing if _touches(world.places[place[text]], gone)]
    known = [place[text] for text in world.heard if text in place]
    return Account(
        said=len(world.said),
        heard=len(set(known)),
        reported=len(reported),
        lost=tuple(text for text in missing if text not in reported),
        doubled=tuple(text for text, count in times.items() if count > 1),
        invented=tuple(text for text in times if text not in place),
        out_of_order=sum(b < a for a, b in pairwise(known)),
        for_nothing=sum(
            not any(_touches(world.places[place[text]], [stretch]) for text in missing)
            for stretch in gone
            # The detector hangs over: what it calls speech may be the end of a word that was heard.
            if world.listener.speech.spoken(*stretch) > HANGS * FRAME
        ),
    )


def _touches(word: tuple[int, int], stretches: list[tuple[int, int]]) -> bool:
    return any(start < word[1] and word[0] < end for start, end in stretches)
