"""The providers as one direction of a call sees them, with a meter on each.

What announcements use (`settings.notice`) is made once for all calls and is on no call's meter.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from translink.providers.billing import spoken_by
from translink.results import RATE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from translink.observe.usage import Usage
    from translink.providers.services import Services
    from translink.results import Result, Translation


def metered(services: Services, usage: Usage) -> Services:
    """The same, counting into `usage`; streams are counted by their listener."""

    async def transcribe(pcm: bytes, language: str) -> Result:
        result = await services.transcribe(pcm, language)
        usage.count(result.source or "recognition", seconds=len(pcm) / 2 / RATE)
        return result

    async def translate(text: str, source: str, target: str, context: str) -> Translation:
        translation = await services.translate(text, source, target, context)
        usage.count(translation.provider, characters=len(text))
        return translation

    async def speak(text: str, language: str, voice: str | None) -> AsyncGenerator[bytes, None]:
        # Left set: this task speaks for this direction alone.
        spoken_by.set(lambda provider, size: usage.count(provider, characters=size))
        async with aclosing(services.speak(text, language, voice)) as sound:  # type: ignore[type-var]
            async for pcm in sound:
                yield pcm

    return replace(services, transcribe=transcribe, translate=translate, speak=speak)
