"""The body of a synthesis as sound for a leg: 16 kHz, whole samples, of a length that can be true."""

from __future__ import annotations

from collections.abc import AsyncIterator

from translink._core import Resampler
from translink.errors import Kind, ProviderError
from translink.providers.http import Reply, unreadable
from translink.providers.pcm import Pcm, WrongFormat
from translink.results import RATE

_LEAST, _SLOWEST = 10.0, 0.5
"""Seconds that a text may be spoken, and more for each character; people need 0.07."""


async def sound_of(
    reply: Reply, text: str, *, provider: str, rate: int = RATE, fixed: bool = True
) -> AsyncIterator[bytes]:
    """Yield the answer's sound, 16 kHz s16le mono, as it comes.

    Args:
        text: what was to be spoken; a voice that goes on far beyond it is broken off, since nothing
            else would be heard for as long as it likes.
        rate: of the s16le mono that was asked for. fixed: see `Pcm`.

    Raises:
        ProviderError: REFUSED for another format and for sound without an end; TRANSIENT when there
            is none, or the body breaks off.
    """
    longest = _LEAST + len(text) * _SLOWEST
    resampler: Resampler | None = None
    try:
        pcm = Pcm(reply.headers.get("Content-Type", ""), rate=rate, fixed=fixed)
        async for chunk in reply.chunks():
            if sound := pcm.feed(chunk):
                if pcm.rate != RATE and resampler is None:
                    resampler = Resampler(pcm.rate, RATE)
                if ready := sound if resampler is None else resampler.push(sound):
                    yield ready
            if pcm.samples > longest * pcm.rate:
                message = f"{provider} speaks for more than {longest:.0f} s"
                raise ProviderError(message, provider=provider, kind=Kind.REFUSED)
        pcm.end()
    except WrongFormat as exc:
        message = f"{provider} answered with {exc} instead of linear16 at {rate} Hz"
        raise ProviderError(message, provider=provider, kind=Kind.REFUSED) from exc
    if not pcm.samples:
        raise unreadable(provider, "no sound", reply.headers)
    if resampler is not None and (rest := resampler.finish()):
        yield rest
