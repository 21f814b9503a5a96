"""Speaking with several voices in line: what one leaves unsaid another completes, and nothing is
said twice.

Theory of operation
    Sound is played while it is still being made, and what was played cannot be taken back. So when
    a voice fails in the middle of a sentence, beginning again would say words twice, and stopping
    would lose some. `Voices` gives a sentence's sound away only up to its last *pause* (20 ms of
    quiet), so that it stops between words. When the voice fails, the whole sentence is made again,
    by the same voice or the next in line, and goes on where the first one stopped.

    Where that is: after the same sample, if the same sound comes before it (a voice that says the
    same in the same way). Otherwise at the same share of the sentence, judged by how fast either
    voice was before, and there at the nearest pause. That is a guess, good to about a word: two
    real voices do not pause alike.

    A voice fails when it says so, when its first sound takes longer than `first`, when it stops for
    longer than `stall`, when it falls behind the ear by twice as much (it drips), when it ends
    without any sound, silence being none, or when it ends far too early: in less than 60 % of the
    time that its quickest sentences took per letter. (The last is only a suspicion: the sentence is
    made once more, and that is how long it is.)

Cost: the first sound is delayed by the time the voice needs for the sound up to its first pause, at
most `LONGEST_HELD` of it. A voice five times as fast as speech: at most 40 ms; the offline ones: nothing
that can be measured.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from contextlib import aclosing
from random import Random
from typing import TYPE_CHECKING

from translink.errors import Kind, ProviderError
from translink.providers.abilities import speaks, unable
from translink.providers.attempts import AllFailed, Attempts
from translink.providers.billing import note_spoken
from translink.providers.pauses import is_loud, last_pause, nearest_pause, samples_of
from translink.results import RATE
from translink.text.sayable import sayable
from translink.text.sentences import split_sentences

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from translink.providers.breaker import Chain, Permit
    from translink.providers.protocols import Synthesizer

LONGEST_HELD = RATE // 5
"""Most samples held back for want of a pause: 200 ms, a long syllable."""


class SpeechFailed(AllFailed):
    """No voice could say it, or all of it."""

    def __init__(self, causes: Sequence[ProviderError], unspoken: str) -> None:
        super().__init__(causes)
        self.unspoken = unspoken
        """The sentences that were not said to their end; the first of them may have begun."""


class Voices:
    """A chain of synthesizers that behaves like one (and satisfies that Protocol but for the error
    it raises).
    """

    name = "voices"

    def __init__(
        self,
        chain: Chain,
        synthesizers: Sequence[Synthesizer],
        *,
        first: float = 2.0,
        stall: float = 1.0,
        attempts: int = 2,
        budget: float = 10.0,
        rng: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        failed: Callable[[ProviderError], None] | None = None,
    ) -> None:
        """Args:
        first: seconds until the first sound of a sentence.
        stall: seconds between two pieces of sound.
        attempts: how often one voice tries one sentence.
        budget: seconds in which an attempt at a sentence may begin.
        failed: called with every failure, as it happens.
        """
        self._chain = chain
        self._voices = {voice.name: voice for voice in synthesizers}
        self._first = first
        self._stall = stall
        self._attempts = attempts
        self._budget = budget
        self._rng = rng or Random()
        self._clock = clock
        self._failed = failed
        self._rates = _SpeakingRates()

    async def speak(self, text: str, *, language: str) -> AsyncGenerator[bytes, None]:
        """Sound of what is `sayable` of `text`, 16 kHz s16le mono, sentence by sentence, as it is made.

        Raises:
            SpeechFailed: with what was left unsaid. What was yielded before is sound and stays.
        """
        sentences = split_sentences(sayable(text, language), language)
        for number, sentence in enumerate(sentences):
            try:
                async with aclosing(self._sentence(sentence, language)) as sound:
                    async for piece in sound:
                        yield piece
            except AllFailed as failure:
                raise SpeechFailed(failure.causes, " ".join(sentences[number:])) from failure

    async def _sentence(self, sentence: str, language: str) -> AsyncGenerator[bytes, None]:
        way = Attempts(
            self._chain,
            deadline=self._clock() + self._budget,
            attempts=self._attempts,
            without=unable(self._voices.values(), lambda one: speaks(one, language)),
            rng=self._rng,
        )
        said = 0
        sayer = ""
        tail = b""
        doubted: bytes | None = None
        while True:
            try:
                permit = await way.permit(self._clock)
            except AllFailed:
                if doubted is None:
                    raise
                yield doubted
                return
            name = permit.name
            take = _Take(held=said > 0)
            error: ProviderError | None = None
            try:
                async with aclosing(self._making(name, sentence, language)) as sound:
                    async for piece in sound:
                        ready = take.push(piece)
                        if ready:
                            said += len(ready) // 2
                            sayer = name
                            tail = (tail + ready)[-_TAIL:]
                            yield ready
                if doubted is None and self._rates.suspects(name, language, sentence, take.made):
                    place = self._rates.place(said, sayer, name, language)
                    doubted = take.rest(said, tail, place)
                    # It may be all there is to say: somebody waits for it.
                    way.hasten(self._clock() + self._first)
                    reason = f"{take.made / RATE:.1f} s is too short for {len(sentence)} letters"
                    error = ProviderError(reason, provider=name, kind=Kind.TRANSIENT)
            except ProviderError as caught:
                error = caught
            except BaseException:
                # Closed by the listener, cancelled, or a bug: no verdict on the voice but what it
                # has shown.
                self._leave(permit, heard=take.made > 0)
                raise
            if error is None:
                self._chain.succeeded(permit, self._clock())
                self._rates.note(name, language, sentence, take.made)
                note_spoken(name, len(sentence))
                place = self._rates.place(said, sayer, name, language)
                rest = take.rest(said, tail, place)
                if rest:
                    yield rest
                return
            way.failed(permit, error, self._clock())
            if self._failed is not None:
                self._failed(error)

    def _leave(self, permit: Permit, *, heard: bool) -> None:
        if heard:
            self._chain.succeeded(permit, self._clock())
        else:
            self._chain.abandoned(permit)

    async def _making(self, name: str, sentence: str, language: str) -> AsyncGenerator[bytes, None]:
        """One attempt at one sentence, with the time-outs; never an empty piece."""
        made = loud = False
        ahead = 2 * self._stall
        """Seconds that the ear may still wait in all, besides what it has to play."""
        voice = self._voices[name]
        async with aclosing(closable(voice.speak(sentence, language=language))) as sound:
            while True:
                patience = self._stall if made else self._first
                began = self._clock()
                try:
                    async with asyncio.timeout(patience):
                        piece = await anext(sound, None)
                except TimeoutError:
                    what = "stopped for" if made else "no sound within"
                    raise _too_slow(f"{what} {patience:.1f} s", name) from None
                if piece is None:
                    break
                if made:
                    ahead -= self._clock() - began
                if piece:
                    made = True
                    loud = loud or is_loud(piece)
                    ahead += len(piece) / 2 / RATE
                    yield piece
                if ahead < 0:
                    raise _too_slow("slower than it is played", name)
        if not loud:
            what = "silence" if made else "ended without sound"
            raise ProviderError(what, provider=name, kind=Kind.TRANSIENT)


def _too_slow(how: str, name: str) -> ProviderError:
    return ProviderError(how, provider=name, kind=Kind.TRANSIENT, timed_out=True)


class _Take:
    """The sound of one attempt, given away up to the last pause. At most one sentence of sound is
    in memory.
    """

    def __init__(self, *, held: bool) -> None:
        self.held = held
        """True: give nothing away before the end; `rest` then says from where."""
        self.made = 0
        """Samples made so far."""
        self._loud = False
        self._waiting = bytearray()

    def push(self, piece: bytes) -> bytes:
        """Take a piece of whole samples; returns what may be played now (possibly nothing)."""
        self.made += len(piece) // 2
        self._waiting += piece
        self._loud = self._loud or is_loud(piece)
        if self.held or not self._loud:
            # Silence alone says nothing, and what another voice makes must not begin behind it.
            return b""
        samples = samples_of(self._waiting)
        cut = last_pause(samples)
        if cut == 0 and len(samples) > LONGEST_HELD:
            cut = len(samples)
        return self._give(cut)

    def rest(self, said: int, tail: bytes, place: int) -> bytes:
        """What is left to say when `said` samples, which ended with `tail`, were played.

        Of a take that is held: after the same sample if the same sound comes before it; else after the
        pause nearest to `place`.
        """
        if not self.held:
            return self._give(len(self._waiting) // 2)
        if self._waiting[: 2 * said].endswith(tail):
            return bytes(self._waiting[2 * said :])
        samples = samples_of(self._waiting)
        if place >= len(samples):
            return b""
        return bytes(self._waiting[2 * nearest_pause(samples, place) :])

    def _give(self, samples: int) -> bytes:
        given = bytes(self._waiting[: 2 * samples])
        del self._waiting[: 2 * samples]
        return given


class _SpeakingRates:
    """How fast each voice speaks: samples per letter of its latest sentences, 20 at most."""

    def __init__(self) -> None:
        self._seen: defaultdict[tuple[str, str], deque[float]] = defaultdict(
            lambda: deque(maxlen=20)
        )

    def note(self, name: str, language: str, sentence: str, samples: int) -> None:
        """A sentence was completed. Short ones say little: their length is mostly silence."""
        if len(sentence) >= _TELLING_LENGTH:
            self._seen[name, language].append(samples / len(sentence))

    def suspects(self, name: str, language: str, sentence: str, samples: int) -> bool:
        """Whether a sentence is far shorter than this voice's quickest ones would let expect."""
        seen = self._seen[name, language]
        if len(seen) < 3 or len(sentence) < _TELLING_LENGTH:
            return False
        return samples < 0.6 * min(seen) * len(sentence)

    def place(self, said: int, sayer: str, name: str, language: str) -> int:
        """Where voice `name` is in a sentence when `sayer` has said `said` samples of it."""
        before, after = self._seen.get((sayer, language)), self._seen.get((name, language))
        if sayer == name or not before or not after:
            return said
        return round(said * (sum(after) / len(after)) / (sum(before) / len(before)))


async def closable(audio: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Close the inner iterator with the outer one, so that leaving early cancels the request."""
    try:
        async for piece in audio:
            yield piece
    finally:
        if close := getattr(audio, "aclose", None):
            await close()


_TAIL = RATE // 2
"""Bytes of the last 250 ms that were played: enough sound to know again."""
_TELLING_LENGTH = 15
"""Letters from which on a sentence's length tells how fast a voice speaks."""
