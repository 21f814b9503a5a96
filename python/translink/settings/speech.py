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
    dictated: float = Field(12.0, ge=0, le=60)
    """Most seconds that a number said in groups, a spelled name or an e-mail address waits for its end,
    so that it is translated in one piece; `max_wait` after its last group it goes all the same. 0 =
    it does not wait."""
    max_words: int = Field(40, ge=5, le=500)
    """An endless sentence is cut at a clause when it gets longer than this."""
    ahead: float = Field(0.0, ge=0, le=2)
    """Translate and voice what is only interim, and speak it when the final confirms it word for
    word, sooner by up to the time that both take. What is thrown away costs money: at most so many
    characters for each that is translated (0.2 = a fifth more). 0 = off."""
