"""Counts which voice has said how much: a line-up of voices looks like one voice to its caller."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

spoken_by: ContextVar[Callable[[str, int], None] | None] = ContextVar("spoken_by", default=None)
"""(provider, characters), called for each sentence that was made to its end. Set it in the task that
iterates over the sound."""


def note_spoken(provider: str, characters: int) -> None:
    """A sentence was made."""
    count = spoken_by.get()
    if count is not None:
        count(provider, characters)
