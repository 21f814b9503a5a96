"""A segment on its way to the ear: when it was where, and whether anything held it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from translink.calls.advance import Advance
    from translink.results import Segment


@dataclass(slots=True)
class Utterance:
    """Times are monotonic seconds, 0 = not yet."""

    number: int
    segment: Segment
    began: float
    """When its first sound reached the socket; 0 = not known."""
    committed: float
    """When the commit policy let the segment go."""
    target: str
    """Language and voice it is said in."""
    voice: str | None
    context: str
    """What was said before it."""
    advance: Advance | None = None
    """What was asked ahead for it."""
    text: str = ""
    """What is said."""
    translated: bool = False
    asked: float = 0.0
    """When its translation was asked for."""
    took: float = 0.0
    """Seconds between asking for the translation and having it."""
    alone: bool = False
    """When its translation came nothing else was being said: nothing of the talker's held it up."""
    held: bool = False
    """The hearer's language was not known yet, or their ear was busy with something else, waited for a
    pause of the talker or was not to be had: a notice, a call that drains, a party who is not there."""
    speak: float = 0.0
    first_audio: float = 0.0
    cut: bool = False
    """The voice failed in the middle of it."""

    @property
    def waited_for_nobody(self) -> bool:
        """What it took beside the providers' time is our own."""
        return self.alone and not self.held
