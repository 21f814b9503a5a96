"""Counts which voice has said how much, and which recogniser was asked for a language: a line-up looks like
one of them to its caller."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

spoken_by: ContextVar[Callable[[str, int], None] | None] = ContextVar("spoken_by", default=None)
"""(provider, characters), called for each sentence that was made to its end. Set it in the task that
iterates over the sound."""


heard_by: ContextVar[Callable[[str, float], None] | None] = ContextVar("heard_by", default=None)
"""(provider, seconds), likewise, for each answer of a detector of languages."""


def note_heard(provider: str, seconds: float) -> None:
    """So much sound was looked at."""
    count = heard_by.get()
    if count is not None:
        count(provider, seconds)


def note_spoken(provider: str, characters: int) -> None:
    """A sentence was made."""
    count = spoken_by.get()
    if count is not None:
        count(provider, characters)
