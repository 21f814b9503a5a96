"""The transcript beside a recording, `transcript.json`: its shape, and how it is made of a call's.

Times are seconds since the recording's first sample; both legs' files have the same first sample. Of a leg
that is not recorded, or not any more, only what the other one heard is there: the translation, not the words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from translink import __version__
from translink.observe.views import SegmentState

if TYPE_CHECKING:
    from translink.observe.transcripts import CallTranscript
    from translink.observe.views import TranscriptLine

TRANSCRIPT_NAME = "transcript.json"


@dataclass(frozen=True, slots=True)
class RecordedLeg:
    """One leg of the call."""

    leg: str
    language: str
    file: str | None
    """Left: what was said; right: what its ear was sent. None: it was not recorded."""
    seconds: float = 0.0
    lost_ms: float = 0.0
    """Of sound that is silence in the file, because the disk was too slow."""


@dataclass(frozen=True, slots=True)
class RecordedSegment:
    """A segment and what became of it."""

    leg: str
    """The leg that said it."""
    segment: int
    start_s: float
    end_s: float
    text: str
    language: str
    translation: str | None
    target: str
    state: SegmentState
    final_s: float | None = None
    translated_s: float | None = None
    spoken_s: float | None = None
    """Its first sound was sent."""


@dataclass(frozen=True, slots=True)
class RecordedNotice:
    """What a party heard beside translations."""

    leg: str
    language: str
    text: str
    state: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class RecordedTranscript:
    """All of it."""

    v: Literal[1]
    version: str
    """Of translink."""
    call: str
    began: float
    """Unix seconds."""
    seconds: float
    legs: tuple[RecordedLeg, ...]
    notices: tuple[RecordedNotice, ...]
    lines: tuple[RecordedSegment, ...]
    dropped_lines: int
    """Of the beginning, that were not kept (`transcripts.lines_per_call`)."""
    problem: str
    """Why the recording ended before its time; empty: it did not."""


def recorded_transcript(
    kept: CallTranscript,
    *,
    began: float,
    seconds: float,
    legs: Sequence[RecordedLeg],
    problem: str,
) -> RecordedTranscript:
    """Of what is kept of a call, the part that lies in its recording."""
    shift = kept.began - began
    # A leg may be switched off while the other one is still recorded: from then on it is not, in words either.
    until = {each.leg: each.seconds for each in legs if each.file is not None}
    lines = (_line(line, shift, began, until) for line in kept.in_order_at_once())
    return RecordedTranscript(
        v=1,
        version=__version__,
        call=kept.call,
        began=round(began, 3),
        seconds=round(seconds, 3),
        legs=tuple(legs),
        notices=tuple(
            RecordedNotice(
                leg=note.leg,
                language=note.language,
                text=note.text,
                state=note.state,
                start_s=round(note.start_s + shift, 3),
                end_s=round(note.end_s + shift, 3),
            )
            for note in kept.notices.values()
            if note.end_s + shift > 0 and note.start_s + shift < until.get(note.leg, 0.0)
        ),
        lines=tuple(line for line in lines if line.end_s > 0 and line.start_s < seconds),
        dropped_lines=kept.dropped,
        problem=problem,
    )


def _line(
    line: TranscriptLine, shift: float, began: float, until: Mapping[str, float]
) -> RecordedSegment:
    start = line.start_s + shift
    at: Mapping[str, float] = {
        name: round(float(str(when)) - began, 3) for name, when in line.at.items()
    }
    return RecordedSegment(
        leg=line.leg,
        segment=line.segment,
        start_s=round(start, 3),
        end_s=round(line.end_s + shift, 3),
        text=line.text if start < until.get(line.leg, 0.0) else "",
        language=line.language,
        translation=line.translation,
        target=line.target,
        state=line.state,
        final_s=at.get("final"),
        translated_s=at.get("translated"),
        spoken_s=at.get("spoken"),
    )
