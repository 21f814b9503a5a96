"""The voice that is wished for a talker, as one text from the settings to the clients, and what becomes of
it where a vendor has none: its usual voice speaks, and the log says so once.

`feminine` and `masculine` are such voices in any language; `usually:…` likewise, where the operator has
chosen no voice for the language; `for:NAME` a voice by name, or `for:VENDOR:NAME`. Any other text is the
name of a voice for one ear, for all talkers (`legs[].voice`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic
from typing import Literal

import structlog

from translink.errors import Kind, ProviderError
from translink.providers.languages import by_tag

log = structlog.get_logger("translink")

Manner = Literal["feminine", "masculine"]
MANNERS: Mapping[str, Manner] = {"feminine": "feminine", "masculine": "masculine"}
ANY = "any"
"""In a table of voices by language: for all others."""
NOTED = 256
"""Wishes that were not met and are remembered; clients may name ever new voices."""
WISH_REFUSED = 600.0
"""Seconds for which a voice that was refused is not asked for again."""
_USUALLY, _FOR = "usually:", "for:"


@dataclass(frozen=True, slots=True)
class VoiceWish:
    """One of those texts, read."""

    manner: Manner | None = None
    name: str | None = None
    """Of a voice, with its vendor before a colon, perhaps."""
    always: bool = False
    """That name is for one ear: it speaks whatever comes."""
    firm: bool = True
    """Somebody said so; otherwise a voice that the operator chose goes before."""

    @classmethod
    def read(cls, text: str | None) -> VoiceWish:
        """None: nothing is wished."""
        if not text:
            return cls(firm=False)
        if manner := MANNERS.get(text):
            return cls(manner)
        if text.startswith(_USUALLY):
            return cls(MANNERS[text.removeprefix(_USUALLY)], firm=False)
        name = text.removeprefix(_FOR)
        return cls(name=name, always=name == text)


def wished(voice_for: str | None, voice: str | None, *, second: bool) -> str:
    """The text, from what the talker's leg says of itself and the voice of the ear; `second`: the talker is
    the second party of their call. What the talker says goes first."""
    if voice_for:
        return voice_for if voice_for in MANNERS else f"{_FOR}{voice_for}"
    return voice or _USUALLY + ("masculine" if second else "feminine")


class UnmetWishes:
    """Shared by all clients: what they could not do is said once. What was refused is tried again after
    `WISH_REFUSED`: it may have been a passing trouble, or be mended in the vendor's account by then."""

    def __init__(self) -> None:
        self._noted: set[tuple[str, ...]] = set()
        self._refused: dict[tuple[str, str], tuple[str, float]] = {}
        """Provider and voice, the reason, and until when it is left alone."""

    def tell(self, provider: str, wish: str, language: str, mend: str) -> None:
        """A vendor has no such voice."""
        what = (provider, wish, language)
        if what not in self._noted:
            _bound(self._noted).add(what)
            log.warning(
                "no such voice: its usual one speaks",
                provider=provider,
                voice_for=wish,
                language=language,
                mend=mend,
            )

    def refuse(self, provider: str, voice: str, reason: str) -> None:
        """A vendor does not take this name, and its usual voice spoke the very same text."""
        is_new = (provider, voice) not in self._refused
        if is_new and len(self._refused) >= NOTED:
            self._refused.clear()
        self._refused[provider, voice] = reason, monotonic() + WISH_REFUSED
        if is_new:
            log.warning(
                "a voice was refused: the usual one speaks",
                provider=provider,
                voice=voice,
                reason=reason,
            )

    def is_refused(self, provider: str, voice: str) -> bool:
        """It was, not long ago."""
        _, until = self._refused.get((provider, voice), ("", 0.0))
        return monotonic() < until

    def refused_by(self, provider: str) -> list[tuple[str, str]]:
        """Voices that this one does not take, with its reason."""
        refused = self._refused.items()
        return [(voice, why) for (who, voice), (why, _) in refused if who == provider]


def _bound(noted: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    if len(noted) >= NOTED:
        noted.clear()
    return noted


class WantedVoice:
    """What one client does about a wish."""

    def __init__(
        self, voices: Mapping[str, str], unmet: UnmetWishes, *, wish: str, mend: str, firm: bool
    ) -> None:
        """`voices`: language, or `any`, to the voice that meets it. `mend`: which setting names one;
        not `firm`: nobody misses it."""
        self._firm = firm
        self._voices = voices
        self._unmet = unmet
        self._wish = wish
        self._mend = mend

    def of(self, language: str) -> str | None:
        """The voice; None: there is none."""
        return by_tag(self._voices, language) or self._voices.get(ANY)

    def lacks(self, provider: str, language: str) -> None:
        """Say so, once."""
        if self._firm:
            self._unmet.tell(provider, self._wish, language, self._mend)

    def is_refused(self, provider: str, voice: str) -> bool:
        """It was, not long ago."""
        return self._unmet.is_refused(provider, voice)

    def refuse(self, provider: str, voice: str, reason: str) -> None:
        """See `UnmetWishes`."""
        self._unmet.refuse(provider, voice, reason)


class SpeakingVoices:
    """Which voice of one client speaks a language: the one that is wanted, or else the usual one."""

    def __init__(
        self,
        wanted: WantedVoice | None,
        voices: Mapping[str, str],
        *,
        provider: str,
        setting: str,
        always: str | None = None,
        otherwise: str | None = None,
    ) -> None:
        """`voices`: language to the usual voice; `pt-BR` is looked up as such, then as `pt`.

        Args:
            wanted: goes before all others.
            setting: where a voice would be named, for an error.
            always: goes before `voices`. otherwise: speaks the languages that are not in them.
        """
        self.wanted = wanted
        self._voices = voices
        self._provider = provider
        self._setting = setting
        self._always = always
        self._otherwise = otherwise

    def usual(self, language: str) -> str | None:
        """The voice of all but those who wish for another one."""
        return self._always or by_tag(self._voices, language) or self._otherwise or None

    def has(self, language: str) -> bool:
        """Whether there is a voice for it."""
        return bool((self.wanted and self.wanted.of(language)) or self.usual(language))

    async def speak(
        self, language: str, say: Callable[[str], AsyncGenerator[bytes, None]]
    ) -> AsyncGenerator[bytes, None]:
        """The sound of `say(voice)`, by the voice that is wanted; by the usual one if there is none, or if
        the vendor refuses it. Raises what `say` does, and `ProviderError` (REFUSED) without any voice."""
        provider, wanted, usual = self._provider, self.wanted, self.usual(language)
        voice = wanted.of(language) if wanted else None
        if voice is None and usual is None:
            tag = language.replace("_", "-")
            message = f"{provider} has no voice for {tag}: name one in {self._setting}.{tag}"
            raise ProviderError(message, provider=provider, kind=Kind.REFUSED)
        if wanted is not None and voice is None:
            wanted.lacks(provider, language)
        if usual is None or voice is None or wanted is None:
            usual = voice = voice or usual or ""
        elif wanted.is_refused(provider, voice):
            voice = usual
        begun, refusal = False, ""
        try:
            async with aclosing(say(voice)) as sound:
                async for pcm in sound:
                    begun = True
                    yield pcm
        except ProviderError as error:
            if begun or voice == usual or error.kind not in (Kind.REFUSED, Kind.DENIED):
                raise
            refusal = str(error)
        if not refusal:
            return
        async with aclosing(say(usual)) as sound:
            async for pcm in sound:
                if wanted is not None:  # it was the voice, and neither the text nor the key
                    wanted.refuse(provider, voice, refusal)
                yield pcm
