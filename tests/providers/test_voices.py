"""Speaking with several voices in line: every word once, whole, in order, whatever fails."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import groupby
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.virtual import run_virtually
from translink.errors import Kind, ProviderError
from translink.providers.breaker import Breaker, BreakerPolicy, Chain, State
from translink.providers.voices import SpeechFailed, Voices

WORD, GAP = 2240, 960
"""140 ms of sound and 60 ms of quiet: as long as a beacon word."""


def sound(text: str, stretch: float = 1.0) -> bytes:
    """A word's loudness is its number: `7` is a square wave of 1700."""
    samples = array("h")
    for token in text.split():
        level = 1000 + 100 * int(token.rstrip("."))
        samples.extend([level, -level] * int(WORD * stretch / 2))
        samples.extend([0] * int(GAP * stretch))
    return samples.tobytes()


def heard(pcm: bytes) -> list[tuple[int, int]]:
    """(number, samples) of each run of one loudness."""
    samples = array("h")
    samples.frombytes(pcm)
    runs = [(level, len(list(run))) for level, run in groupby(map(abs, samples))]
    return [((level - 1000) // 100, length) for level, length in runs if level]


class NoPause(Random):
    """Tries again at once."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0


@dataclass
class Cut:
    """What goes wrong in one making."""

    after: int
    """Samples given before it does."""
    how: str = "reset"


@dataclass
class ScriptedVoice:
    """Speaks numbers; fails as the script says."""

    name: str
    script: list[Cut | None] = field(default_factory=list)
    stretch: float = 1.0
    piece: int = 500
    asked: list[str] = field(default_factory=list)
    closed: int = 0

    async def speak(self, text: str, *, language: str) -> AsyncIterator[bytes]:
        self.asked.append(text)
        cut = self.script.pop(0) if self.script else None
        pcm = sound(text, self.stretch)
        if cut is not None:
            pcm = pcm[: 2 * cut.after]
        try:
            for at in range(0, len(pcm), 2 * self.piece):
                await asyncio.sleep(0)
                yield pcm[at : at + 2 * self.piece]
            match cut:
                case Cut(how="hang"):
                    await asyncio.sleep(60)
                case Cut(how="reset"):
                    raise ProviderError("reset", provider=self.name, kind=Kind.TRANSIENT)
                case Cut(how="denied"):
                    raise ProviderError("denied", provider=self.name, kind=Kind.DENIED)
        finally:
            self.closed += 1


def line(
    *voices: ScriptedVoice, first: float = 1.0, stall: float = 0.05, **numbers: float
) -> Voices:
    chain = Chain(Breaker(voice.name, rng=Random(1)) for voice in voices)
    clock = time.monotonic  # which may be a virtual one
    return Voices(chain, voices, first=first, stall=stall, rng=NoPause(), clock=clock, **numbers)  # type: ignore[arg-type]


async def say(voices: Voices, text: str) -> bytes:
    return b"".join([piece async for piece in voices.speak(text, language="en")])


TEXT = "1 2 3 4 5 6 7 8."
WHOLE = [(n, WORD) for n in range(1, 9)]


async def test_sound_passes_unchanged_and_before_its_end_is_made() -> None:
    voice = ScriptedVoice("first")
    speaking = line(voice).speak(TEXT, language="en")
    piece = await anext(speaking)
    assert 0 < len(piece) <= 2 * (WORD + GAP)
    assert voice.closed == 0, "it is still being made"
    rest = [p async for p in speaking]
    assert piece + b"".join(rest) == sound(TEXT)


async def test_a_voice_is_given_only_what_can_be_said() -> None:
    """Whichever vendor: all are asked through here. The rule is in tests/text/test_sayable.py."""
    voice = ScriptedVoice("any")
    await say(line(voice), "<b>1</b> 👍. 👋 **2** `3`.")
    assert voice.asked == ["1.", "2 3."]
    assert await say(line(voice), "👍 …") == b""


async def test_sentences_are_made_one_by_one() -> None:
    voice = ScriptedVoice("first")
    assert await say(line(voice), "1 2. 3 4.") == sound("1 2 3 4")
    assert voice.asked == ["1 2.", "3 4."]


@pytest.mark.parametrize("how", ["reset", "hang", "denied"])
async def test_what_one_voice_leaves_unsaid_the_next_completes(how: str) -> None:
    first = ScriptedVoice("first", [Cut(8000, how), Cut(0, how)])
    second = ScriptedVoice("second")
    assert heard(await say(line(first, second), TEXT)) == WHOLE
    assert second.asked


@pytest.mark.parametrize("after", [WORD // 2, WORD, 4 * WORD, 20000])
async def test_what_was_given_away_when_a_voice_fails_ends_between_words(after: int) -> None:
    first = ScriptedVoice("first", [Cut(after), Cut(0, "denied")])
    said = bytearray()

    async def listen() -> None:
        async for piece in line(first).speak(TEXT, language="en"):
            said.extend(piece)

    with pytest.raises(SpeechFailed):
        await listen()
    whole = min(max(after - 320, 0), 8 * (WORD + GAP)) // (WORD + GAP)
    assert heard(bytes(said)) in (WHOLE[:whole], WHOLE[: whole + 1])


async def test_a_voice_that_broke_off_may_complete_its_own_sentence() -> None:
    first, second = ScriptedVoice("first", [Cut(8000)]), ScriptedVoice("second")
    assert heard(await say(line(first, second), TEXT)) == WHOLE
    assert (len(first.asked), second.asked) == (2, [])


async def test_a_voice_that_says_it_again_the_same_way_goes_on_at_the_same_sample() -> None:
    first = ScriptedVoice("hum")
    levels = [200 * n * (n != 53) for n in range(3, 100)]  # one pause, soon after it breaks off
    humming = b"".join(array("h", [level, -level] * 160).tobytes() for level in levels)

    async def speak(text: str, *, language: str) -> AsyncIterator[bytes]:
        first.asked.append(text)
        for at in range(0, len(humming), 640):
            yield humming[at : at + 640]
            if len(first.asked) == 1 and at > len(humming) // 2:
                raise ProviderError("reset", provider="hum", kind=Kind.TRANSIENT)

    first.speak = speak  # type: ignore[method-assign]
    assert await say(line(first), "hum") == humming


async def test_completing_may_fail_too() -> None:
    first = ScriptedVoice("first", [Cut(8000, "hang"), Cut(12000)])
    second = ScriptedVoice("second", [Cut(11000)])
    assert heard(await say(line(first, second), TEXT)) == WHOLE


async def test_a_failure_between_two_sentences_repeats_neither() -> None:
    first = ScriptedVoice("first", [None, Cut(0), Cut(0)])
    assert heard(await say(line(first, ScriptedVoice("second")), "1 2. 3 4.")) == WHOLE[:4]


async def test_a_voice_cut_off_in_its_last_silence_has_said_everything() -> None:
    first = ScriptedVoice("first", [Cut(8 * (WORD + GAP) - 100)])
    assert heard(await say(line(first), TEXT)) == WHOLE


@settings(deadline=None, max_examples=40)
@given(
    cuts=st.lists(st.integers(0, 8 * (WORD + GAP)), min_size=1, max_size=3),
    piece=st.integers(150, 9000),
)
def test_wherever_it_breaks_every_word_is_said_once_and_whole(cuts: list[int], piece: int) -> None:
    first = ScriptedVoice("first", [Cut(at) for at in cuts], piece=piece)
    voices = line(first, ScriptedVoice("second", piece=piece))
    assert heard(asyncio.run(say(voices, TEXT))) == WHOLE


async def test_a_slower_voice_goes_on_at_the_same_word() -> None:
    first, second = ScriptedVoice("first"), ScriptedVoice("second", stretch=1.5)
    voices = line(first, second, attempts=1)
    await say(voices, TEXT)  # how fast either speaks is learnt from what it completed
    first.script = [Cut(0), Cut(5 * (WORD + GAP) + 300)]
    assert len(await say(voices, TEXT)) == len(sound(TEXT, 1.5))
    runs = heard(await say(voices, TEXT))
    assert [number for number, _ in runs] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [samples for _, samples in runs] == [WORD] * 5 + [WORD * 3 // 2] * 3


async def test_no_first_sound_is_not_waited_for_twice() -> None:
    first, second = ScriptedVoice("first", [Cut(0, "hang")] * 2), ScriptedVoice("second")
    began = time.monotonic()
    assert heard(await say(line(first, second, first=2.0), TEXT)) == WHOLE
    assert 2.0 <= time.monotonic() - began < 4.0
    assert len(first.asked) == 1


async def test_no_sound_at_all_is_a_failure() -> None:
    first = ScriptedVoice("first", [Cut(0, "end")] * 2)
    assert heard(await say(line(first, ScriptedVoice("second")), TEXT)) == WHOLE


async def test_a_clean_but_early_end_is_noticed_once_the_voice_is_known() -> None:
    voice = ScriptedVoice("first")
    voices = line(voice)
    for _ in range(3):
        await say(voices, TEXT)
    voice.script = [Cut(8000, "end")]
    assert heard(await say(voices, TEXT)) == WHOLE


async def test_a_sentence_that_is_short_twice_is_short() -> None:
    voice = ScriptedVoice("first")
    voices = line(voice)
    for _ in range(3):
        await say(voices, TEXT)
    voice.script = [Cut(6400, "end")] * 2
    assert heard(await say(voices, TEXT)) == WHOLE[:2]


async def test_a_doubted_sentence_is_said_to_its_end_when_nobody_can_say_it_better() -> None:
    voice = ScriptedVoice("first")
    voices = line(voice, attempts=1)
    for _ in range(3):
        await say(voices, TEXT)
    voice.script = [Cut(7000, "end"), *[Cut(0)] * 30]
    assert heard(await say(voices, TEXT)) == [*WHOLE[:2], (3, 600)]


async def test_what_was_played_is_not_said_again_with_the_doubted_remake_of_a_sentence() -> None:
    voice = ScriptedVoice("first")
    voices = line(voice, attempts=1)
    for _ in range(3):
        await say(voices, TEXT)
    voice.script = [Cut(4000), Cut(7000, "end"), *[Cut(0)] * 30]
    assert heard(await say(voices, TEXT)) == [*WHOLE[:2], (3, 600)]


async def test_what_nobody_could_say_is_reported() -> None:
    first = ScriptedVoice("first", [None, Cut(4000), *[Cut(0)] * 30])
    said = bytearray()

    async def listen() -> None:
        async for piece in line(first, budget=0.3).speak("1 2. 3 4. 5 6.", language="en"):
            said.extend(piece)

    with pytest.raises(SpeechFailed) as caught:
        await listen()
    assert caught.value.unspoken == "3 4. 5 6."
    assert heard(bytes(said)) == WHOLE[:3]
    assert {str(cause) for cause in caught.value.causes} == {"reset"}


def test_a_blip_of_the_only_voice_is_waited_out() -> None:
    """503 for 2.5 s."""

    async def call(seed: int) -> list[bytes | BaseException]:
        began = time.monotonic()

        class Blip(ScriptedVoice):
            async def speak(self, text: str, *, language: str) -> AsyncIterator[bytes]:
                if time.monotonic() - began < 2.5:
                    raise ProviderError("503", provider=self.name, kind=Kind.TRANSIENT)
                async for piece in super().speak(text, language=language):
                    yield piece

        policy = BreakerPolicy().within(10.0, denied=False)
        chain = Chain([Breaker("only", policy=policy, rng=Random(seed))])
        voices = Voices(chain, [Blip("only")], rng=Random(seed), clock=time.monotonic)

        async def sentence(number: int) -> bytes:
            await asyncio.sleep(0.4 * number)
            return await say(voices, "1 2.")

        return await asyncio.gather(*map(sentence, range(6)), return_exceptions=True)

    for seed in range(10):
        assert run_virtually(call(seed)) == [sound("1 2.")] * 6


@pytest.mark.parametrize("drip", [bytes(2), b"\x00\x40"])
def test_a_voice_that_drips_is_left_for_the_next(drip: bytes) -> None:
    class Drip(ScriptedVoice):
        async def speak(self, text: str, *, language: str) -> AsyncIterator[bytes]:
            while True:
                await asyncio.sleep(0.4)
                yield drip

    async def call() -> tuple[bytes, float]:
        began = time.monotonic()
        said = await say(line(Drip("first"), ScriptedVoice("second"), stall=1.0), TEXT)
        return said, time.monotonic() - began

    said, took = run_virtually(call())
    assert heard(said)[-8:] == WHOLE
    assert took < 4


def test_a_voice_as_fast_as_it_is_played_is_fast_enough() -> None:
    class Steady(ScriptedVoice):
        async def speak(self, text: str, *, language: str) -> AsyncIterator[bytes]:
            pcm = sound(text)
            for at in range(0, len(pcm), 3200):
                await asyncio.sleep(0.1)
                yield pcm[at : at + 3200]

    async def call() -> bytes:
        return await say(line(Steady("first"), stall=1.0, attempts=1, budget=1.0), text)

    text = " ".join(["1 2 3 4 5 6 7 8"] * 10)
    assert run_virtually(call()) == sound(text)


async def test_silence_is_not_taken_for_speech() -> None:
    class Silent(ScriptedVoice):
        async def speak(self, text: str, *, language: str) -> AsyncIterator[bytes]:
            for _ in range(20):
                yield bytes(3200)

    assert await say(line(Silent("first"), ScriptedVoice("second")), TEXT) == sound(TEXT)
    with pytest.raises(SpeechFailed, match="silence"):
        await say(line(Silent("only"), budget=0.2), TEXT)


def test_the_time_a_listener_takes_is_not_the_voices_fault() -> None:
    voice = ScriptedVoice("first")

    async def listen() -> bytes:
        said = bytearray()
        async for piece in line(voice, stall=0.03).speak("1 2 3.", language="en"):
            said += piece
            await asyncio.sleep(0.05)
        return bytes(said)

    assert heard(run_virtually(listen())) == WHOLE[:3]
    assert voice.asked == ["1 2 3."], "nothing was said on by another attempt"


async def test_closing_cancels_the_request_and_blames_nobody() -> None:
    voice = ScriptedVoice("first", [Cut(5000, "hang")])
    voices = line(voice, stall=60)
    speaking = voices.speak(TEXT, language="en")
    await anext(speaking)
    await speaking.aclose()
    assert voice.closed == 1
    assert voices._chain._breakers["first"].state is State.CLOSED


async def test_a_long_sound_without_a_pause_is_not_held_back_for_ever() -> None:
    class Hum:
        name = "hum"

        async def speak(self, text: str, *, language: str) -> AsyncIterator[bytes]:
            for _ in range(10):
                yield array("h", [9000, -9000] * 800).tobytes()
            await asyncio.sleep(60)

    voices = Voices(Chain([Breaker("hum")]), [Hum()], stall=60)
    speaking = voices.speak("hum", language="en")
    assert len(await asyncio.wait_for(anext(speaking), 20)) <= 2 * 4800
    await speaking.aclose()
