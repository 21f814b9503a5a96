"""Which language is spoken where on a leg, and which comes next. Sans-IO."""

from __future__ import annotations

from collections import deque

REMEMBERED = 16
"""Changes of language that are remembered: more than fit into one ledger of speech."""


class Languages:
    """The languages of one leg in one call."""

    def __init__(self, start: int, language: str) -> None:
        """`start` = the call's first sample."""
        self.now = language
        """What is being recognised."""
        self._next: str | None = None
        self._spoken: deque[tuple[int, str]] = deque([(start, language)], maxlen=REMEMBERED)

    @property
    def wanted(self) -> str:
        """What is recognised, or will be from the next pause on."""
        return self._next or self.now

    @property
    def changing(self) -> bool:
        """Another one was asked for."""
        return self._next is not None

    def at(self, sample: int) -> str:
        """What was, or is, spoken there."""
        return next(
            (language for start, language in reversed(self._spoken) if start <= sample),
            self._spoken[0][1],
        )

    def known(self, language: str) -> None:
        """It was not known until now, and is what was spoken from the first sample on."""
        self.now = language
        self._spoken[0] = (self._spoken[0][0], language)

    def set_language(self, language: str) -> None:
        """Ask for another; it takes effect with `change_at`."""
        self._next = language

    def change_at(self, sample: int) -> None:
        """From `sample` on it is the one that was asked for."""
        self.now, self._next = self.wanted, None
        self._spoken.append((sample, self.now))
