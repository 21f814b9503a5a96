"""What the translator is shown of what was said before a segment."""

from __future__ import annotations

CONTEXT = 300
"""Characters before the present segment that the translator is shown, at least, in whole segments:
these may be of four words."""


class SaidBefore:
    """The newest segments of one talker, all in one language."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._language = ""

    def context(self, language: str) -> str:
        """For the next segment, which is said in `language`. What was said in another one would
        mislead more than it helps."""
        return " ".join(self._texts) if language == self._language else ""

    def say(self, text: str, language: str) -> None:
        """Add a segment's text; the oldest beyond `CONTEXT` characters go."""
        if language != self._language:
            self._texts, self._language = [], language
        self._texts.append(text)
        while sum(map(len, self._texts[1:])) >= CONTEXT:
            del self._texts[0]

    def copy(self) -> SaidBefore:
        """Another one that goes on from here."""
        other = SaidBefore()
        other._texts, other._language = list(self._texts), self._language
        return other
