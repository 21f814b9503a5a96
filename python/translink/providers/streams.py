"""The stage's live recogniser as the rest sees it: one that is not asked for what it has not."""

from __future__ import annotations

from collections.abc import Sequence

from translink.errors import Kind, ProviderError
from translink.providers.abilities import hears
from translink.providers.expecting import connected
from translink.providers.protocols import LiveStream, LiveTranscriber, Transcriber


class NotAsked(ProviderError):
    """It cannot do this, and was not asked: that says nothing of its health."""


class Streams:
    """A recogniser whose refusals cost no request. Implements `LiveTranscriber`."""

    def __init__(self, live: LiveTranscriber | None, others: Sequence[Transcriber]) -> None:
        """`live`: None = nobody streams. `others`: what recognises finished pieces; a language that
        none of them has is tried with `live`, whose list may be older than its service."""
        self.name = "no streams" if live is None else live.name
        self._live = live
        self._others = others

    def has_streams(self) -> bool:
        """False: nobody streams."""
        return self._live is not None

    def hears(self, language: str) -> bool:
        """Whether streams of it are worth asking for."""
        return self._live is not None and hears(self._live, language)

    async def connect(self, language: str) -> LiveStream:
        """Open a stream without terms; see `connect_expecting`."""
        return await self.connect_expecting(language, ())

    async def connect_expecting(self, language: str, terms: tuple[str, ...]) -> LiveStream:
        """Open a stream. `NotAsked` (REFUSED) for a language that others recognise and this
        one does not: a leg then has its speech recognised in pieces."""
        others = any(hears(one, language) for one in self._others)
        if self._live is None or (others and not hears(self._live, language)):
            message = f"{self.name} has no {language}: recognised in finished pieces"
            raise NotAsked(message, provider=self.name, kind=Kind.REFUSED)
        return await connected(self._live, language, terms)
