"""Of what is said and when."""

from __future__ import annotations

from pydantic import Field

from translink.settings.part import Part


class SegmentSettings(Part):
    """When final text goes to translation without waiting for the end of the utterance."""

    max_wait: float = Field(1.5, gt=0, le=30)
    """Seconds after the last final result."""
    max_hold: float = Field(0.3, gt=0, le=30)
    """Seconds after which text goes although its speaker goes on: less is sooner, in shorter pieces
    that translate worse."""
    clause_words: int = Field(4, ge=0, le=100)
    """Words from which on a clause goes without waiting for the end of its sentence; 0 = it waits.
    Nothing goes that ends on a function word (`the`, `of`)."""
    min_chars: int = Field(10, ge=1, le=200)
    """A shorter sentence waits for the next one or the turn's end."""
    max_words: int = Field(40, ge=5, le=500)
    """An endless sentence is cut at a clause when it gets longer than this."""
