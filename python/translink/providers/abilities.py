"""Which languages a provider can do, so that nobody is asked for what they do not have.

A provider that does not have every language says so by a method beside those of its Protocol; one without
the method is taken to do all. What it says must need no request. A list may be older than the
service: where nobody in line can do a language, all are asked.

Each segment asks all of its providers. So the method is looked for by its name: `isinstance` of a Protocol goes through
`hasattr` in Python: 141 thousand instructions for a question to two providers, and 9 thousand so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from translink.providers.attempts import Named
from translink.results import Detected


class HearsSome(Protocol):
    """A recogniser of some languages."""

    def hears(self, language: str) -> bool:
        """Whether it recognises `language` (`en`, `pt-BR`)."""


class StreamsPerhaps(Protocol):
    """A live recogniser that may have nobody behind it."""

    def has_streams(self) -> bool:
        """Whether streams are to be had at all."""


class TranslatesSome(Protocol):
    """A translator between some languages."""

    def translates(self, source: str, target: str) -> bool:
        """Whether it has this pair."""


class SpeaksSome(Protocol):
    """A synthesizer with voices for some languages."""

    def speaks(self, language: str) -> bool:
        """Whether it has a voice for it."""


@runtime_checkable
class Detects(Protocol):
    """Tells which language is spoken. One without these methods cannot."""

    def detects(self, languages: Sequence[str]) -> bool:
        """Whether it can tell all of them from each other."""

    async def detect(self, pcm: bytes, languages: Sequence[str]) -> Detected | None:
        """Which of `languages` 16 kHz s16le mono is; None: it heard none. Raises `ProviderError`."""


def detects(provider: object, languages: Sequence[str]) -> bool:
    """See `Detects`."""
    return isinstance(provider, Detects) and provider.detects(languages)


def hears(provider: object, language: str) -> bool:
    """See `HearsSome`."""
    says: Callable[[str], bool] | None = getattr(provider, "hears", None)
    return says is None or says(language)


def has_streams(live: object) -> bool:
    """See `StreamsPerhaps`."""
    says: Callable[[], bool] | None = getattr(live, "has_streams", None)
    return says is None or says()


def translates(provider: object, source: str, target: str) -> bool:
    """See `TranslatesSome`."""
    says: Callable[[str, str], bool] | None = getattr(provider, "translates", None)
    return says is None or says(source, target)


def speaks(provider: object, language: str) -> bool:
    """See `SpeaksSome`."""
    says: Callable[[str], bool] | None = getattr(provider, "speaks", None)
    return says is None or says(language)


P = TypeVar("P", bound=Named)


def unable(providers: Iterable[P], can: Callable[[P], bool]) -> frozenset[str]:
    """Names of those who need not be asked; nobody where nobody can."""
    all_of_them = tuple(providers)
    names = frozenset(one.name for one in all_of_them if not can(one))
    return frozenset() if len(names) == len(all_of_them) else names
