"""Segments to speech: each is translated (a few at a time, since some providers answer sooner than
others) and spoken strictly one after another into the other leg's ear.

Every segment that comes in is reported exactly once: spoken to its end, `untranslated` (shown, not
spoken), unspoken (translated, not heard or not to its end), or translated and shown only, because
the hearer wants text or is too far behind. Nothing waits without a bound.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from translink.calls.advance import Advance
from translink.calls.ahead import BEHIND_AT_MOST, Ahead, Foreseen
from translink.calls.being_said import Utterance
from translink.calls.hearing import Hearing
from translink.calls.lag import Lag
from translink.calls.said_before import SaidBefore
from translink.calls.voicing import in_time, same_language, still_sayable
from translink.errors import ProviderError
from translink.process.clock import unix
from translink.process.pressure import Level
from translink.providers.voices import closable
from translink.results import Segment, Translation
from translink.text.sayable import has_words, sayable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from translink._core import Playout
    from translink.calls.direction import Direction, DirectionBooks
    from translink.observe.journal import Scalar
    from translink.providers.services import Services

SEGMENTS_WAITING = 256
"""Segments that may wait for translation, some ten minutes of speech: one too many is untranslated."""
TRANSLATIONS_AHEAD = 4
"""Translations that may wait their turn in one direction."""
EAR_BUSY = 0.05
"""Seconds that wait in an ear which says something else first."""
UTTERANCES_IN_EAR = 48
"""Utterances that may wait in the ear; the next waits here. The engine refuses more than 64."""

_utterances = itertools.count(1)


def next_utterance() -> int:
    """A number for sound in an ear that nobody else has or will have."""
    return next(_utterances)


class Ear(Protocol):
    """Where translated speech goes: one leg's playout queue (`media.MediaLeg`)."""

    def play(self, utterance: int, pcm: bytes, last: bool = False) -> int:
        """Queue; returns the bytes accepted: fewer than given = full."""

    def flush(self) -> None:
        """Drop what waits to be spoken, and report it as flushed."""


class Speaker:
    """Says one direction's segments in the other language. `run` serves until `finish`."""

    def __init__(
        self,
        direction: Direction,
        *,
        ear: Ear,
        services: Services,
        books: DirectionBooks,
        after: Sequence[asyncio.Event] = (),
        lag: Lag | None = None,
        ahead: float = 0.0,
    ) -> None:
        """Nothing is played before the events of `after`: calls that still drain into this ear.
        `lag` is the ear's; `ahead` = characters asked ahead in vain for each that is translated."""
        self._way = direction
        self._ear = ear
        self._services = services
        self._books = books
        self._after = after
        self._lag = lag or Lag(Hearing())
        self._tally = books.tally
        self._target, self._voice = direction.target, direction.voice
        self._segments: asyncio.Queue[Utterance | None] = asyncio.Queue(SEGMENTS_WAITING)
        self._answers: asyncio.Queue[
            tuple[Utterance, asyncio.Task[Translation | ProviderError]] | None
        ] = asyncio.Queue(TRANSLATIONS_AHEAD)
        self._saying: dict[int, Utterance] = {}
        """What is not over yet, in order of speech."""
        self._silent = asyncio.Event()
        self._silent.set()
        self._moved = asyncio.Event()
        """Something was over."""
        self._said = SaidBefore()
        self._ahead = Ahead[Advance](ahead if services.ahead else 0.0, self._tally)
        self._group: asyncio.TaskGroup | None = None
        """While more segments may come."""

    def add(self, segment: Segment, began: float = 0.0) -> None:
        """Take the next segment; `began` = when its first sound reached the socket. One too many is
        reported as untranslated."""
        now, context = time.monotonic(), self._said.context(segment.language)
        utterance = Utterance(
            next(_utterances), segment, began, now, self._target, self._voice, context
        )
        utterance.held = self._way.awaited is not None and self._way.awaited.waits
        try:
            self._segments.put_nowait(utterance)
        except asyncio.QueueFull:
            self._untranslated(segment, f"{SEGMENTS_WAITING} segments are waiting already")
        else:
            self._saying[utterance.number] = utterance
            self._silent.clear()
            utterance.advance = self._ahead.take(self._foreseen(segment.text, segment.language))
            if utterance.advance is not None:
                utterance.advance.confirm()
            self._said.say(segment.text, segment.language)

    @property
    def foresees(self) -> bool:
        """Something may be asked ahead."""
        return self._ahead.wanted and self._group is not None

    def expect(self, texts: Sequence[str], language: str) -> None:
        """These segments, said in `language`, will come next if nothing changes."""
        if self._group is None:
            return
        foreseen: list[Foreseen] = []
        if self._is_sooner():
            said = self._said.copy()
            for text in texts:
                if same_language(self._source_language(language), self._target) or not has_words(
                    text
                ):
                    break
                foreseen.append(self._foreseen(text, language, said))
                said.say(text, language)
        self._ahead.expect(foreseen, self._advance)

    @property
    def waiting(self) -> int:
        """Segments that were not said to the end yet."""
        return len(self._saying)

    def set_target(self, language: str | None, voice: str | None = None) -> None:
        """Say the next segments in this language (None: the same) and voice."""
        self._target, self._voice = language or self._target, voice

    async def run(self) -> None:
        """Serve until everything was said that came before `finish`; what a bug or cancellation
        leaves unsaid is reported."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._translate(group), name="translate")
                await self._speak()
            await self._silent.wait()
        finally:
            self._group = None
            self._ahead.close()
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
            self._books.log.warning(
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
            self._lag.hearing.played.end(utterance.number, event.at / 1e9)
            self._ended(utterance, event.kind, event.unplayed / 32)

    # --- Segments to translations ---

    async def _translate(self, group: asyncio.TaskGroup) -> None:
        while (utterance := await self._segments.get()) is not None:
            if self._way.awaited is not None:
                await self._way.awaited.wait()
                self._retarget(utterance)
            await self._answers.put((utterance, group.create_task(self._ask(utterance))))
        self._group = None
        self._ahead.close()
        await self._answers.put(None)

    def _retarget(self, utterance: Utterance) -> None:
        """The hearer's language may have become known after the segment came."""
        if (utterance.target, utterance.voice) != (self._target, self._voice):
            utterance.target, utterance.voice = self._target, self._voice
            if utterance.advance is not None:
                utterance.advance.drop()
                utterance.advance = None

    async def _ask(self, utterance: Utterance) -> Translation | ProviderError:
        """A failure is an answer, too: raised out of the task it would end the direction."""
        text, target = utterance.segment.text, utterance.target
        source = self._source_language(utterance.segment.language)
        utterance.asked = asked = time.monotonic()
        self._books.time("commit_wait", utterance.committed - utterance.segment.born)
        if not utterance.held:
            self._books.time("commit_to_request", asked - utterance.committed)
        translation: Translation | None
        if same_language(source, target) or not has_words(text):
            translation = Translation(text, "none", 0.0)
        else:
            self._tally.characters += len(text)
            took = 0.0
            translation = await utterance.advance.translation() if utterance.advance else None
            if translation is not None and utterance.advance is not None:
                took = utterance.advance.took
            elif utterance.advance is not None:
                utterance.advance.drop()
                utterance.advance = None
            if translation is None:
                try:
                    translation = await self._services.translate(
                        text, source, target, utterance.context
                    )
                except ProviderError as error:
                    return error
            utterance.took = time.monotonic() - asked
            self._books.time("translate", took or utterance.took)
        utterance.alone = next(iter(self._saying)) == utterance.number
        return translation

    def _source_language(self, language: str) -> str:
        return language or self._way.language

    # --- Ahead ---

    def _foreseen(self, text: str, language: str, said: SaidBefore | None = None) -> Foreseen:
        context = (said or self._said).context(language)
        return Foreseen(text, self._source_language(language), self._target, self._voice, context)

    def _is_sooner(self) -> bool:
        """Whether the ear would hear anything sooner, and nobody is slowed by it."""
        hearing = self._lag.hearing
        return (
            hearing.original in ("replace", "duck")
            and hearing.behind() < BEHIND_AT_MOST
            and self._services.pressure.level is Level.CALM
            and not (self._way.awaited is not None and self._way.awaited.waits)
        )

    def _advance(self, foreseen: Foreseen) -> Advance:
        assert self._group is not None
        assert self._services.ahead is not None
        advance = Advance(foreseen, self._services.ahead)
        advance.task = self._group.create_task(advance.run(), name="ahead")
        return advance

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
            self._books.emit(
                "translation",
                segment=utterance.segment.number,
                source=utterance.segment.text,
                text=answer.text,
                target=utterance.target,
                by=answer.provider,
                asked=unix(utterance.asked),
                ms=utterance.took * 1000,
            )
            self._books.log.info(
                "translated", to=utterance.target, by=answer.provider, text=answer.text
            )
            if not self._is_shown_only(utterance):
                await self._say(utterance, answer.text)

    def _is_shown_only(self, utterance: Utterance) -> bool:
        """Whether it is not to be spoken; then an event says so."""
        instead = self._lag.instead()
        if instead is None:
            return False
        if instead == "skipped":
            self._tally.skipped += 1
        else:
            self._tally.captioned += 1
        if utterance.advance is not None:
            utterance.advance.drop()
        self._over(utterance)
        self._books.emit("speech", state=instead, segment=utterance.segment.number)
        return True

    async def _say(self, utterance: Utterance, text: str) -> None:
        """Have one translation spoken. Returns when all its audio is queued."""
        reason = "no sound came"
        for event in self._after:
            utterance.held |= not event.is_set()
            await event.wait()
        await self._room()
        utterance.speak, utterance.text = time.monotonic(), text
        rest = sayable(text, utterance.target)
        while rest:
            try:
                await self._sound(utterance, rest)
                rest = ""
            except ProviderError as error:
                utterance.cut = True
                reason = str(error)
                rest = still_sayable(error, utterance.target)
        # One that was flushed meanwhile is reported already.
        if utterance.number in self._saying and (utterance.cut or not utterance.first_audio):
            self._tally.unspoken += 1
            self._books.log.warning("not spoken, or not all of it", reason=reason, text=text)
            self._books.emit(
                "speech", state="failed", segment=utterance.segment.number, reason=reason
            )
        if utterance.first_audio:
            self._ear.play(utterance.number, b"", last=True)
        else:
            self._over(utterance)

    async def _sound(self, utterance: Utterance, text: str) -> None:
        """Queue the sound of `text`. Raises `ProviderError`, also when it takes too long."""
        if utterance.advance is not None and not utterance.cut and await self._from(utterance):
            return
        audio = closable(self._services.speak(text, utterance.target, utterance.voice))
        async with aclosing(audio):
            async for pcm in in_time(audio, len(text)):
                if pcm and not utterance.first_audio:
                    self._first_audio(utterance)
                    self._books.time("request_to_audio", utterance.first_audio - utterance.speak)
                await self._play(utterance, pcm)

    async def _from(self, utterance: Utterance) -> bool:
        """Queue the sound that was asked ahead. False: there is none."""
        advance = utterance.advance
        assert advance is not None
        try:
            async for pcm in advance.sound():
                if pcm and not utterance.first_audio:
                    self._first_audio(utterance)
                    self._books.time("request_to_audio", advance.first_sound)
                await self._play(utterance, pcm)
        except ProviderError:
            if utterance.first_audio:
                raise
        return utterance.first_audio > 0

    def _first_audio(self, utterance: Utterance) -> None:
        """Its first sound is there, and goes to the ear now."""
        utterance.first_audio = time.monotonic()
        hearing = self._lag.hearing
        utterance.held |= hearing.original == "consecutive" or hearing.behind() > EAR_BUSY

    async def _play(self, utterance: Utterance, pcm: bytes) -> None:
        """Queue audio; when the ear's queue (60 s) is full, wait: the talker is simply that far ahead."""
        while pcm:
            accepted = self._ear.play(utterance.number, pcm)
            pcm = pcm[accepted:]
            if pcm:
                await asyncio.sleep(0.1)

    async def _room(self) -> None:
        """Wait while too many utterances wait in the ear, or too much sound."""
        while sum(1 for each in self._saying.values() if each.first_audio) >= UTTERANCES_IN_EAR:
            self._moved.clear()
            await self._moved.wait()
        await self._lag.hearing.room()

    # --- What the ear says ---

    def _started(self, utterance: Utterance, at: float) -> None:
        segment = utterance.segment
        self._lag.hearing.played.begin(utterance.number, utterance.text, at)
        own = at - utterance.committed - utterance.took - (utterance.first_audio - utterance.speak)
        ms: dict[str, Scalar] = {"own": own * 1000}
        if utterance.waited_for_nobody:
            self._books.time("audio_to_sent", at - utterance.first_audio)
        self._books.time("own" if utterance.waited_for_nobody else "queued", own)
        if segment.captured:
            self._books.time("mouth_to_ear", at - segment.captured)
            ms["mouth_to_ear"] = (at - segment.captured) * 1000
        if utterance.began:
            self._books.time("ear_voice_span", at - utterance.began)
        self._books.emit(
            "speech",
            state="started",
            segment=segment.number,
            ms=ms,
            asked=unix(utterance.speak),
            first_audio=unix(utterance.first_audio),
        )

    def _ended(self, utterance: Utterance, kind: str, unplayed_ms: float) -> None:
        self._over(utterance)
        if kind == "finished" and not utterance.cut:
            self._tally.spoken += 1
        elif not utterance.cut:
            self._tally.unspoken += 1
        self._books.emit(
            "speech", state=kind, segment=utterance.segment.number, unplayed_ms=unplayed_ms
        )

    def _catch_up(self, utterance: Utterance) -> None:
        """The ear plays in order: what it had before this one is over, even if the mailbox had no
        room to say so."""
        for earlier in tuple(self._saying.values()):
            if earlier.number >= utterance.number:
                return
            if earlier.first_audio:
                self._ended(earlier, "finished", 0.0)

    def _drop(self, utterance: Utterance) -> None:
        """The call is over before this was said."""
        self._over(utterance)
        reason = "the call ended"
        if not utterance.translated:
            self._untranslated(utterance.segment, reason)
        elif not utterance.cut:
            self._tally.unspoken += 1
            number = utterance.segment.number
            self._books.emit("speech", state="failed", segment=number, reason=reason)

    def _over(self, utterance: Utterance) -> None:
        """Nothing more will be heard of it."""
        self._saying.pop(utterance.number, None)
        self._moved.set()
        if not self._saying:
            self._silent.set()

    def _untranslated(self, segment: Segment, reason: str) -> None:
        self._tally.untranslated += 1
        self._books.log.error("not translated, and so not spoken", text=segment.text, reason=reason)
        self._books.emit("untranslated", segment=segment.number, text=segment.text, reason=reason)
