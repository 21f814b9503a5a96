"""The body of a synthesis as sound for a leg: 16 kHz, whole samples, of a length that can be true."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence

import orjson

from translink._core import Resampler
from translink.errors import Kind, ProviderError
from translink.providers.http import Http, Reply, unreadable
from translink.providers.pcm import Pcm, WrongFormat, pieces
from translink.results import RATE

LONGEST_REQUEST = 1000
"""Characters per request: the least of the three limits that Deepgram documents, and far below the others'
(4,096 with OpenAI). A failure costs no more than this."""
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


async def posted(
    http: Http,
    url: str,
    text: str,
    body: Callable[[str], Mapping[str, object]],
    *,
    provider: str,
    within: float,
    headers: Mapping[str, str],
    query: Sequence[tuple[str, str]] = (),
    rate: int = RATE,
    fixed: bool = True,
) -> AsyncGenerator[bytes, None]:
    """One request for each part of a text, one after another; yields as `sound_of` does.

    Args:
        body: a part to the JSON that asks for it.
        within: seconds to the first byte, and for each further wait.
    """
    for part in pieces(text, LONGEST_REQUEST):
        async with http.stream(
            "POST",
            url,
            provider=provider,
            within=within,
            headers={**headers, "Content-Type": "application/json"},
            query=query,
            data=orjson.dumps(body(part)),
        ) as reply:
            async for pcm in sound_of(reply, part, provider=provider, rate=rate, fixed=fixed):
                yield pcm
