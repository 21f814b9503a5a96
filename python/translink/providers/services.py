"""The providers as an interpreter sees them: who is asked next when one fails is settled behind
these (`lineup`). And, beside them, how loaded the process is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from translink.errors import Kind, ProviderError
from translink.process.pressure import Pressure
from translink.providers.cadence import Cadence
from translink.providers.precedents import Precedents
from translink.results import Detected, Result, Translation

if TYPE_CHECKING:
    from translink.providers.breaker import Breaker
    from translink.providers.protocols import LiveTranscriber


async def _nobody(pcm: bytes, languages: tuple[str, ...]) -> Detected | None:
    raise ProviderError("no detector of languages", provider="recognition", kind=Kind.REFUSED)


@dataclass(frozen=True, slots=True)
class Services:
    """Each raises `ProviderError` when nobody in line could do it, and nothing else."""

    live: LiveTranscriber
    breaker: Breaker
    """Guards `live`; shared by all legs."""
    transcribe: Callable[[bytes, str], Awaitable[Result]]
    """(16 kHz s16le mono, language)."""
    translate: Callable[[str, str, str, str], Awaitable[Translation]]
    """(text, source, target, context)."""
    speak: Callable[[str, str, str | None], AsyncIterator[bytes]]
    """(text, language, voice); 16 kHz s16le mono as it is made."""
    detect: Callable[[bytes, tuple[str, ...]], Awaitable[Detected | None]] = _nobody
    """(16 kHz s16le mono, languages) → which of them is spoken; None: none of them was heard."""
    precedents: Precedents = field(default_factory=Precedents)
    """What has worked before; shared by all legs."""
    cadence: Cadence = field(default_factory=Cadence)
    """How slowly `live` answers; shared by all legs."""
    pressure: Pressure = field(default_factory=Pressure)
    """The process's; who leaves something out for it counts it there."""
