"""One stream's standing with its provider: what its handshake, its results and its end say about the
provider's health.

A handshake is no success: servers that are starting, or whose back end is away, take connections
and close them. A stream is *proved* when it has lived for a while and answered, or had nothing to
answer; the feed says so. Until then its end is a failed attempt like any other.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from translink.errors import ProviderError
from translink.providers.streams import NotAsked

if TYPE_CHECKING:
    from translink.providers.breaker import Breaker, Permit
    from translink.providers.precedents import Precedents
    from translink.providers.protocols import LiveStream, LiveTranscriber


class Trial:
    """From the permit to the end of the stream. Say `over` or `abandoned` in the end."""

    def __init__(
        self,
        live: LiveTranscriber,
        language: str,
        permit: Permit,
        breaker: Breaker,
        precedents: Precedents,
    ) -> None:
        self.language = language
        self.pending = True
        """Not proved yet, and not over."""
        self._accepted = False
        self._live = live
        self._permit = permit
        self._breaker = breaker
        self._precedents = precedents

    async def connect(self) -> LiveStream:
        """The handshake. Raises `ProviderError`, of which the breaker knows then; not of `NotAsked`."""
        try:
            stream = await self._live.connect(self.language)
        except NotAsked:
            self.abandoned()
            raise
        except ProviderError as refusal:
            error = self.over(refusal)
            raise error from refusal
        except BaseException:
            self.abandoned()
            raise
        self._accepted = True
        self._breaker.accepted(time.monotonic())
        return stream

    def answered(self) -> None:
        """There is a result, if only of silence: a request like this one is right."""
        self._precedents.note(self._live.name, self.language)
        if self.pending:
            self._breaker.answered(time.monotonic(), self._permit)

    def proved(self) -> None:
        """It has done what it is there for."""
        if self.pending:
            self.pending = False
            self._breaker.succeeded(time.monotonic(), self._permit)

    def over(self, failure: ProviderError) -> ProviderError:
        """It broke, or could not be had. Returns what that means: a refusal of what worked before
        passes."""
        failure = self._precedents.weigh(failure, self._live.name, self.language)
        now = time.monotonic()
        if self.pending and self._accepted:
            self._breaker.broke(failure, now, self._permit)
        elif self.pending:
            self._breaker.failed(failure, now, self._permit)
        else:
            # It was well. That alone says nothing about the provider.
            self._breaker.lost(now)
        self.pending = False
        return failure

    def abandoned(self) -> None:
        """It ended as intended, or was given up. No-op after `over`."""
        if self.pending:
            self.pending = False
            self._breaker.abandoned(self._permit)
