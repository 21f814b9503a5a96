"""What is asked before its time: segments that are foreseen, translated and voiced while they may yet
come otherwise. Sans-IO.

Theory of operation
    While words are only interim, or wait for a better end, the segmenter can say which segments will
    come if nothing changes (`Segmenter.foreseen`). They are asked for at once. Nothing of it is heard:
    a segment that *does* come, made of finals, is compared word for word, with its languages, voice
    and context, and gets what was asked for the same; everything else is thrown away.

    It costs characters that nobody hears. They are counted, and bounded by a *share* of those that
    are translated anyway: when it is used up, nothing more is asked ahead until more was said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from translink.observe.record import Tally

MOST_AHEAD = 2
"""Segments that one talker may have ahead: the next one and the one after it."""
MOST_CHARACTERS = 200
"""Of a segment that is asked ahead: some 12 s of sound, 400 kB. Those after four words are shorter."""
GRANTED = 500
"""Characters that count as translated when the call begins, so that the first segments may be asked
ahead, too."""
BEHIND_AT_MOST = 1.0
"""Seconds that an ear may be behind: one that is busy for longer than translation and voice take hears
nothing sooner."""


class Foreseen(NamedTuple):
    """All that makes a translation and its sound what they are."""

    text: str
    language: str
    """What it is said in."""
    target: str
    voice: str | None
    context: str
    """What the translator is shown of what was said before."""


class Begun(Protocol):
    """A request that is under way or answered."""

    @property
    def failed(self) -> bool:
        """Nothing came, or will come, of it."""

    def drop(self) -> None:
        """Nobody wants it any more: let it go, at once."""


T = TypeVar("T", bound=Begun)


class Ahead(Generic[T]):
    """What one direction has asked ahead."""

    def __init__(self, share: float, tally: Tally) -> None:
        """`share`: characters that may be thrown away for each one that is translated; 0 = nothing
        is asked ahead. `tally` has those that are translated, and gets those that were asked ahead."""
        self._share = share
        self._tally = tally
        self._begun: dict[Foreseen, T] = {}

    @property
    def wanted(self) -> bool:
        """It is switched on."""
        return self._share > 0

    def expect(self, foreseen: Sequence[Foreseen], begin: Callable[[Foreseen], T]) -> None:
        """These will come next if nothing changes: have `begin` ask for them, and throw away all else."""
        likely = foreseen[:MOST_AHEAD]
        for each in tuple(self._begun):
            if each not in likely:
                self._throw_away(each)
        for each in likely:
            if each not in self._begun and self._affords(len(each.text)):
                self._tally.ahead += len(each.text)
                self._begun[each] = begin(each)

    def take(self, said: Foreseen) -> T | None:
        """What was asked ahead for this very segment, which has come; None: nothing, or it failed."""
        begun = self._begun.get(said)
        if begun is None or begun.failed:
            return None
        del self._begun[said]
        self._tally.ahead_used += len(said.text)
        return begun

    def close(self) -> None:
        """Throw all of it away."""
        for each in tuple(self._begun):
            self._throw_away(each)

    def _affords(self, characters: int) -> bool:
        tally = self._tally
        unheard = tally.ahead - tally.ahead_used + characters
        return characters <= MOST_CHARACTERS and unheard <= self._share * (
            tally.characters + GRANTED
        )

    def _throw_away(self, foreseen: Foreseen) -> None:
        self._tally.ahead_wasted += len(foreseen.text)
        self._begun.pop(foreseen).drop()
