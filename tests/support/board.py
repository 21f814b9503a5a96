"""A switchboard in process: legs without sockets, providers without a network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from tests.fakes.media import FakeFrame, FakePlayout
from translink.calls.notice import Notices
from translink.calls.switchboard import Switchboard
from translink.calls.totals import Totals
from translink.errors import Kind, ProviderError
from translink.media import MediaLeg
from translink.observe.journal import Journal
from translink.providers.breaker import Breaker
from translink.providers.services import Services
from translink.recognition.rules import ListenRules
from translink.results import Result, StreamEvent, Translation, Word
from translink.settings.model import Settings

if TYPE_CHECKING:
    from translink._core import Frame, LegCounters, Playout

FRAME = 320
COUNTERS = (
    *("datagrams_in", "bytes_in", "frames_in", "frames_filled", "datagrams_out", "bytes_out"),
    *("drops_kernel", "drops_ring", "drops_events", "drops_playout", "drops_stale"),
    *("errors_receive", "errors_send", "underruns", "late_wakes", "late_max"),
    *("playout_queued", "rcvbuf", "last_datagram", "dead"),
    *("behind_ns", "tempo", "echo_lag_ns", "echo_gain", "frames_echo", "playout_full"),
    *("bytes_realigned", "rtp_wait_ns"),
)


class FakeLeg:
    """Like `MediaLeg`: plays at once, counts what a test says it should."""

    def __init__(self) -> None:
        self.on_frames: Any = None
        self.aside: list[Frame] = []
        """Silence that may wait, as in the real one."""
        self.together = 0
        self.on_playout: Any = None
        self.on_dead: Any = None
        self.on_source: Any = None
        self.on_rtp: Any = None
        self.on_digit: Any = None
        self.unheard: Any = None
        self.listen_address = ("127.0.0.1", 6000)
        self.resets = self.detached = self.forgotten = 0
        self.played = bytearray()
        self.head = 0
        self.volume = 1.0
        self.muted = self.tapped = self.removed = False
        self.original = "replace"
        self.echo_guard = True
        self.other: object = None
        self._counters = dict.fromkeys(COUNTERS, 0)

    def hear(self, frames: int = 1, *, speech: bool = True, filled: int = 0) -> None:
        """So many frames come in."""
        now = time.monotonic_ns()
        made = [FakeFrame(self.head + n * FRAME, speech, now, now, filled) for n in range(frames)]
        self.head += frames * FRAME
        if not filled:
            self._counters["datagrams_in"] += frames
            self._counters["bytes_in"] += 640 * frames
            self._counters["last_datagram"] = now
        self._counters["frames_in"] += frames
        self.aside += cast("list[Frame]", made)
        if speech or len(self.aside) >= self.together:
            self.hand_over()

    def count(self, name: str, value: int) -> None:
        self._counters[name] = value

    def counters(self) -> LegCounters:
        return cast("LegCounters", dict(self._counters))

    def play(self, utterance: int, pcm: bytes, last: bool = False) -> int:
        self._alive()
        self.played += pcm
        if last:
            for kind in ("started", "finished"):
                step = FakePlayout(utterance, kind, time.monotonic_ns())
                asyncio.get_running_loop().call_soon(self.on_playout, cast("Playout", step))
        return len(pcm)

    def flush(self) -> None:
        self.played.clear()

    def set_original(self, original: str) -> None:
        self._alive()
        self.original = original

    def set_echo_guard(self, on: bool) -> None:
        self._alive()
        self.echo_guard = on

    def listen_to(self, other: object) -> None:
        self.other = other

    def history(self, start: int, end: int, *, without_echo: bool = False) -> tuple[int, bytes]:
        return start, bytes(2 * max(0, min(end, self.head) - start))

    def set_volume(self, factor: float) -> None:
        self._alive()
        self.volume = factor

    def set_muted(self, muted: bool) -> None:
        self._alive()
        self.muted = muted

    def source(self) -> tuple[str, int] | None:
        return ("127.0.0.1", 4000) if self.head else None

    def envelope(self, lane: str, start: int) -> tuple[int, bytes]:
        slots = self.head // FRAME
        return min(start, slots), b"\xff\x01" * max(0, slots - start)

    def tap(self, on: bool = True) -> None:
        self.tapped = on

    def heard(self, start: int, end: int) -> tuple[int, bytes]:
        return start, bytes(self.played)[: 2 * (end - start)]

    def hand_over(self) -> None:
        aside, self.aside = self.aside, []
        # As the real one: a leg that was removed has no owner.
        if aside and self.on_frames is not None:
            self.together = self.on_frames(aside) or 0

    def detach(self) -> None:
        self._alive()
        self.aside.clear()
        self.detached += 1

    def forget(self, before: int) -> None:
        self._alive()
        self.forgotten = before

    def reset(self) -> None:
        self._alive()
        self.aside.clear()
        self.resets += 1

    def remove(self) -> None:
        self.removed = True

    def die(self) -> None:
        """As after a bug in the media core."""
        self._counters["dead"] = 1
        self.on_dead()

    def _alive(self) -> None:
        if self._counters["dead"]:
            raise LookupError("out of service")


class BoardStream:
    """Says one word for every 25 frames (half a second), final at once."""

    def __init__(self, providers: BoardProviders) -> None:
        self._providers = providers
        self._samples = self._done = 0
        self._events: asyncio.Queue[StreamEvent | Exception | None] = asyncio.Queue()
        providers.open += 1

    async def send(self, pcm: bytes) -> None:
        self.send_now(pcm)

    def send_now(self, pcm: bytes) -> bool:
        self._samples += len(pcm) // 2
        self._providers.heard += len(pcm)
        if self._samples - self._done >= 25 * FRAME:
            self._final()
        return True

    def _final(self) -> None:
        word = Word("word", self._done, self._samples)
        result = Result(
            self._done, self._samples, "word", (word,), final=True, speech_final=True,
            received=time.monotonic(),
        )  # fmt: skip
        self._done = self._samples
        self._events.put_nowait(result)

    async def finalize(self) -> None:
        pass

    async def close(self, wait: float = 5.0) -> None:
        if self._samples > self._done:
            self._final()
        self._events.put_nowait(None)

    def abort(self) -> None:
        self._events.put_nowait(ProviderError("aborted", provider="x", kind=Kind.TRANSIENT))

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        try:
            while (event := await self._events.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self._providers.open -= 1


@dataclass
class BoardProviders:
    """All services. `bugs["translate en"]` is raised by the translator asked from English."""

    name: str = "fake"
    bugs: dict[str, Exception] = field(default_factory=dict)
    delays: dict[str, float] = field(default_factory=dict)
    """Seconds, likewise."""
    open: int = 0
    connected: list[str] = field(default_factory=list)
    expected: list[tuple[str, ...]] = field(default_factory=list)
    """Key terms of connections that had any."""
    newest: dict[str, BoardStream] = field(default_factory=dict)
    """The stream that was opened last, by language."""
    heard: int = 0
    """Bytes."""

    async def connect(self, language: str) -> BoardStream:
        await self._perhaps(f"listen {language}")
        self.connected.append(language)
        self.newest[language] = BoardStream(self)
        return self.newest[language]

    async def connect_expecting(self, language: str, terms: tuple[str, ...]) -> BoardStream:
        self.expected.append(terms)
        return await self.connect(language)

    async def transcribe(self, pcm: bytes, language: str) -> Result:
        await self._perhaps(f"transcribe {language}")
        word = Word("piece", 0, len(pcm) // 2)
        return Result(0, len(pcm) // 2, "piece", (word,), final=True, provider="fake.prerecorded")

    async def translate(self, text: str, source: str, target: str, context: str) -> Translation:
        await self._perhaps(f"translate {source}")
        return Translation(f"({text})", "fake", 0.001)

    async def speak(self, text: str, language: str, voice: str | None) -> AsyncIterator[bytes]:
        await self._perhaps(f"speak {language}")
        yield text.encode() + bytes(len(text) % 2)

    async def _perhaps(self, service: str) -> None:
        await asyncio.sleep(self.delays.get(service, 0.01))
        if bug := self.bugs.get(service):
            raise bug


class Board:
    """Two pairs of legs, 1 (en) with 2 (fr) and 3 (de) with 4 (es), and what surrounds them."""

    def __init__(self, **settings: object) -> None:
        legs = [
            {"name": name, "language": language, "listen": 0, "play_to": int(name)}
            for name, language in (("1", "en"), ("2", "fr"), ("3", "de"), ("4", "es"))
        ]
        chosen = {"idle_timeout": 0.2, "drain_timeout": 1.0, "legs": legs, **settings}
        self.providers = BoardProviders()
        self.journal = Journal()
        self.legs = {str(name): FakeLeg() for name in range(1, 5)}
        everything = Settings.model_validate(chosen)
        self.services = services = Services(
            live=self.providers,
            breaker=Breaker("fake"),
            transcribe=self.providers.transcribe,
            translate=self.providers.translate,
            speak=self.providers.speak,
        )
        self.switchboard = Switchboard(
            everything,
            cast("dict[str, MediaLeg]", self.legs),
            services=services,
            notices=Notices(everything.notice, services),
            journal=self.journal,
            rules=ListenRules(),
        )

    async def talk(self, leg: str, seconds: float) -> None:
        """Frames at real time."""
        for _ in range(round(seconds * 50)):
            self.legs[leg].hear()
            await asyncio.sleep(0.02)

    async def no_calls(self) -> None:
        """Until every call is over."""
        async with asyncio.timeout(8):
            while self.switchboard.calls:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)

    async def no_calls_of(self, leg: str) -> None:
        """Until this leg's call is over."""
        async with asyncio.timeout(8):
            while any(leg in call.legs for call in self.switchboard.calls.values()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def totals(self) -> dict[str, Any]:
        totals = Totals()
        for measures in self.switchboard.measures():
            totals.add(measures)
        return totals.summary()

    def events(self, type_: str) -> list[dict[str, Any]]:
        return [event.as_dict() for event in self.journal.events if event.type == type_]

    def mode(self, leg: str) -> str:
        stats = cast("dict[str, dict[str, Any]]", dict(self.switchboard.leg_stats()))
        return str(stats[leg]["stt"]["mode"])
