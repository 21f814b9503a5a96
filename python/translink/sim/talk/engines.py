"""The translator and the voice of the talks, and what they were seen to be asked.

Whose words a text has is known by the target language, which every direction has for itself
(ISO 639 keeps `qaa` to `qtz` for local use). Which words: those of the talk that read like it, nearest
to where the request before ended. A word that is not the talk's there was made up by an interim: it
gets the number that nobody says, and is heard and counted.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field

from translink.results import RATE
from translink.sim.talk.chords import WRONG_NUMBER, chord
from translink.sim.talk.spelling import bare, numbers_in, spelled
from translink.sim.talk.words import TimedTalk

CHARACTERS_A_SECOND = 17.0
TRANSLATE_SECONDS = (0.08, 0.25)
"""Seconds that a translation takes, at least and at most."""
FIRST_SOUND = (0.15, 0.3)
"""Seconds until the voice's first sound; the rest comes five times as fast as it is heard."""
STREAMED = 5.0
GAP = 0.03
"""Seconds of quiet after each word, within its time; a mark's time is quiet, too."""
MOST_FINALS = 50_000


def language_of(talk: int) -> str:
    """The language that this direction is translated to."""
    return f"q{chr(97 + talk // 26)}{chr(97 + talk % 26)}"


def talk_of(language: str) -> int | None:
    """The other way round; None: nobody's."""
    code = language.lower()
    if len(code) != 3 or code[0] != "q" or not code.isascii() or not code.isalpha():
        return None
    return (ord(code[1]) - 97) * 26 + ord(code[2]) - 97


@dataclass(slots=True)
class TranslationRequest:
    """What the translator was asked. Times are of the machine's monotonic clock."""

    talk: int
    at: float
    numbers: list[int]
    """Of the words, `WRONG_NUMBER` for those that the talk does not have there."""
    text: str
    took: float = 0.0


@dataclass(slots=True)
class VoiceRequest:
    """What the voice was asked."""

    talk: int
    at: float
    numbers: list[int]
    first_sound: float = 0.0
    """Seconds until then."""


@dataclass(slots=True)
class CommittedWords:
    """A final: words `first` to `last`, the latter excluded. It goes out `TIMING.final_delay` later."""

    talk: int
    at: float
    first: int
    last: int


@dataclass(slots=True)
class TalkObservations:
    """What the simulated providers were asked."""

    translations: list[TranslationRequest] = field(default_factory=list)
    voices: list[VoiceRequest] = field(default_factory=list)
    finals: list[CommittedWords] = field(default_factory=list)

    def committed(self, talk: int, first: int, last: int) -> None:
        """The recogniser gives a final."""
        if len(self.finals) < MOST_FINALS:
            self.finals.append(CommittedWords(talk, time.monotonic(), first, last))

    def as_dict(self) -> dict[str, object]:
        """The same as JSON values."""
        return asdict(self)


class TalkTranslator:
    """See the module's docstring."""

    name = "talk"

    def __init__(
        self, talks: Sequence[TimedTalk], observed: TalkObservations, longer: float, seed: int
    ) -> None:
        self._talks = [[bare(word.text) for word in talk.words] for talk in talks]
        self._observed = observed
        self._longer = longer
        self._ends = [0] * len(talks)
        """Where each talk's last request ended."""
        self._chance = random.Random(f"{seed}:translate")

    def pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset(("en", language_of(talk)) for talk in range(len(self._talks)))

    async def translate(self, text: str, source: str, target: str) -> str:
        asked = time.monotonic()
        talk = talk_of(target)
        if talk is None or talk >= len(self._talks):
            return text
        words = text.split()
        numbers = self._numbers(talk, words)
        took = self._chance.uniform(*TRANSLATE_SECONDS)
        if len(self._observed.translations) < MOST_FINALS:
            self._observed.translations.append(TranslationRequest(talk, asked, numbers, text, took))
        await asyncio.sleep(took)
        return spelled(words, numbers, self._longer)

    def _numbers(self, talk: int, words: Sequence[str]) -> list[int]:
        said, wanted = self._talks[talk], [bare(word) for word in words]
        expected = self._ends[talk]
        place = place_of(wanted, said, expected)
        if place is None:
            return [WRONG_NUMBER] * len(words)
        self._ends[talk] = place + len(words)
        there = said[place : place + len(words)]
        there += [""] * (len(words) - len(there))
        return [
            place + n if word == other and word else WRONG_NUMBER
            for n, (word, other) in enumerate(zip(wanted, there, strict=True))
        ]


def place_of(wanted: Sequence[str], said: Sequence[str], expected: int) -> int | None:
    """Where in `said` the words `wanted` stand: where the most of them agree, and among those places
    the one nearest to `expected`. None: less than half agree anywhere."""
    if list(said[expected : expected + len(wanted)]) == list(wanted):
        return expected
    best, best_agree = None, (len(wanted) + 1) // 2 - 1
    for place in sorted(range(len(said)), key=lambda place: abs(place - expected)):
        agree = sum(map(str.__eq__, wanted, said[place : place + len(wanted)]))
        if agree > best_agree:
            best, best_agree = place, agree
            if agree == len(wanted):
                break
    return best


class TalkSynthesizer:
    """A voice of 17 characters a second."""

    name = "talk"

    def __init__(self, languages: frozenset[str], observed: TalkObservations, seed: int) -> None:
        self._languages = languages
        self._observed = observed
        self._chance = random.Random(f"{seed}:speak")

    def languages(self) -> frozenset[str]:
        return self._languages

    async def speak(self, text: str, language: str, rate: int) -> AsyncIterator[bytes]:
        if rate != RATE:
            raise ValueError(f"rate must be {RATE}, not {rate}")
        words = numbers_in(text)
        first = self._chance.uniform(*FIRST_SOUND)
        talk = talk_of(language)
        if talk is not None and len(self._observed.voices) < MOST_FINALS:
            asked = time.monotonic()
            numbers = [number for _, number in words]
            self._observed.voices.append(VoiceRequest(talk, asked, numbers, first))
        await asyncio.sleep(first)
        for word, number in words:
            pcm = said(word, number)
            yield pcm
            await asyncio.sleep(len(pcm) / 2 / RATE / STREAMED)


def said(word: str, number: int) -> bytes:
    """A word of a translation, and the space behind it, as sound."""
    letters = len(word.rstrip(".,;:?!…"))
    samples = round((len(word) + 1) / CHARACTERS_A_SECOND * RATE)
    voiced = round((letters + 1) / CHARACTERS_A_SECOND * RATE - GAP * RATE)
    return chord(number, voiced) + bytes(2 * (samples - voiced))
