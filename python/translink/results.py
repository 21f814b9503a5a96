"""What one layer tells the next: frozen values.

Audio time is in samples (16 kHz). Wall time is `time.monotonic()` seconds. Every value that leads
to sound carries its birth time, so that latency is a subtraction and never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

RATE = 16_000
"""Samples per second of every leg."""
FRAME = 320
"""Samples of one frame, as the engine cuts them."""
FRAME_BYTES = 2 * FRAME
FRAME_SECONDS = FRAME / RATE
SILENT_FRAME = bytes(FRAME_BYTES)


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word. `start` and `end` are samples, relative as the holder says."""

    text: str
    """As it should be read: punctuated and capitalised where the provider does so."""
    start: int
    end: int
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a recogniser said about the audio from `start` to `end`.

    Straight from a provider the samples count from the beginning of what that connection or request
    was sent; `feed` and `pieces` add the origin, and from there on they are the leg's absolute
    sample numbers.
    """

    start: int
    end: int
    text: str
    words: tuple[Word, ...]
    final: bool
    """False: an interim, which the next result for the same start replaces."""
    speech_final: bool = False
    """The recogniser's endpointing ended the turn here."""
    from_finalize: bool = False
    """Answer to our Finalize."""
    received: float = 0.0
    """`time.monotonic()` when the message came off the wire."""
    provider: str = ""
    """`deepgram.listen`, `deepgram.prerecorded`, …"""


def shifted(result: Result, samples: int) -> Result:
    """The same, counted from another origin: a connection's or a request's time becomes the leg's.

    Built by hand: this runs for every interim of every leg, and `replace` takes twice as long.
    """
    return Result(
        start=result.start + samples,
        end=result.end + samples,
        text=result.text,
        words=tuple(
            Word(word.text, word.start + samples, word.end + samples, word.confidence)
            for word in result.words
        ),
        final=result.final,
        speech_final=result.speech_final,
        from_finalize=result.from_finalize,
        received=result.received,
        provider=result.provider,
    )


@dataclass(frozen=True, slots=True)
class UtteranceEnd:
    """No word for `utterance_end_ms` after `last_word_end` (samples; None = already final,
    ignore)."""

    last_word_end: int | None
    received: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The recogniser's VAD heard speech begin at `at` (samples)."""

    at: int
    received: float = 0.0


@dataclass(frozen=True, slots=True)
class StreamMetadata:
    """The stream's last words: Deepgram sends Metadata when a connection is over."""

    request_id: str
    duration: float
    """Seconds of audio the provider counted."""


@dataclass(frozen=True, slots=True)
class StillHeard:
    """The stream hears the silence that is sent where the caller has no audio. It has no place in the
    caller's time, so that no result reaches further meanwhile."""

    received: float = 0.0


StreamEvent = Result | UtteranceEnd | SpeechStarted | StreamMetadata | StillHeard
"""What a live stream yields until it ends (normally: iteration stops; abnormally:
`ProviderError`)."""


@dataclass(frozen=True, slots=True)
class Detected:
    """Which language is spoken in a piece of audio."""

    language: str
    """As the detector names it: `en`, `pt`."""
    confidence: float
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of final text ready to be translated. Nothing in it will be revised."""

    number: int
    """Rising per leg and call; order of speech."""
    text: str
    start: int
    end: int
    """Absolute samples of the leg."""
    born: float
    """When its last final result was received."""
    captured: float = 0.0
    """When its last sound reached the socket; 0 = not known."""
    language: str = ""
    """What it was said in."""


@dataclass(frozen=True, slots=True)
class Translation:
    """A segment in the other language."""

    text: str
    provider: str
    took: float
    """Seconds the provider took, to compare providers by."""
