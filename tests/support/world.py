"""A talker whose every word is a number, and recognisers that hear numbers, on a line that fails."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

from tests.fakes.media import FakeFrame
from tests.support.lies import VirtualLiar, moved
from tests.support.number_talk import FRAME, GAP, NumbersHeard, evenly, hear, talk, unevenly
from translink.errors import Kind, ProviderError
from translink.providers.breaker import Breaker
from translink.providers.precedents import Precedents
from translink.providers.services import Services
from translink.recognition.finder import How
from translink.recognition.listener import Listener
from translink.recognition.rules import ListenObserver, ListenRules, ListenState
from translink.recognition.timeline import Item, Lost
from translink.results import RATE, Detected, Result, StreamEvent, Translation, Word

LATE = 3
"""Frames by which the engine's detector may notice a word late."""
HANGS = 12
"""Frames by which the engine's detector hangs over."""
TAIL = 75
"""Frames of silence that the media fills in."""


@dataclass
class WorldLedger:
    """All audio so far; the last `seconds` of it can be had."""

    seconds: float = 60.0
    data: bytearray = field(default_factory=bytearray)
    forgotten: int = 0
    """Nothing below this sample can be had."""

    def history(self, start: int, end: int) -> tuple[int, bytes]:
        """As `MediaLeg.history`."""
        oldest = max(self.forgotten, len(self.data) // 2 - int(self.seconds * RATE))
        first = max(start, oldest)
        return first, bytes(self.data[2 * first : 2 * max(first, end)])


@dataclass
class Plan:
    """What goes wrong, in seconds of the call."""

    refuse: list[tuple[float, float, Kind]] = field(default_factory=list)
    """Handshakes fail in [from, to)."""
    reset: list[float] = field(default_factory=list)
    mute: list[float] = field(default_factory=list)
    """Streams open at that moment never answer again."""
    guess: list[tuple[float, float]] = field(default_factory=list)
    """Streams make nothing final in [from, to), not even when asked."""
    block: list[float] = field(default_factory=list)
    """Streams open at that moment stop reading."""
    down: list[tuple[float, float]] = field(default_factory=list)
    """The prerecorded API fails in [from, to)."""
    flips: list[float] = field(default_factory=list)
    languages: list[float] = field(default_factory=list)
    """The talker goes on in the other one of two languages."""
    handshake: float = 0.15
    lies: tuple[str, ...] = ()
    """What a stream's finals do now and then: see `tests/support/lies.py`."""
    jitter: float = 0.0
    """Deviation of word times between two passes, seconds."""
    natural: bool = False
    """Words of all lengths follow each other without a gap, and the detector hangs over, as in real
    speech."""
    closes: list[tuple[float, float, float]] = field(default_factory=list)
    """The server takes handshakes in [from, to) and closes the streams after so many seconds."""
    heard_before: float = 1e9
    """It says something before it closes if they live for so long."""
    hang_up: float = 1e9
    """The talker leaves with the first word that ends after this."""
    quits: float = 1e9
    """The talker says nothing from the first word on that ends after this, and the gateway sends nothing once the
    silence filled in has come."""
    spoken: str = ""
    """What the talker speaks, where the listener knows only `candidates`."""
    candidates: tuple[str, ...] = ()
    then: tuple[float, str] | None = None
    """From when on they speak another language."""
    hard: int = 0
    """Words that a detector must hear to be sure."""
    undetected: list[tuple[float, float]] = field(default_factory=list)
    """The detector fails in [from, to)."""
    stale: float = 0.0
    """The media forgot so much audio after the sample from which the call counts."""


class NumberStream:
    """A stream with interims, finals after 300 ms of silence or ten words, and the delays of the
    real one."""

    def __init__(self, world: World, language: str = "en") -> None:
        self._world = world
        self._language = language
        self._heard = NumbersHeard(length=world.length)
        self._done = 0
        self._interim_at = RATE
        self._events: asyncio.Queue[StreamEvent | ProviderError | None] = asyncio.Queue()
        self._muted = self._blocked = self._dead = False
        self._began = time.monotonic()
        self._due = 0.0
        world.streams += 1
        self._full = random.Random(world.streams)
        """Now and then the transport takes nothing without waiting."""
        world.open_streams += 1
        world.most_streams = max(world.most_streams, world.open_streams)
        self._liar = VirtualLiar(
            world.plan.lies, world.plan.jitter, f"{world.seed}:{world.streams}"
        )
        loop = asyncio.get_running_loop()
        for at in world.plan.reset:
            self._at(
                loop,
                at,
                lambda: self._die(ProviderError("reset", provider="x", kind=Kind.TRANSIENT)),
            )
        for start, end, life in world.plan.closes:
            if start <= world.now < end:
                loop.call_later(
                    life,
                    lambda: self._die(ProviderError("closed", provider="x", kind=Kind.TRANSIENT)),
                )
                if life < world.plan.heard_before:
                    self._muted = True
        for at in world.plan.mute:
            self._at(loop, at, lambda: setattr(self, "_muted", True))
        for at in world.plan.block:
            self._at(loop, at, lambda: setattr(self, "_blocked", True))

    def _at(self, loop: asyncio.AbstractEventLoop, at: float, what: object) -> None:
        wait = at - self._world.now
        if wait > 0:
            loop.call_later(wait, what)  # type: ignore[arg-type]

    def _die(self, error: ProviderError | None) -> None:
        if not self._dead:
            self._dead = True
            self._world.open_streams -= 1
            self._events.put_nowait(error)

    async def send(self, pcm: bytes) -> None:
        assert pcm
        if self._blocked:
            await asyncio.sleep(3600)
        if self._dead:
            raise ProviderError("gone", provider="x", kind=Kind.TRANSIENT)
        self._take(pcm)

    def send_now(self, pcm: bytes) -> bool:
        if self._blocked or self._dead or self._full.random() < 0.1:
            return False
        self._take(pcm)
        return True

    def _take(self, pcm: bytes) -> None:
        assert pcm
        self._heard.take(pcm)
        sent = self._heard.end / RATE
        if sent > 1.25 * (time.monotonic() - self._began) + 0.5:
            self._world.complaints.append(f"backlog too fast: {sent:.2f} s")
        self._recognise()

    def _recognise(self) -> None:
        end = self._heard.end
        guessing = self._guessing
        if guessing and end < self._interim_at:
            return
        words = self._words()
        complete = [] if guessing else [w for w in words if w.end < end]
        if complete and end - words[-1].end >= RATE * 3 // 10:
            self._final(words, end, speech_final=True)
        elif len(complete) >= 10:
            self._final(complete, complete[-1].end, speech_final=False)
        elif end >= self._interim_at:
            self._interim_at = end + RATE
            # An interim may know less than the one before.
            shown = words if self._world.rng.random() < 0.7 else words[1:]
            self._say(self._result(shown, end, final=False))

    def _words(self) -> list[Word]:
        return self._world.understood(self._heard.words(), self._heard.end, self._language)

    def _result(
        self, words: list[Word], end: int, *, final: bool, speech_final: bool = False
    ) -> Result:
        return Result(
            start=self._done,
            end=end,
            text=" ".join(w.text for w in words),
            words=tuple(words),
            final=final,
            speech_final=speech_final,
            received=time.monotonic(),
            provider=self._language,
        )

    def _final(self, words: list[Word], end: int, *, speech_final: bool) -> None:
        result = self._result(words, end, final=True, speech_final=speech_final)
        for lie in self._liar.distort(result):
            self._say(lie)
        self._done = end
        self._heard.forget(end)

    def _say(self, event: StreamEvent) -> None:
        if not self._muted and not self._dead:
            # Messages on a wire do not overtake one another.
            self._due = max(self._due + 1e-4, time.monotonic() + 0.15)
            asyncio.get_running_loop().call_at(self._due, self._put, event)

    def _put(self, event: StreamEvent) -> None:
        if not self._muted and not self._dead:
            self._events.put_nowait(event)

    @property
    def _guessing(self) -> bool:
        return any(start <= self._world.now < end for start, end in self._world.plan.guess)

    async def finalize(self) -> None:
        if self._guessing:
            return
        self._final(self._words(), self._heard.end, speech_final=True)

    async def close(self, wait: float = 5.0) -> None:
        if not self._muted and not self._dead:
            await self.finalize()
            await asyncio.sleep(0.2)
            self._die(None)
        elif not self._dead:
            await asyncio.sleep(wait)
            self._die(ProviderError("no answer to CloseStream", provider="x", kind=Kind.TRANSIENT))

    def abort(self) -> None:
        self._die(ProviderError("aborted", provider="x", kind=Kind.TRANSIENT))

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        while (event := await self._events.get()) is not None:
            if isinstance(event, ProviderError):
                raise event
            yield event


class World(ListenObserver):
    """One leg, its talker, its providers."""

    name = "fake"

    def __init__(
        self,
        seed: int,
        plan: Plan,
        ledger_seconds: float = 60.0,
        rules: ListenRules | None = None,
        breaker: Breaker | None = None,
        precedents: Precedents | None = None,
        line: Callable[[World], Services] | None = None,
    ) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.rng_words = random.Random(f"{seed}:words")
        self.plan = plan
        self.length = unevenly if plan.natural else evenly
        self._stale = int(plan.stale * RATE) // FRAME
        stale = self._stale * FRAME
        self.ledger = WorldLedger(ledger_seconds, bytearray(2 * stale), stale)
        self.said: list[str] = []
        self.places: list[tuple[int, int]] = []
        """Of the words that were said: samples."""
        self.heard: list[str] = []
        self.losses: list[Lost] = []
        self.complaints: list[str] = []
        self.states: list[tuple[float, ListenState]] = []
        self.connected_at: list[float] = []
        self.delays: list[float] = []
        self.heard_at: list[float] = []
        self.streams = self.open_streams = self.most_streams = 0
        self.handshakes = self.requests = self.detections = 0
        self.found: list[tuple[float, str, How]] = []
        """Languages, and how they came to hold."""
        self.fallbacks = 0
        self.passed_over = 0
        """Times a stream passed over speech, and it was said so."""
        self.said_for = self.drained_in = 0.0
        """Seconds the talk and the draining took."""
        self.accounted = False
        """When `finish` was back all audio had been answered or reported lost."""
        self._said_at: dict[str, float] = {}
        self._loud = 0
        """Frames with sound in a row."""
        self._quiet = HANGS + 1
        """Frames since the last word."""
        self._zero = time.monotonic()
        services = (line or _alone)(self)
        if breaker is not None:
            services = replace(services, breaker=breaker)
        if precedents is not None:
            services = replace(services, precedents=precedents)
        self.listener = Listener(
            0,
            language="en",
            audio=self.ledger,
            live=services.live,
            breaker=services.breaker,
            precedents=services.precedents,
            transcribe=services.transcribe,
            rules=rules,
            observer=self,
            ledger_seconds=ledger_seconds,
            rng=random.Random(seed),
            candidates=plan.candidates,
            detect=self.detect,
        )

    @property
    def now(self) -> float:
        """Seconds of the call."""
        return time.monotonic() - self._zero

    def words(self, pcm: bytes) -> list[Word]:
        """What a recogniser hears in it."""
        return self.understood(hear(pcm, 0, self.length), len(pcm) // 2)

    def understood(self, heard: list[Word], end: int, language: str | None = None) -> list[Word]:
        """What a recogniser makes of audio up to `end`. Of a word of which there is only the softest
        frame, nothing, unless more of it may come. It is unsure of what is not in its language."""
        then = self.plan.then
        if then is not None and language is not None and self.now >= then[0]:
            sure = 0.9 if language == then[1] else 0.3
            heard = [replace(word, confidence=sure) for word in heard]
        return [word for word in heard if word.end - word.start > FRAME or word.end == end]

    async def connect(self, language: str) -> NumberStream:
        self.handshakes += 1
        await asyncio.sleep(self.plan.handshake)
        for start, end, kind in self.plan.refuse:
            if start <= self.now < end:
                raise ProviderError("refused", provider="x", kind=kind)
        return NumberStream(self, language)

    async def transcribe(self, pcm: bytes, language: str) -> Result:
        self.requests += 1
        await asyncio.sleep(0.3)
        if any(start <= self.now < end for start, end in self.plan.down):
            raise ProviderError("down", provider="x", kind=Kind.TRANSIENT)
        words = moved(self.words(pcm), self.plan.jitter * RATE, self.rng_words)
        text = " ".join(w.text for w in words)
        return Result(0, len(pcm) // 2, text, words, final=True, provider=language)

    async def detect(self, pcm: bytes, candidates: tuple[str, ...]) -> Detected | None:
        self.detections += 1
        await asyncio.sleep(0.4)
        if any(start <= self.now < end for start, end in self.plan.undetected):
            raise ProviderError("down", provider="x", kind=Kind.TRANSIENT)
        heard = len(self.words(pcm))
        assert candidates == self.plan.candidates
        then = self.plan.then
        spoken = then[1] if then is not None and self.now >= then[0] + 5 else self.plan.spoken
        if spoken not in candidates or not heard:
            return None
        return Detected(spoken, 0.9 if heard > self.plan.hard else 0.4)

    def spoken_here(self, language: str, how: How, why: str) -> None:
        self.found.append((self.now, language, how))

    def item(self, item: Item) -> None:
        if isinstance(item, Result):
            if item.words and item.provider != self.listener.language_at(item.start):
                self.complaints.append(f"{item.text} was recognised as {item.provider}")
            for word in item.words:
                self.heard.append(word.text)
                if word.text in self._said_at:
                    self.delays.append(self.now - self._said_at[word.text])
                    self.heard_at.append(self.now)
        elif isinstance(item, Lost):
            self.losses.append(item)

    def state(self, state: ListenState, reason: str) -> None:
        self.states.append((self.now, state))

    def connected(self) -> None:
        self.connected_at.append(self.now)

    def replayed(self, seconds: float, by: str, reason: str) -> None:
        self.passed_over += bool(reason)

    def fell_back(self, error: ProviderError | None) -> None:
        self.fallbacks += 1

    def _detected(self, value: int) -> bool:
        """What the detector makes of a frame."""
        if not self.plan.natural:
            return value > 0
        self._loud = self._loud + 1 if value else 0
        if self._loud > LATE:
            self._quiet = 0
        elif not self._loud or self._quiet > HANGS:
            self._quiet += 1
        return self._quiet <= HANGS

    async def live_through(self, seconds: float, drain: float = 30.0) -> None:
        """Talk for `seconds`, hang up, drain for at most `drain` seconds."""
        running = asyncio.create_task(self.listener.run())
        flips, languages = sorted(self.plan.flips), sorted(self.plan.languages)
        streaming = True
        before = 0
        gap = 0 if self.plan.natural else GAP
        aside: list[FakeFrame] = []
        together = 0
        last: int | None = None
        for number, (value, ends) in enumerate(talk(self.rng, seconds, gap, self.length)):
            if last is not None:
                if number > last:
                    break
                value, ends = 0, False
            at = self._zero + number * 0.02
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            pcm = value.to_bytes(2, "little") * FRAME
            self.ledger.data += pcm
            if ends:
                self.said.append(str(value))
                end = (self._stale + number + 1) * FRAME
                self.places.append((end - self.length(value), end))
                self._said_at[str(value)] = self.now
            now = time.monotonic_ns()
            # Words are softer where they begin and end.
            rms = value if value == before and not ends else value // 4
            before = value
            speech = self._detected(value)
            level = 50 * rms
            start = (self._stale + number) * FRAME
            frame = FakeFrame(start, speech, now, now, pcm=pcm, rms=level, peak=level)
            # As the media does with silence that nobody waits for.
            aside.append(frame)
            if speech or len(aside) >= together:
                together = self.listener.frames(aside)  # type: ignore[arg-type]
                aside = []
            if ends and self.now >= self.plan.hang_up:
                break
            if ends and self.now >= self.plan.quits:
                last = number + TAIL
            while flips and flips[0] <= self.now:
                flips.pop(0)
                streaming = not streaming
                self.listener.use_streaming(streaming)
            while languages and languages[0] <= self.now:
                languages.pop(0)
                self.listener.set_language("fr" if self.listener.language == "en" else "en")
        if last is not None:
            await asyncio.sleep(max(0.0, seconds - self.now))
        self.said_for = self.now
        if aside:
            self.listener.frames(aside)  # type: ignore[arg-type]
        await self.listener.finish(drain)
        self.drained_in = self.now - self.said_for
        if isinstance(self.listener, Listener):  # not an interpreter in its place
            self.accounted = self.listener.acknowledged == self.listener.speech.head
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert self.open_streams == 0, "a connection outlived its call"


def _alone(world: World) -> Services:
    """The world's two APIs, without a line or a queue."""
    breaker = Breaker("x", rng=random.Random(world.seed))
    return Services(world, breaker, world.transcribe, _nothing, _silence)


async def _nothing(text: str, source: str, target: str, context: str) -> Translation:
    raise AssertionError("nothing is translated here")


async def _silence(text: str, language: str, voice: str | None) -> AsyncIterator[bytes]:
    raise AssertionError("nothing is spoken here")
    yield b""
