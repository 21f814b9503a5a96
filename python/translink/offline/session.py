"""One `/v1/listen` stream, sans-IO: what the audio means for segments, turns and messages.

`ListenSession` knows Deepgram's rules and nothing of sockets, tasks or clocks: time is the audio sent. It
does not recognise either. `audio`, `finalize` and `end` are generators of steps; the driver
performs each step **before** it takes the next:

    for step in session.audio(pcm):
        match step:
            case SessionAudio(pcm): await recognizer.feed(pcm)
            case Partial(): messages = session.interim(step, await recognizer.partial())
            case Finish(): messages = session.final(step, await recognizer.finish())
            case Say(message): ...

Rules kept here (protocol notes of 2026; Deepgram's pages on end-of-speech detection and interim
results): a segment starts where the one before ended; interims restate the whole open segment; a
turn ends by `endpointing` ms of silence (`speech_final`); a long turn is cut into `is_final`
pieces, in a short pause if there is one; silence yields empty interims and now and then an empty
final; `UtteranceEnd` follows the last word by `utterance_end_ms` of audio.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from translink.offline.engines.protocols import Heard
from translink.offline.engines.vad import EnergyVad
from translink.offline.messages import Json, results, speech_started, utterance_end
from translink.results import FRAME_BYTES, FRAME_SECONDS, RATE


@dataclass(frozen=True, slots=True)
class ListenTiming:
    """The server's habits, in seconds. Audio time where not said otherwise."""

    interim: float = 1.0
    """One interim per this much audio."""
    first_interim: float = 0.5
    """The first interim of a turn comes this long after speech began."""
    min_endpointing: float = 0.2
    """A request for quicker endpointing (Deepgram's default is 10 ms) is raised to this."""
    piece: float = 8.0
    """A turn this long is cut at its next pause of 60 ms …"""
    piece_limit: float = 14.0
    """… and here in any case."""
    empty_final: float = 5.0
    """Silence this long is made final, empty."""
    idle_timeout: float = 10.0
    """Wall seconds without a message until Metadata and 1011 (documented 10, seen 12)."""
    interim_delay: float = 0.0
    """Wall seconds by which interims are held back, as by a distant provider."""
    final_delay: float = 0.0
    """The same for finals. Order is kept."""
    handshake_delay: float = 0.0
    """Wall seconds before the 101."""
    backlog_rate: float | None = None
    """Audio may come no faster than this multiple of real time (Deepgram: 1.25); None = as fast as
    it likes.
    """
    backlog_slack: float = 3.0
    """Seconds of audio a client may be ahead of that."""
    backlog_refused: bool = True
    """What happens beyond: True = close 1008, False = it is read only at the permitted pace."""
    hold_final: bool = True
    """True: a piece cut in mid-speech ends with its last word, so that what follows stays
    unacknowledged.
    """


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """The query of a stream, validated."""

    model: str = "nova-3"
    language: str = "en"
    encoding: str | None = None
    """None: a container (WAV)."""
    rate: int = RATE
    channels: int = 1
    interim_results: bool = False
    endpointing: float | None = 0.01
    """Seconds; None = off."""
    utterance_end: float | None = None
    """Seconds."""
    vad_events: bool = False
    punctuate: bool = False
    """By `punctuate` or `smart_format`."""


@dataclass(frozen=True, slots=True)
class SessionAudio:
    """Give this audio to the recogniser."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Partial:
    """Ask the recogniser for what it has; answer with `ListenSession.interim`."""

    end: float


@dataclass(frozen=True, slots=True)
class Finish:
    """Close the recogniser's utterance; answer with `ListenSession.final`."""

    end: float
    speech_final: bool
    from_finalize: bool = False
    in_speech: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """The driver is to send this message."""

    message: Json


Step = SessionAudio | Partial | Finish | Say


class ListenSession:
    """The state of one stream. See the module's docstring for how to drive it."""

    def __init__(
        self, options: SessionOptions, timing: ListenTiming, identity: Mapping[str, Json]
    ) -> None:
        """`identity`: the `metadata` object of every Results message."""
        self._options = options
        self._timing = timing
        self._identity = identity
        self._endpointing = (
            None
            if options.endpointing is None
            else max(options.endpointing, timing.min_endpointing)
        )
        self._vad = EnergyVad()
        self._rest = b""
        self._samples = 0
        self._segment = 0.0
        """Start of the open segment: the end of the last final."""
        self._cut = 0.0
        """Where the last Finish was ordered (≥ `_segment` when words were held back)."""
        self._turn: float | None = None
        """Start of speech in the open turn."""
        self._last_speech = 0.0
        self._next_interim = timing.interim
        self._word_end: float | None = None
        """End of the newest word, until its UtteranceEnd was said."""

    @property
    def now(self) -> float:
        """Seconds of audio taken."""
        return self._samples / RATE

    def audio(self, pcm: bytes) -> Iterator[Step]:
        """More 16 kHz s16le mono, any even length."""
        data = self._rest + pcm
        whole = len(data) - len(data) % FRAME_BYTES
        self._rest = data[whole:]
        fed = 0
        for at in range(0, whole, FRAME_BYTES):
            frame_end = at + FRAME_BYTES
            self._samples += FRAME_BYTES // 2
            for step in self._frame(memoryview(data)[at:frame_end]):
                if fed < frame_end:
                    yield SessionAudio(data[fed:frame_end])
                    fed = frame_end
                yield step
        if fed < whole:
            yield SessionAudio(data[fed:whole])

    def finalize(self) -> Iterator[Step]:
        """A Finalize message: all so far becomes final. Nothing to say when nothing is open."""
        yield from self._flush()
        if self.now > self._segment:
            yield Finish(self.now, True, from_finalize=True, in_speech=self._vad.active)
            if self._vad.active:
                self._restart()
            else:
                self._over()

    def end(self) -> Iterator[Step]:
        """A CloseStream message or the empty frame: the rest."""
        yield from self._flush()
        if self.now > self._segment:
            yield Finish(self.now, False)
            self._over()

    def interim(self, step: Partial, words: tuple[Heard, ...]) -> list[Json]:
        """The recogniser's answer to `Partial`."""
        self._note(words)
        return [self._results(step.end, words, final=False)]

    def final(self, step: Finish, words: tuple[Heard, ...]) -> list[Json]:
        """The recogniser's answer to `Finish`."""
        self._note(words)
        end = step.end
        if step.in_speech and self._timing.hold_final:
            end = max((w.end for w in words), default=self._segment)
            if end <= self._segment:
                return []
        message = self._results(
            end,
            words,
            final=True,
            speech_final=step.speech_final,
            from_finalize=step.from_finalize,
        )
        self._segment = end
        return [message]

    def _frame(self, frame: memoryview) -> Iterator[Step]:
        timing, now = self._timing, self.now
        was = self._vad.active
        if self._vad.push(frame):
            self._last_speech = now
            if not was and self._turn is None:
                self._turn = now - 2 * FRAME_SECONDS
                self._next_interim = min(self._next_interim, now + timing.first_interim)
            if not was and self._options.vad_events:
                yield Say(speech_started(max(0.0, now - 2 * FRAME_SECONDS)))
        silent = now - self._last_speech
        if self._turn is not None:
            open_for = now - max(self._turn, self._cut)
            if self._endpointing is not None and silent >= self._endpointing:
                yield Finish(now, True)
                self._over()
            elif open_for >= timing.piece_limit or (open_for >= timing.piece and silent >= 0.06):
                yield Finish(now, False, in_speech=self._vad.active)
                self._restart()
        elif now - self._cut >= timing.empty_final:
            yield Finish(now, True)
            self._over()
        if now >= self._next_interim:
            self._next_interim = now + timing.interim
            if self._options.interim_results:
                yield Partial(now)
        yield from self._utterance_end(now)

    def _utterance_end(self, now: float) -> Iterator[Step]:
        """Words decide, not the VAD: noise may keep it busy. A turn just begun waits for its first
        words.
        """
        limit = self._options.utterance_end
        if limit is None or self._word_end is None or not self._options.interim_results:
            return
        if now - self._word_end < limit:
            return
        if self._turn is not None and now - self._turn < limit and self._turn > self._word_end:
            return
        if self._turn is not None:
            # Words may have come since the newest result: ask.
            self._next_interim = now + self._timing.interim
            yield Partial(now)
            if now - self._word_end < limit:
                return
        yield Say(utterance_end(self._word_end))
        self._word_end = None

    def _flush(self) -> Iterator[Step]:
        if self._rest:
            self._samples += len(self._rest) // 2
            yield SessionAudio(self._rest)
            self._rest = b""

    def _over(self) -> None:
        self._turn = None
        self._restart()

    def _restart(self) -> None:
        self._cut = self.now
        self._next_interim = self.now + self._timing.interim

    def _note(self, words: tuple[Heard, ...]) -> None:
        if words:
            self._word_end = words[-1].end

    def _results(
        self,
        end: float,
        words: tuple[Heard, ...],
        *,
        final: bool,
        speech_final: bool = False,
        from_finalize: bool = False,
    ) -> Json:
        return results(
            start=self._segment,
            end=end,
            words=words,
            punctuate=self._options.punctuate,
            final=final,
            speech_final=speech_final,
            from_finalize=from_finalize,
            identity=self._identity,
        )
