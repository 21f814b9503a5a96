"""The providers as one direction of a call sees them, with a meter on each.

What announcements use (`settings.notice`) is made once for all calls and is on no call's meter.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from translink.providers.billing import heard_by, spoken_by
from translink.results import RATE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from translink.observe.usage import Usage
    from translink.providers.expecting import Terms
    from translink.providers.services import AsksAhead, Services
    from translink.results import Detected, Result, Translation


def metered(services: Services, usage: Usage) -> Services:
    """The same, counting into `usage`; streams are counted by their listener."""

    def heard(pcm: bytes, result: Result) -> Result:
        usage.count(result.provider or "recognition", seconds=len(pcm) / 2 / RATE)
        return result

    async def transcribe(pcm: bytes, language: str) -> Result:
        return heard(pcm, await services.transcribe(pcm, language))

    async def expecting(pcm: bytes, language: str, terms: Terms) -> Result:
        assert services.transcribe_expecting is not None
        return heard(pcm, await services.transcribe_expecting(pcm, language, terms))

    async def detect(pcm: bytes, languages: tuple[str, ...]) -> Detected | None:
        heard_by.set(lambda provider, seconds: usage.count(provider, seconds=seconds))
        return await services.detect(pcm, languages)

    async def translate(text: str, source: str, target: str, context: str) -> Translation:
        translation = await services.translate(text, source, target, context)
        usage.count(translation.provider, characters=len(text))
        return translation

    async def speak(text: str, language: str, voice: str | None) -> AsyncGenerator[bytes, None]:
        _count_spoken(usage)
        async with aclosing(services.speak(text, language, voice)) as sound:  # type: ignore[type-var]
            async for pcm in sound:
                yield pcm

    return replace(
        services,
        transcribe=transcribe,
        transcribe_expecting=expecting if services.transcribe_expecting else None,
        detect=detect,
        translate=translate,
        speak=speak,
        ahead=_MeteredAhead(services.ahead, usage) if services.ahead else None,
    )


class _MeteredAhead:
    """What is asked ahead is paid for, too, wanted or not."""

    def __init__(self, services: AsksAhead, usage: Usage) -> None:
        self._services = services
        self._usage = usage

    async def translate(self, text: str, source: str, target: str, context: str) -> Translation:
        translation = await self._services.translate(text, source, target, context)
        self._usage.count(translation.provider, characters=len(text))
        return translation

    async def speak(
        self, text: str, language: str, voice: str | None, confirmed: Callable[[], bool]
    ) -> AsyncGenerator[bytes, None]:
        _count_spoken(self._usage)
        sound = self._services.speak(text, language, voice, confirmed)
        async with aclosing(sound):  # type: ignore[type-var]
            async for pcm in sound:
                yield pcm


def _count_spoken(usage: Usage) -> None:
    """Left set: the task that asks for the sound speaks for this direction alone."""
    spoken_by.set(lambda provider, size: usage.count(provider, characters=size))
