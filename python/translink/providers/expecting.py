"""What a talker is likely to say, given to the recognisers that can use it.

Theory of operation
    A recogniser that takes terms says so by a method beside those of its Protocol (as with
    `abilities`); others are asked without. Terms go with each connection and each finished piece. When
    they change while a stream is open, the stream is sent the new ones, if it takes that; it answers once. Where it
    does not take it, refuses, or gives no answer, a new stream takes over at the next pause and has
    them from its beginning.

    A list that a recogniser refuses costs no word: it is asked again without it, and that is reported.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Literal, Protocol, runtime_checkable

from translink.errors import Kind, ProviderError
from translink.providers.protocols import LiveStream, LiveTranscriber, Transcriber
from translink.results import Result

UNANSWERED = 5.0
"""Seconds after which a stream that was sent terms is taken not to have understood."""

Terms = tuple[str, ...]
TermsState = Literal["applied", "refused"]

_log = logging.getLogger(__name__)


@runtime_checkable
class HearsExpected(Protocol):
    """A live recogniser that takes terms."""

    async def connect_expecting(self, language: str, terms: Terms) -> LiveStream:
        """As `connect`."""


@runtime_checkable
class TranscribesExpected(Protocol):
    """A recogniser of finished pieces that takes terms."""

    async def transcribe_expecting(self, pcm: bytes, language: str, terms: Terms) -> Result:
        """As `transcribe`."""


@runtime_checkable
class TakesTerms(Protocol):
    """A stream that takes terms while it is open."""

    def expect(self, terms: Terms, report: Callable[[str | None], None]) -> bool:
        """From now on these instead of those before. False: it takes none now. `report` is called with
        None when they are in force, or with the reason why not; never, if nobody answers."""


async def connected(live: LiveTranscriber, language: str, terms: Terms) -> LiveStream:
    """Open a stream, with the terms where it takes them."""
    if terms and isinstance(live, HearsExpected):
        return await live.connect_expecting(language, terms)
    return await live.connect(language)


async def transcribed(one: Transcriber, pcm: bytes, language: str, terms: Terms) -> Result:
    """Have a piece recognised, with the terms where it takes them; without, if it refuses them."""
    if not terms or not isinstance(one, TranscribesExpected):
        return await one.transcribe(pcm, language)
    try:
        return await one.transcribe_expecting(pcm, language, terms)
    except ProviderError as error:
        if error.kind is not Kind.REFUSED:
            raise
        result = await one.transcribe(pcm, language)
        _log.warning("%s recognises without the leg's key terms: %s", one.name, error)
        return result


class Expecting:
    """One leg's recogniser during one call, given what the leg's talker is likely to say. Implements
    `LiveTranscriber`."""

    def __init__(
        self,
        live: LiveTranscriber,
        transcribe: Callable[[bytes, str], Awaitable[Result]],
        transcribe_expecting: Callable[[bytes, str, Terms], Awaitable[Result]] | None,
        terms: Terms,
        *,
        renew: Callable[[], None],
        report: Callable[[TermsState, str], None],
    ) -> None:
        """`renew` has a new stream take over at the next pause. `report(state, reason)` tells what became
        of a change, and of a refusal at any time."""
        self.name = live.name
        self._live = live
        self._transcribe = transcribe
        self._transcribe_expecting = transcribe_expecting
        self._terms = terms
        self._renew = renew
        self._report = report
        self._stream: LiveStream | None = None
        self._pending = False
        """A change was not reported yet."""
        self._refused: Terms | None = None
        self._change = 0

    async def connect(self, language: str) -> LiveStream:
        """Open a stream that knows the terms."""
        terms, change = self._terms, self._change
        if terms == self._refused:
            terms = ()
        try:
            stream = await connected(self._live, language, terms)
        except ProviderError as error:
            if error.kind is not Kind.REFUSED or not terms:
                raise
            stream = await connected(self._live, language, ())
            self._refused = terms
            self._tell("refused", str(error))
        self._stream = stream
        if change != self._change:
            # Changed during the handshake. The stream is not the listener's yet.
            asyncio.get_running_loop().call_soon(self._apply)
        elif self._pending and terms != self._refused:
            self._tell("applied", "by a new stream")
        return stream

    async def transcribe(self, pcm: bytes, language: str) -> Result:
        """Have a piece recognised."""
        if not self._terms or self._transcribe_expecting is None:
            return await self._transcribe(pcm, language)
        return await self._transcribe_expecting(pcm, language, self._terms)

    def expect(self, terms: Terms) -> None:
        """From now on these, instead of those before."""
        if terms == self._terms:
            return
        self._terms, self._refused, self._pending = terms, None, True
        self._change += 1
        self._apply()

    def _apply(self) -> None:
        change = self._change

        def answered(reason: str | None) -> None:
            timer.cancel()
            if change != self._change or not self._pending:
                return  # another list is to be known, or a new stream knows this one
            if reason is None:
                self._tell("applied", "while the stream goes on")
            else:
                _log.warning("%s did not take new key terms: %s", self.name, reason)
                self._renew()

        timer = asyncio.get_running_loop().call_later(UNANSWERED, answered, "no answer")
        stream = self._stream
        if not isinstance(stream, TakesTerms) or not stream.expect(self._terms, answered):
            timer.cancel()
            self._renew()

    def _tell(self, state: TermsState, reason: str) -> None:
        self._pending = False
        self._report(state, reason)
