"""The talks of `translink sim --talk` in virtual time: `python -m benches.virtual FILE … [options]`.

Ten minutes of a talk take some seconds, and no load of the machine is in the figures: for choosing
when text is committed and how speech is stretched. Levels, Finalize and segments are the program's own, the
recogniser and the figures the simulation's. There is no network, no event loop and no engine: the
ear is a queue of words that is said by the curve in ticks of 20 ms, the voice detector the offline server's. So
EVS comes out 0.1 s better than the command's on an idle machine.
"""

from __future__ import annotations

import argparse
import random
from array import array
from collections import deque
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, TypeVar, cast

import orjson

from translink.calls.ahead import BEHIND_AT_MOST, Ahead, Foreseen
from translink.calls.said_before import SaidBefore
from translink.calls.segments import Segmenter
from translink.observe.record import Tally
from translink.offline.engines.vad import FRAME_BYTES, EnergyVad
from translink.offline.session import (
    Finish,
    ListenSession,
    Partial,
    Say,
    SessionFeed,
    SessionOptions,
    Step,
)
from translink.providers.deepgram.protocol import Listen
from translink.recognition.finalizing import AskFinal, FinalizeRules, Finalizing
from translink.recognition.speech_map import SpeechMap
from translink.results import RATE, Result, UtteranceEnd
from translink.settings.lag import Curve, LagSettings
from translink.settings.speech import SegmentSettings
from translink.sim.talk.engines import (
    CHARACTERS_A_SECOND,
    FIRST_SOUND,
    STREAMED,
    TRANSLATE_SECONDS,
    CommittedWords,
    TranslationRequest,
    VoiceRequest,
)
from translink.sim.talk.marks import Mark, marked
from translink.sim.talk.measure import HeardTalk, TalkFigures, measure
from translink.sim.talk.mouth import sound
from translink.sim.talk.recognizer import NOVA_TIMING, TalkRecognizer
from translink.sim.talk.spelling import numbers_in, spelled
from translink.sim.talk.words import TimedTalk, load_talks

if TYPE_CHECKING:
    from translink._core import Frame
    from translink.offline.messages import Json

T = TypeVar("T")
TICK = FRAME_BYTES / 2 / RATE
HANG = 13
"""Frames: a quarter of a second, as the engine's detector."""
SLEW = 0.01
"""By which the factor rises a frame (`rust/core/src/tempo.rs`)."""
LOOK = 0.25
"""Seconds between two looks of the feed's watch."""
EMPTY = 5.0
"""Seconds after the talk's end in which the last word must come."""


@dataclass
class VirtualUtterance:
    """A translation on its way to the ear."""

    words: deque[tuple[int, float]] = field(default_factory=deque)
    """Numbers, and seconds that are left of each."""
    ended: bool = False


class VirtualEar:
    """One utterance after another, faster the more of them waits."""

    def __init__(self, curve: Curve) -> None:
        self.heard: list[tuple[int, float]] = []
        self.queue: deque[VirtualUtterance] = deque()
        self._curve = curve
        self._factor = 1.0
        self._begun = -1

    @property
    def _backlog(self) -> float:
        return sum(seconds for each in self.queue for _, seconds in each.words)

    @property
    def behind(self) -> float:
        """Seconds that it would be busy."""
        return self._backlog / self._factor

    def tick(self, now: float) -> None:
        """20 ms."""
        backlog = self._backlog
        self._factor = min(factor(self._curve, backlog), self._factor + SLEW)
        left = TICK
        while left > 1e-9 and self.queue:
            words = self.queue[0].words
            if not words:
                if not self.queue[0].ended:
                    return
                self.queue.popleft()
                continue
            number, seconds = words.popleft()
            if number != self._begun:
                self._begun = number
                self.heard.append((number, now + TICK - left))
            taken = min(seconds, left * self._factor)
            left -= taken / self._factor
            if seconds - taken > 1e-9:
                words.appendleft((number, seconds - taken))


def factor(curve: Curve, backlog: float) -> float:
    """Of `rust/core/src/curve.rs`."""
    if not curve or backlog <= curve[0][0]:
        return 1.0
    for (low, slow), (high, fast) in pairwise(curve):
        if backlog < high:
            return slow + (fast - slow) * (backlog - low) / (high - low)
    return curve[-1][1]


@dataclass
class VirtualAdvance:
    """A translation and its sound that were asked ahead."""

    asked: float
    took: float
    first: float
    """Seconds from the translation to the first sound."""
    failed: bool = False

    def drop(self) -> None:
        """Nothing goes on."""


class VirtualDirection:
    """One talker, their recogniser, the program's decisions, and the ear."""

    def __init__(
        self,
        talk: TimedTalk,
        longer: float,
        seed: int,
        segment: SegmentSettings,
        rules: FinalizeRules,
        curve: Curve,
        endpointing: float,
        ahead: float = 0.0,
        voices: int = 1,
    ) -> None:
        """`ahead`: share of extra characters; `voices`: at once."""
        options = SessionOptions(
            interim_results=True, endpointing=endpointing, utterance_end=1.0, punctuate=True
        )
        self._talk, self._longer = talk, longer
        self._chance = random.Random(f"{seed}:providers")
        self._recognizer = TalkRecognizer([talk], random.Random(seed), self._committed)
        self._session = ListenSession(options, NOVA_TIMING, {})
        self._listen = Listen(0.0)
        self._speech = SpeechMap(0)
        self._finals = Finalizing(self._speech, rules)
        self._segmenter = Segmenter(segment, language="en")
        self.ear = VirtualEar(curve)
        self._now = 0.0
        self._outbox: deque[tuple[float, Json]] = deque()
        self._translated: deque[tuple[float, str, float | None]] = deque()
        """When it is there, what, and, where it was asked ahead, when its sound begins."""
        self._voices = voices
        self._sounds: deque[tuple[VirtualUtterance, deque[tuple[float, tuple[int, float]]]]] = (
            deque()
        )
        """Of each utterance, in order of speech, what comes when."""
        self._said = SaidBefore()
        self.tally = Tally()
        self._ahead = Ahead(ahead, self.tally, self._advance)
        self.segments: list[str] = []
        self.translations: list[TranslationRequest] = []
        self.voices: list[VoiceRequest] = []
        self.finals: list[CommittedWords] = []
        self.asked = 0
        self._words = 0
        self._heard = False
        """Something came since the last commit."""

    def play(self) -> HeardTalk:
        """All of it."""
        pcm, vad = sound(self._talk), EnergyVad(HANG)
        frames, look = int(self._talk.seconds / TICK) + 1, 0.0
        for n in count():
            if n > frames and self._idle(n * TICK - self._talk.seconds):
                break
            self._now = now = (n + 1) * TICK
            raw = pcm[n * FRAME_BYTES : (n + 1) * FRAME_BYTES].ljust(FRAME_BYTES, b"\0")
            level = array("h", raw)[::4]
            rms = int((sum(sample * sample for sample in level) / len(level)) ** 0.5)
            self._speech.frame(n * FRAME_BYTES // 2, vad.push(raw), rms, int(now * 1e9))
            frame = cast("Frame", SimpleNamespace(rms=rms))
            dips = self._finals.frames([frame])
            self._perform(self._session.audio(marked(raw, Mark(0, n)) if n < frames else raw))
            if dips or now >= look:
                look = now + LOOK
                self._see_to_finals()
            self._receive()
            self._commit()
            self._speak()
            self.ear.tick(now)
        said = {n: word.end for n, word in enumerate(self._talk.words)}
        return HeardTalk(
            said, self.ear.heard, self.segments, self.translations, self.voices, self.finals
        )

    def _idle(self, since: float) -> bool:
        return since > EMPTY and not (
            self._outbox or self._translated or self._sounds or self.ear.queue
        )

    def _committed(self, _talk: int, first: int, last: int) -> None:
        self.finals.append(CommittedWords(0, self._now, first, last))

    def _see_to_finals(self) -> None:
        while (step := self._finals.step(self._now, self._speech.head, self._now)) is not None:
            if isinstance(step, AskFinal):
                self._finals.asked(self._speech.head, self._now, step)
                self.asked += 1
                self._perform(self._session.finalize())

    def _perform(self, steps: Iterator[Step]) -> None:
        session, recognizer = self._session, self._recognizer
        for step in steps:
            match step:
                case SessionFeed(pcm):
                    done(recognizer.feed(pcm))
                case Partial():
                    self._post(session.interim(step, done(recognizer.partial())), 0.1)
                case Finish():
                    self._post(
                        session.final(step, done(recognizer.finish())), NOVA_TIMING.final_delay
                    )
                case Say(message):
                    self._post([message], 0.0)

    def _post(self, messages: Iterable[Json], delay: float) -> None:
        for message in messages:
            newest = self._outbox[-1][0] if self._outbox else 0.0
            self._outbox.append((max(newest, self._now + delay), message))

    def _receive(self) -> None:
        while self._outbox and self._outbox[0][0] <= self._now:
            self._heard = True
            self._listen.receive(orjson.dumps(self._outbox.popleft()[1]), self._now)
            for event in self._listen.events():
                if isinstance(event, Result):
                    self._segmenter.result(self._finals.result(event), self._now)
                elif isinstance(event, UtteranceEnd):
                    self._segmenter.utterance_end(event, self._now)

    def _commit(self) -> None:
        deadline = self._segmenter.deadline
        ticked = deadline is not None and self._now >= deadline
        if ticked:
            self._segmenter.tick(self._now)
        for segment in self._segmenter.segments():
            words = segment.text.split()
            numbers = list(range(self._words, self._words + len(words)))
            self._words += len(words)
            begun = self._ahead.take(self._foreseen(segment.text, self._said))
            self._said.say(segment.text, "en")
            self.tally.characters += len(segment.text)
            if begun is None:
                begun = VirtualAdvance(self._now, self._chance.uniform(*TRANSLATE_SECONDS), -1.0)
            at = max(self._now, begun.asked + begun.took)
            took, sound_at = at - self._now, begun.asked + begun.took + begun.first
            self.segments.append(segment.text)
            self.translations.append(TranslationRequest(0, self._now, numbers, segment.text, took))
            text = spelled(words, numbers, self._longer)
            self._translated.append((at, text, sound_at if begun.first >= 0 else None))
        if self._ahead.wanted and (ticked or self._heard):
            self._foresee()
        self._heard = False

    def _foresee(self) -> None:
        said, wanted = self._said.copy(), []
        if self.ear.behind < BEHIND_AT_MOST and len(self._sounds) < 2:
            for text in self._segmenter.foreseen():
                wanted.append(self._foreseen(text, said))
                said.say(text, "en")
        self._ahead.expect(wanted)

    def _foreseen(self, text: str, said: SaidBefore) -> Foreseen:
        return Foreseen(text, "en", "q", None, said.context("en"))

    def _advance(self, _: Foreseen) -> VirtualAdvance:
        uniform = self._chance.uniform
        return VirtualAdvance(self._now, uniform(*TRANSLATE_SECONDS), uniform(*FIRST_SOUND))

    def _speak(self) -> None:
        while (
            self._translated
            and self._translated[0][0] <= self._now
            and len(self._sounds) < self._voices
        ):
            _, text, at = self._translated.popleft()
            words = numbers_in(text)
            if at is None:
                at = self._now + self._chance.uniform(*FIRST_SOUND)
            numbers = [number for _, number in words]
            self.voices.append(VoiceRequest(0, self._now, numbers, max(0.0, at - self._now)))
            pieces = deque[tuple[float, tuple[int, float]]]()
            for word, number in words:
                seconds = (len(word) + 1) / CHARACTERS_A_SECOND
                pieces.append((at, (number, seconds)))
                at += seconds / STREAMED
            self._sounds.append((VirtualUtterance(), pieces))
        while self._sounds:
            utterance, pieces = self._sounds[0]
            while pieces and pieces[0][0] <= self._now:
                if not utterance.words and not any(each is utterance for each in self.ear.queue):
                    self.ear.queue.append(utterance)
                utterance.words.append(pieces.popleft()[1])
            if pieces:
                break
            utterance.ended = True
            self._sounds.popleft()


def done(coroutine: Coroutine[object, None, T]) -> T:
    """The result of one that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast("T", stop.value)
    raise RuntimeError("it waits")


def described(name: str, figures: TalkFigures, asked: float, tallies: Iterable[Tally]) -> str:
    """Two lines, and one of what was asked ahead."""
    tallies = list(tallies)
    characters, ahead, used, wasted = (
        sum(getattr(tally, key) for tally in tallies)
        for key in ("characters", "ahead", "ahead_used", "ahead_wasted")
    )
    parts = {part: value for each in figures.evs_mean.values() for part, value in each.items()}
    return (
        f"{name}: EVS {figures.evs['p50']:.2f} / {figures.evs['p95']:.2f}, grows {figures.growth:+.2f} s/min; "
        f"word → request {figures.word_to_request['p50']:.2f} / {figures.word_to_request['p95']:.2f}; "
        f"{figures.segments_a_minute} segments/min of {figures.words_a_segment} words; clause "
        f"{figures.ends_at_clause:.0%}, function word {figures.ends_on_function_word:.1%}; "
        f"{asked:.0f} Finalize/min; lost, doubled, out of order "
        f"{figures.words_lost}, {figures.words_doubled}, {figures.words_out_of_order}\n"
        f"  clause → sound, idle ear {figures.clause_to_sound['p50']}; mean EVS: "
        + ", ".join(f"{part} {value:.2f}" for part, value in parts.items())
        + (
            f"\n  ahead {ahead / characters:.0%} of the characters, used {used / characters:.0%}, "
            f"thrown away {wasted / characters:.0%}"
            if ahead
            else ""
        )
    )


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description="Talks in virtual time.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--longer", type=float, default=1.25)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--hold", type=float, default=SegmentSettings().max_hold)
    parser.add_argument("--clause-words", type=int, default=SegmentSettings().clause_words)
    parser.add_argument("--early", type=float, default=0.1)
    parser.add_argument("--flowing", type=float, default=2.0)
    parser.add_argument("--apart", type=float, default=FinalizeRules().apart)
    parser.add_argument("--endpointing", type=float, default=0.3)
    parser.add_argument("--curve", type=orjson.loads, default=LagSettings().curve)
    parser.add_argument("--ahead", type=float, default=0.0)
    parser.add_argument("--voices", type=int, default=1)
    given = parser.parse_args()
    segment = SegmentSettings(max_hold=given.hold, clause_words=given.clause_words)
    rules = FinalizeRules(early=given.early, flowing=given.flowing, apart=given.apart)
    for file in given.files:
        talks = load_talks(file, given.seconds)
        ways = [
            VirtualDirection(
                talk,
                given.longer,
                seed,
                segment,
                rules,
                given.curve,
                given.endpointing,
                given.ahead,
                given.voices,
            )
            for seed in range(given.seeds)
            for talk in talks
        ]
        heard = [way.play() for way in ways]
        minutes = max(talk.seconds for talk in talks) / 60
        asked = sum(way.asked for way in ways) / (minutes * len(ways))
        name = f"{file.stem} × {given.longer:g}"
        figures = measure(heard, minutes, NOVA_TIMING.final_delay)
        print(described(name, figures, asked, (way.tally for way in ways)), flush=True)


if __name__ == "__main__":
    main()
