"""The providers as an interpreter sees them: who is asked next when one fails is settled behind
these (`lineup`). And, beside them, how loaded the process is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from translink.errors import Kind, ProviderError
from translink.process.pressure import Pressure
from translink.providers.cadence import Cadence
from translink.providers.expecting import Terms
from translink.providers.precedents import Precedents
from translink.results import Detected, Result, Translation

if TYPE_CHECKING:
    from translink.providers.breaker import Breaker
    from translink.providers.protocols import LiveTranscriber


async def nobody_detects(pcm: bytes, languages: tuple[str, ...]) -> Detected | None:
    """A detector of languages that is none. Raises `ProviderError`."""
    raise ProviderError("no detector of languages", provider="recognition", kind=Kind.REFUSED)


def _anything(language: str, voice: str | None) -> bool:
    return True


class AsksAhead(Protocol):
    """Asks for what may not be wanted in the end, where that harms nobody (`providers.ahead`)."""

    async def translate(self, text: str, source: str, target: str, context: str) -> Translation:
        """Raises `ProviderError`: it is not to be had like this; ask when it is wanted."""

    def speak(
        self, text: str, language: str, voice: str | None, confirmed: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        """Likewise. Once `confirmed()`, everybody in line is asked as for any other."""


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
    transcribe_expecting: Callable[[bytes, str, Terms], Awaitable[Result]] | None = None
    """(16 kHz s16le mono, language, key terms); None = nobody takes any."""
    detect: Callable[[bytes, tuple[str, ...]], Awaitable[Detected | None]] = nobody_detects
    """(16 kHz s16le mono, languages) → which of them is spoken; None: none of them was heard."""
    speaks: Callable[[str, str | None], bool] = _anything
    """(language, voice): has anybody in line a voice for it? Known without a request."""
    precedents: Precedents = field(default_factory=Precedents)
    """What has worked before; shared by all legs."""
    cadence: Cadence = field(default_factory=Cadence)
    """How slowly `live` answers; shared by all legs."""
    ahead: AsksAhead | None = None
    """None: nothing is asked ahead."""
    pressure: Pressure = field(default_factory=Pressure)
    """The process's. What is left out because of it is counted there."""
