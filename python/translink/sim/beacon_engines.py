"""Engines that count: speech is beacon words, and every word carries its number all the way
through.

A recogniser hears `b123456` where a beacon says 123456, the translator makes `t123456` of it, the
synthesizer says beacon 123456 again. So a listener at the far ear knows which words were lost,
doubled or out of order.

They run in the server's event loop: recognising one leg costs 0.01 % of a core (measured in
`rust/core/src/beacon.rs`).

Like nova-3, partial results are revised: the newest word is sometimes wrong, sometimes missing, and
now and then the first word disappears. A wrong word has a number from `WRONG_NUMBERS`, which nobody ever
says: heard at an ear, it proves that something was spoken that could still be taken back.
Punctuation is a function of the number, so that the same audio sent twice is written the same way
twice.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import count

from translink._core import BeaconDecoder, beacon_encode
from translink.offline.engines.protocols import Heard

BEACON_LANGUAGES = frozenset(("de", "en", "es", "fr", "it", "ja", "nl", "pt"))
"""What the engines pretend to know."""

WRONG_NUMBERS = range(0xFFC000, 0x1000000)
"""Numbers of words that partial results make up."""


@dataclass(frozen=True, slots=True)
class BeaconTiming:
    """How long the services take, in seconds, and how often a partial result is revised."""

    translate: float = 0.05
    speak: float = 0.08
    """Until the first audio."""
    jitter: float = 0.25
    """Each delay is drawn from ± this share of itself."""
    wrong: float = 0.15
    """Share of partial results whose newest word is wrong …"""
    shrunken: float = 0.1
    """… lacks its newest word …"""
    headless: float = 0.05
    """… or its first one."""


class BeaconRecognizer:
    """Recognises beacons in one stream."""

    def __init__(self, chance: random.Random, timing: BeaconTiming) -> None:
        self._decoder = BeaconDecoder()
        self._words: list[Heard] = []
        self._chance = chance
        self._timing = timing

    async def feed(self, pcm: bytes) -> None:
        self._take(self._decoder.push(pcm))

    async def partial(self) -> tuple[Heard, ...]:
        words = list(self._words)
        if not words:
            return ()
        draw, timing = self._chance.random(), self._timing
        if draw < timing.wrong:
            words[-1] = replace(
                words[-1], text=f"b{self._chance.choice(WRONG_NUMBERS)}", confidence=0.5
            )
        elif draw < timing.wrong + timing.shrunken:
            words.pop()
        elif draw < timing.wrong + timing.shrunken + timing.headless:
            words.pop(0)
        return tuple(words)

    async def finish(self) -> tuple[Heard, ...]:
        """A word still being said belongs to the next utterance."""
        self._take(self._decoder.finish())
        words, self._words = tuple(self._words), []
        return words

    async def close(self) -> None:
        self._words.clear()

    def _take(self, heard: list[tuple[int, int, int]]) -> None:
        self._words += (
            Heard(f"b{number}{_mark(number)}", start / 16_000, end / 16_000, 0.99)
            for number, start, end in heard
        )


class BeaconRecognizers:
    """Makes a recogniser for each stream."""

    name = "beacon"

    def __init__(self, timing: BeaconTiming, seed: int) -> None:
        self._timing = timing
        self._seeds = (f"{seed}:{number}" for number in count())

    def languages(self) -> frozenset[str]:
        return BEACON_LANGUAGES

    async def open(self, language: str) -> BeaconRecognizer:
        return BeaconRecognizer(random.Random(next(self._seeds)), self._timing)


class BeaconTranslator:
    """`b123, b124.` → `t123, t124.`: word by word; what is no beacon word is left as it is."""

    name = "beacon"

    def __init__(self, timing: BeaconTiming, seed: int) -> None:
        self._timing = timing
        self._chance = random.Random(f"{seed}:translate")

    def pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset((a, b) for a in BEACON_LANGUAGES for b in BEACON_LANGUAGES if a != b)

    async def translate(self, text: str, source: str, target: str) -> str:
        await _pause(self._timing.translate, self._timing.jitter, self._chance)
        return _SOURCE_WORD.sub(r"t\1", text)


class BeaconSynthesizer:
    """Says every beacon word of a text, translated or not (an untranslated one spoken is heard and
    counted too).
    """

    name = "beacon"

    def __init__(self, timing: BeaconTiming, seed: int) -> None:
        self._timing = timing
        self._chance = random.Random(f"{seed}:speak")

    def languages(self) -> frozenset[str]:
        return BEACON_LANGUAGES

    async def speak(self, text: str, language: str, rate: int) -> AsyncIterator[bytes]:
        await _pause(self._timing.speak, self._timing.jitter, self._chance)
        for number in beacon_numbers(text):
            yield beacon_encode(number, rate=rate)


@dataclass(frozen=True, slots=True)
class BeaconEngines:
    """What an `OfflineServer` is built from."""

    recognizer: BeaconRecognizers
    translator: BeaconTranslator
    synthesizer: BeaconSynthesizer


def beacon_engines(seed: int = 0, timing: BeaconTiming | None = None) -> BeaconEngines:
    """A set whose whims all follow from `seed`."""
    timing = timing or BeaconTiming()
    return BeaconEngines(
        BeaconRecognizers(timing, seed),
        BeaconTranslator(timing, seed),
        BeaconSynthesizer(timing, seed),
    )


def beacon_numbers(text: str) -> list[int]:
    """The numbers of the beacon words in a text, in order."""
    return [number for word in _BEACON_WORD.findall(text) if (number := int(word)) < 1 << 24]


def _mark(number: int) -> str:
    """Every sixteenth word ends a sentence, every sixteenth a clause."""
    return {0: ".", 7: ","}.get(number * 2654435761 >> 12 & 15, "")


async def _pause(seconds: float, jitter: float, chance: random.Random) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds * chance.uniform(1 - jitter, 1 + jitter))


_BEACON_WORD = re.compile(r"\b[bt](\d{1,8})\b", re.IGNORECASE)
_SOURCE_WORD = re.compile(r"\bb(\d{1,8})\b", re.IGNORECASE)
