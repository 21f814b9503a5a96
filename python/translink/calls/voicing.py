"""What may still be said after a failure, and how long a sound may take."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from translink.errors import Kind, ProviderError
from translink.providers.voices import SpeechFailed
from translink.text.sentences import split_sentences

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

VOICE_TIME = 12.0
VOICE_TIME_PER_LETTER = 0.15
"""Seconds that may be spent waiting for the sound of one text: for the voices in line to fail, and
twice what a slow speaker needs for each letter."""


def same_language(source: str, target: str) -> bool:
    """Whether there is nothing to translate between `en-US` and `en`."""
    return source.split("-")[0].lower() == target.split("-")[0].lower()


def still_sayable(error: ProviderError, language: str) -> str:
    """What may still be said after a failure: the sentences behind one that was refused for what it
    says. Otherwise nothing; the voices are in trouble, and each had its turn."""
    failure = error.__cause__
    if error.kind is not Kind.REFUSED or not isinstance(failure, SpeechFailed):
        return ""
    return " ".join(split_sentences(failure.unspoken, language)[1:])


async def in_time(sound: AsyncGenerator[bytes, None], letters: int) -> AsyncIterator[bytes]:
    """The sound as it comes. Raises `ProviderError` when waiting for it, all in all, takes longer
    than a text of so many letters may."""
    left = allowed = VOICE_TIME + VOICE_TIME_PER_LETTER * letters
    while True:
        began = time.monotonic()
        try:
            async with asyncio.timeout(left):
                pcm = await anext(sound, None)
        except TimeoutError:
            reason = f"{letters} letters took the voice more than {allowed:.0f} s"
            raise ProviderError(reason, provider="voices", kind=Kind.TRANSIENT) from None
        if pcm is None:
            return
        left -= time.monotonic() - began
        yield pcm
