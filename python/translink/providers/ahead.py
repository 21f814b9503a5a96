"""Asking ahead: requests that may come to nothing, and must harm none that is wanted.

Theory of operation
    What is asked ahead is asked once, of the first in line that has the language, and only while that
    one is well and has been for a while. A failure opens no breaker and holds nobody: it ends the
    request, and this provider is not asked ahead for `AHEAD_HOLD` seconds, or for as long as it wished. A
    provider that answers "too many requests" to these is so relieved of them first; if it says so to
    a wanted one, its breaker is not closed, and nothing is asked ahead either.

    Speech may be confirmed while it is under way. From then on it is wanted: its failures count, and
    the next voice in line completes it (`voices`).

    Of the voices' places (`gate`) half are left to what is wanted.
"""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import TYPE_CHECKING

import structlog

from translink.errors import Kind, ProviderError
from translink.providers.abilities import speaks, translates, unable
from translink.providers.attempts import AllFailed, as_one, first_success
from translink.providers.breaker import Chain, Permit
from translink.providers.voices import Voices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence

    from translink.providers.gate import Gate
    from translink.providers.protocols import Synthesizer, Translator
    from translink.results import Translation

log = structlog.get_logger("translink")

AHEAD_HOLD = 30.0
"""Seconds without requests ahead after one that failed, and after trouble of the provider's."""


class AskAhead:
    """Satisfies `services.AsksAhead`. One for each order of providers."""

    def __init__(
        self,
        translation: Chain,
        translators: Sequence[Translator],
        speech: Chain,
        voices: Callable[[str | None], Sequence[Synthesizer]],
        gate: Gate,
        *,
        translate: float,
        first_audio: float,
        speech_budget: float,
        failed: Callable[[ProviderError], None],
        held: dict[str, float] | None = None,
    ) -> None:
        """Chains, providers, limits (seconds) and `failed` as for what is wanted. `held` is shared with
        those that ask the same providers in another order."""
        self._translation = translation
        self._translators = translators
        self._speech = speech
        self._voices = voices
        self._gate = gate
        self._translate = translate
        self._first_audio = first_audio
        self._budget = speech_budget
        self._failed = failed
        self._held: dict[str, float] = {} if held is None else held
        """Provider, and until when it is not asked ahead."""

    async def translate(self, text: str, source: str, target: str, context: str) -> Translation:
        """See `AsksAhead`."""
        chain = _Provisional(self._translation, self._held, lambda: False)
        try:
            return await first_success(
                chain,
                self._translators,
                lambda one: one.translate(text, source=source, target=target, context=context),
                timeout=self._translate,
                budget=2 * self._translate,
                without=unable(self._translators, lambda one: translates(one, source, target)),
                clock=time.monotonic,
            )
        except AllFailed as failure:
            raise as_one(failure, "translation", chain, ()) from failure

    async def speak(
        self, text: str, language: str, voice: str | None, confirmed: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        """See `AsksAhead`."""
        gate = self._gate
        if 2 * gate.active >= gate.limit:
            reason = f"{gate.active} of {gate.limit} places are taken"
            raise ProviderError(reason, provider=gate.name, kind=Kind.BUSY)
        voices = self._voices(voice)
        speaker = Voices(
            _Provisional(self._speech, self._held, confirmed),
            voices,
            first=self._first_audio,
            budget=self._budget,
            clock=time.monotonic,
            failed=lambda error: self._failed(error) if confirmed() else None,
        )
        try:
            async with gate, aclosing(speaker.speak(text, language=language)) as sound:
                async for pcm in sound:
                    yield pcm
        except AllFailed as failure:
            without = unable(voices, lambda one: speaks(one, language))
            raise as_one(failure, "speech", self._speech, without) from failure


class _Provisional(Chain):
    """A chain as one request ahead sees it: see the theory of operation."""

    def __init__(self, chain: Chain, held: dict[str, float], confirmed: Callable[[], bool]) -> None:
        self._chain = chain
        self._held = held
        self._confirmed = confirmed
        self._over = False

    @property
    def names(self) -> tuple[str, ...]:
        return self._chain.names

    def choose(self, now: float, tried: Collection[str] = ()) -> Permit | None:
        if self._confirmed():
            return self._chain.choose(now, tried)
        if self._over:
            return None
        first = next((name for name in self.names if name not in tried), None)
        if (
            first is None
            or now < self._held.get(first, 0.0)
            or not self._chain.calm(first, now, AHEAD_HOLD)
        ):
            self._over = True
            return None
        return self._chain.choose(now, set(self.names) - {first})

    def earliest(self, now: float, tried: Collection[str] = ()) -> float | None:
        over = self._over and not self._confirmed()
        return None if over else self._chain.earliest(now, tried)

    def succeeded(self, permit: Permit, now: float) -> None:
        self._chain.succeeded(permit, now)

    def failed(self, permit: Permit, error: ProviderError, now: float) -> None:
        if self._confirmed():
            self._chain.failed(permit, error, now)
            return
        self._over = True
        self._chain.abandoned(permit)
        self._held[permit.name] = now + max(AHEAD_HOLD, error.retry_after or 0.0)
        log.info("asked ahead in vain", provider=permit.name, reason=str(error))

    def abandoned(self, permit: Permit) -> None:
        self._chain.abandoned(permit)
