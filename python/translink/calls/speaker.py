"""Segments to speech: each is translated (a few at a time, since providers answer at their own
pace) and spoken strictly one after another into the other leg's ear.

Every segment that comes in is reported exactly once: spoken to its end, `untranslated` (shown, not
spoken), unspoken (translated, not heard or not to its end), or translated and shown only, because
the hearer wants text or is too far behind. Nothing waits without a bound.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from translink.calls.hearing import Hearing
from translink.calls.lag import Lag
from translink.errors import Kind, ProviderError
from translink.process.clock import unix
from translink.providers.voices import SpeechFailed
from translink.results import Segment, Translation
from translink.sentences import split_sentences

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from translink._core import Playout
    from translink.calls.direction import Direction, DirectionRecord
    from translink.observe.journal import Scalar
    from translink.providers.services import Services

SEGMENTS_WAITING = 256
"""Segments that may wait for translation: some ten minutes of speech. A further one is reported as
untranslated."""
TRANSLATIONS_AHEAD = 4
"""Translations that may wait their turn in one direction."""
UTTERANCES_IN_EAR = 48
"""Utterances that may wait in the ear; the next waits here. The engine refuses more than 64."""
CONTEXT = 300
"""Characters before the present segment that the translator is shown, at least, in whole segments:
these may be of four words."""
VOICE_TIME = 12.0
VOICE_TIME_PER_LETTER = 0.15
"""Seconds that may be spent waiting for the sound of one text: for the voices in line to fail, and
twice what a slow speaker needs for each letter."""

_utterances = itertools.count(1)


def next_utterance() -> int:
    """A number for sound in an ear that nobody else has or will have."""
    return next(_utterances)


class Ear(Protocol):
    """Where translated speech goes: one leg's playout queue (`media.MediaLeg`)."""

    def play(self, utterance: int, pcm: bytes, last: bool = False) -> int:
        """Queue; returns the bytes accepted: fewer than given = full."""

    def flush(self) -> None:
        """Drop what waits."""


@dataclass(slots=True)
class _Utterance:
    """A segment on its way to the ear; times are monotonic seconds, 0 = not yet."""

    number: int
    segment: Segment
    began: float
    """When its first sound reached the socket; 0 = not known."""
    committed: float
    """When the commit policy let the segment go."""
    target: str
    """Language and voice it is said in."""
    voice: str | None
    text: str = ""
    """What is said."""
    translated: bool = False
    asked: float = 0.0
    """When its translation was asked for."""
    took: float = 0.0
    """Seconds between asking for the translation and having it."""
    alone: bool = False
    """When its translation came nothing else was being said: nothing of the talker's held it up."""
    speak: float = 0.0
    first_audio: float = 0.0
    cut: bool = False
    """The voice failed in the middle of it."""


class Speaker:
    """Says one direction's segments in the other language. `run` serves until `finish`."""

    def __init__(
        self,
        direction: Direction,
        *,
        ear: Ear,
        services: Services,
        record: DirectionRecord,
        after: Sequence[asyncio.Event] = (),
        lag: Lag | None = None,
    ) -> None:
        """Nothing is played before the events of `after`: calls that still drain into this ear.
        `lag` is the ear's."""
        self._way = direction
        self._ear = ear
        self._services = services
        self._record = record
        self._after = after
        self._lag = lag or Lag(Hearing())
        self._tally = record.tally
        self._target, self._voice = direction.target, direction.voice
        self._segments: asyncio.Queue[_Utterance | None] = asyncio.Queue(SEGMENTS_WAITING)
        self._answers: asyncio.Queue[
            tuple[_Utterance, asyncio.Task[Translation | ProviderError]] | None
        ] = asyncio.Queue(TRANSLATIONS_AHEAD)
        self._saying: dict[int, _Utterance] = {}
        """What is not over yet, in order of speech."""
        self._silent = asyncio.Event()
        self._silent.set()
        self._moved = asyncio.Event()
        """Something was over."""
        self._said: list[str] = []
        self._said_in = ""

    def add(self, segment: Segment, began: float = 0.0) -> None:
        """Take the next segment; `began` = when its first sound reached the socket. One too many is
        reported as untranslated."""
        utterance = _Utterance(
            next(_utterances), segment, began, time.monotonic(), self._target, self._voice
        )
        try:
            self._segments.put_nowait(utterance)
        except asyncio.QueueFull:
            self._untranslated(segment, f"{SEGMENTS_WAITING} segments are waiting already")
        else:
            self._saying[utterance.number] = utterance
            self._silent.clear()

    @property
    def waiting(self) -> int:
        """Segments that were not said to the end yet."""
        return len(self._saying)

    def set_target(self, language: str) -> None:
        """Say the next segments in this language, with its usual voice."""
        self._target, self._voice = language, None

    async def run(self) -> None:
        """Serve until everything was said that came before `finish`; what a bug or cancellation
        leaves unsaid is reported."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._translate(group), name="translate")
                await self._speak()
            await self._silent.wait()
        finally:
            for utterance in tuple(self._saying.values()):
                self._drop(utterance)

    async def finish(self, within: float) -> bool:
        """No more segments will come: have the rest said, bounded by `within` seconds. False: it
        did not suffice."""
        try:
            async with asyncio.timeout(within):
                await self._segments.put(None)
                await self._silent.wait()
        except TimeoutError:
            self._record.log.warning(
                "the call ended before everything was said", left=len(self._saying)
            )
            return False
        return True

    def playout(self, event: Playout) -> None:
        """A step in the life of an utterance in the ear."""
        utterance = self._saying.get(event.utterance)
        if utterance is None:
            return
        if event.kind != "flushed":
            self._catch_up(utterance)
        if event.kind == "started":
            self._started(utterance, event.at / 1e9)
        else:
            self._lag.hearing.told.end(utterance.number, event.at / 1e9)
            self._ended(utterance, event.kind, event.unplayed / 32)

    # --- Segments to translations ---

    async def _translate(self, group: asyncio.TaskGroup) -> None:
        while (utterance := await self._segments.get()) is not None:
            if self._way.awaited is not None:
                await self._way.awaited.wait()
                utterance.target, utterance.voice = self._target, self._voice
            # What was said in another language would mislead more than it helps.
            if utterance.segment.language != self._said_in:
                self._said, self._said_in = [], utterance.segment.language
            context = " ".join(self._said)
            self._said.append(utterance.segment.text)
            while sum(map(len, self._said[1:])) >= CONTEXT:
                del self._said[0]
            await self._answers.put((utterance, group.create_task(self._ask(utterance, context))))
        await self._answers.put(None)

    async def _ask(self, utterance: _Utterance, context: str) -> Translation | ProviderError:
        """A failure is an answer, too: raised out of the task it would end the direction."""
        text, target = utterance.segment.text, utterance.target
        source = utterance.segment.language or self._way.language
        utterance.asked = asked = time.monotonic()
        self._record.time("commit_wait", utterance.committed - utterance.segment.born)
        self._record.time("commit_to_request", asked - utterance.committed)
        translation: Translation | ProviderError
        if _same_language(source, target) or not _has_words(text):
            translation = Translation(text, "none", 0.0)
        else:
            self._tally.characters += len(text)
            try:
                translation = await self._services.translate(text, source, target, context)
            except ProviderError as error:
                return error
            utterance.took = time.monotonic() - asked
            self._record.time("translate", utterance.took)
        utterance.alone = next(iter(self._saying)) == utterance.number
        return translation

    # --- Translations to speech ---

    async def _speak(self) -> None:
        while (item := await self._answers.get()) is not None:
            utterance, task = item
            answer = await task
            if isinstance(answer, ProviderError):
                self._over(utterance)
                self._untranslated(utterance.segment, str(answer))
                continue
            utterance.translated = True
            self._tally.translated += 1
            self._record.emit(
                "translation",
                segment=utterance.segment.number,
                source=utterance.segment.text,
                text=answer.text,
                target=utterance.target,
                by=answer.provider,
                asked=unix(utterance.asked),
                ms=utterance.took * 1000,
            )
            if not self._is_shown_only(utterance):
                await self._say(utterance, answer.text)

    def _is_shown_only(self, utterance: _Utterance) -> bool:
        """Whether it is not to be spoken; then an event says so."""
        instead = self._lag.instead()
        if instead is None:
            return False
        if instead == "skipped":
            self._tally.skipped += 1
        else:
            self._tally.captioned += 1
        self._over(utterance)
        self._record.emit("speech", state=instead, segment=utterance.segment.number)
        return True

    async def _say(self, utterance: _Utterance, text: str) -> None:
        """Have one translation spoken. Returns when all its audio is queued."""
        reason = "no sound came"
        for event in self._after:
            await event.wait()
        await self._room()
        utterance.speak, utterance.text = time.monotonic(), text
        rest = _sayable(text, utterance.target)
        while rest:
            try:
                await self._sound(utterance, rest)
                rest = ""
            except ProviderError as error:
                utterance.cut = True
                reason = str(error)
                rest = _behind(error, utterance.target)
        if utterance.cut or not utterance.first_audio:
            self._tally.unspoken += 1
            self._record.log.warning("not spoken, or not all of it", reason=reason, text=text)
            self._record.emit(
                "speech", state="failed", segment=utterance.segment.number, reason=reason
            )
        if utterance.first_audio:
            self._ear.play(utterance.number, b"", last=True)
        else:
            self._over(utterance)

    async def _sound(self, utterance: _Utterance, text: str) -> None:
        """Queue the sound of `text`. Raises `ProviderError`, also when it takes too long."""
        audio = _closable(self._services.speak(text, utterance.target, utterance.voice))
        async with aclosing(audio):
            async for pcm in _in_time(audio, len(text)):
                if pcm and not utterance.first_audio:
                    utterance.first_audio = time.monotonic()
                    self._record.time("request_to_audio", utterance.first_audio - utterance.speak)
                await self._play(utterance, pcm)

    async def _play(self, utterance: _Utterance, pcm: bytes) -> None:
        """Queue audio; when the ear's queue (60 s) is full, wait: the talker is simply that far
        ahead."""
        while pcm:
            accepted = self._ear.play(utterance.number, pcm)
            pcm = pcm[accepted:]
            if pcm:
                await asyncio.sleep(0.1)

    async def _room(self) -> None:
        """Wait while too many utterances wait in the ear."""
        while sum(1 for each in self._saying.values() if each.first_audio) >= UTTERANCES_IN_EAR:
            self._moved.clear()
            await self._moved.wait()

    # --- What the ear says ---

    def _started(self, utterance: _Utterance, at: float) -> None:
        segment = utterance.segment
        self._lag.hearing.told.begin(utterance.number, utterance.text, at)
        own = at - utterance.committed - utterance.took - (utterance.first_audio - utterance.speak)
        ms: dict[str, Scalar] = {"own": own * 1000}
        if utterance.alone:
            self._record.time("audio_to_sent", at - utterance.first_audio)
        self._record.time("own" if utterance.alone else "queued", own)
        if segment.captured:
            self._record.time("mouth_to_ear", at - segment.captured)
            ms["mouth_to_ear"] = (at - segment.captured) * 1000
        if utterance.began:
            self._record.time("ear_voice_span", at - utterance.began)
        self._record.emit(
            "speech",
            state="started",
            segment=segment.number,
            ms=ms,
            asked=unix(utterance.speak),
            first_audio=unix(utterance.first_audio),
        )

    def _ended(self, utterance: _Utterance, kind: str, unplayed_ms: float) -> None:
        self._over(utterance)
        if kind == "finished" and not utterance.cut:
            self._tally.spoken += 1
        elif not utterance.cut:
            self._tally.unspoken += 1
        self._record.emit(
            "speech", state=kind, segment=utterance.segment.number, unplayed_ms=unplayed_ms
        )

    def _catch_up(self, utterance: _Utterance) -> None:
        """The ear plays in order: what it had before this one is over, even if the mailbox had no
        room to say so."""
        for earlier in tuple(self._saying.values()):
            if earlier.number >= utterance.number:
                return
            if earlier.first_audio:
                self._ended(earlier, "finished", 0.0)

    def _drop(self, utterance: _Utterance) -> None:
        """The call is over before this was said."""
        self._over(utterance)
        reason = "the call ended"
        if not utterance.translated:
            self._untranslated(utterance.segment, reason)
        elif not utterance.cut:
            self._tally.unspoken += 1
            number = utterance.segment.number
            self._record.emit("speech", state="failed", segment=number, reason=reason)

    def _over(self, utterance: _Utterance) -> None:
        """Nothing more will be heard of it."""
        self._saying.pop(utterance.number, None)
        self._moved.set()
        if not self._saying:
            self._silent.set()

    def _untranslated(self, segment: Segment, reason: str) -> None:
        self._tally.untranslated += 1
        self._record.log.error(
            "not translated, and so not spoken", text=segment.text, reason=reason
        )
        self._record.emit("untranslated", segment=segment.number, text=segment.text, reason=reason)


def _same_language(source: str, target: str) -> bool:
    return source.split("-")[0].lower() == target.split("-")[0].lower()


def _has_words(text: str) -> bool:
    """Whether there is anything in it to say: a letter or a digit, of any script."""
    return any(character.isalnum() for character in text)


def _sayable(text: str, language: str) -> str:
    """Without its sentences that have no word: a voice refuses them, and with them all behind."""
    sentences = split_sentences(text, language)
    said = [sentence for sentence in sentences if _has_words(sentence)]
    return text if len(said) == len(sentences) else " ".join(said)


def _behind(error: ProviderError, language: str) -> str:
    """What may still be said after a failure: the sentences behind one that was refused for what it
    says. Otherwise nothing; the voices are in trouble, and each had its turn."""
    failure = error.__cause__
    if error.kind is not Kind.REFUSED or not isinstance(failure, SpeechFailed):
        return ""
    return " ".join(split_sentences(failure.unspoken, language)[1:])


async def _in_time(sound: AsyncGenerator[bytes, None], letters: int) -> AsyncIterator[bytes]:
    """The sound as it comes. Raises `ProviderError` when waiting for it, all in all, takes longer
    than a text of so many letters may."""
    left = allowed = VOICE_TIME + VOICE_TIME_PER_LETTER * letters
    while True:
        began = time.monotonic()
        try:
            async with asyncio.timeout(left):
                pcm = await anext(sound, None)
        except TimeoutError:
            reason = f"{letters} letters took the voice more than {allowed:.0f} s"
            raise ProviderError(reason, provider="voices", kind=Kind.TRANSIENT) from None
        if pcm is None:
            return
        left -= time.monotonic() - began
        yield pcm


async def _closable(audio: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Close the inner iterator with the outer one, so that leaving early cancels the request."""
    try:
        async for piece in audio:
            yield piece
    finally:
        if close := getattr(audio, "aclose", None):
            await close()
