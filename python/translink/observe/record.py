"""What is kept of a call's figures for a post-mortem: no word of what was said.

Plain values that go to JSON and back (`GET /api/calls/{call}/record`, a file). Fields are added without
notice; none changes its meaning without a new `v`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Plain = str | int | float | bool | None
SHORT_OF_TIME = frozenset({"coalesce", "refuse"})
"""Levels of `pressure` at which calls suffer."""


@dataclass(frozen=True, slots=True)
class StageFigures:
    """One stage of delay (`observe.stages`)."""

    count: int
    total_s: float
    p50_ms: float
    p95_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class LineFigures:
    """The sound of one leg in this call: what came in, and what its ear had to bear."""

    datagrams: int = 0
    seconds: float = 0.0
    """Of sound that came."""
    speech_s: float = 0.0
    """Of it, as the detector says."""
    rtp: bool = False
    """Only then is it known what was lost."""
    lost_packets: int = 0
    late_packets: int = 0
    """They count as lost, too."""
    refused_packets: int = 0
    concealed_s: float = 0.0
    jitter_ms: float = 0.0
    """The mean of the readings, one a second."""
    jitter_max_ms: float = 0.0
    buffer_ms: float = 0.0
    """For how long a gap is waited for: the mean of the readings."""
    level_db: float | None = None
    """Of speech, dB below full scale (RMS): the median of the readings. None: there was none."""
    peak_db: float | None = None
    """The loudest sample, to the nearest 1/128 of full scale."""
    clipped: float = 0.0
    """Share of the 20 ms with sound that reach full scale."""
    drops: dict[str, int] = field(default_factory=dict)
    """By reason, where there were any; `errors_…` too."""
    strangers: int = 0
    source_changes: int = 0
    underruns: int = 0
    echo_frames: int = 0
    echo_lag_ms: float = 0.0
    """The longest of the readings; 0: its ear does not come back."""
    echo_guard: bool = False
    muted: bool = False
    """At the end."""
    behind_max_s: float = 0.0
    behind_p95_s: float = 0.0
    mos: float | None = None
    """Of the way from the talker to here, 1 to 4.5 (`observe.emodel`). None: only RTP tells what was lost."""


@dataclass(slots=True)
class Tally:
    """What was done in one direction of one call."""

    words: int = 0
    segments: int = 0
    translated: int = 0
    untranslated: int = 0
    spoken: int = 0
    """To the end."""
    unspoken: int = 0
    """Not at all, or not to the end."""
    characters: int = 0
    """Sent to translation, without those that were asked ahead and thrown away."""
    ahead: int = 0
    """Characters that were asked ahead: of segments that were only foreseen."""
    ahead_used: int = 0
    """Of them, those of segments that came, word for word."""
    ahead_wasted: int = 0
    """Of them, those that were thrown away. What is neither is still open."""
    captioned: int = 0
    """Translated and shown, not spoken: as the hearer wanted it."""
    skipped: int = 0
    """Translated and shown, not spoken: the ear was too far behind."""
    through: int = 0
    """Not translated: the hearer heard the talker themselves."""
    echoed: int = 0
    """Finals that were, wholly or in part, the echo of what the talker was played."""


@dataclass(slots=True)
class SaidFigures(Tally):
    """What became of the words that were said on one leg, and of the streams that heard them."""

    connections: int = 0
    failovers: int = 0
    replayed_ms: float = 0.0
    lost_ms: float = 0.0
    errors: int = 0
    confidence: float | None = None
    """The recogniser's, mean over words, 0 to 1. None: it tells none."""
    unsure: float = 0.0
    """Share of words of which it is less than half sure."""


@dataclass(frozen=True, slots=True)
class UsedFigures:
    """What was used of one provider."""

    seconds: float = 0.0
    """Of sound that it recognised."""
    characters: int = 0
    """That it translated or spoke."""
    requests: int = 0
    """Answered ones, and streams."""
    cost: float | None = None
    """By `cost.prices`; None: it has no price there."""


@dataclass(frozen=True, slots=True)
class RecordedFigures:
    """A recording of a call's sound, or of a part of it."""

    name: str
    """Its folder in `record.folder`; empty: none was begun."""
    legs: tuple[str, ...]
    """Whose microphone and ear it has."""
    seconds: float = 0.0
    """From its beginning to the newest sound in it."""
    bytes: int = 0
    lost_ms: float = 0.0
    """Of sound that is missing in it, because the disk was too slow."""
    problem: str = ""
    """Why it ended before its time, or was not begun; empty: it did not."""


def recorded_in_short(recordings: Sequence[RecordedFigures]) -> dict[str, str | float]:
    """For a call's summary: `recording`, and what is missing in it; empty: nothing was to be recorded."""
    if not recordings:
        return {}
    found: dict[str, str | float] = {"recording": ", ".join(each.name for each in recordings)}
    if lost := sum(each.lost_ms for each in recordings):
        found["recording_lost_ms"] = round(lost)
    if problem := next((each.problem for each in recordings if each.problem), ""):
        found["recording_problem"] = problem
    return found


@dataclass(frozen=True, slots=True)
class CallAccount:
    """What a call itself knows of its figures."""

    stages: Mapping[str, StageFigures]
    lines: Mapping[str, LineFigures]
    said: Mapping[str, SaidFigures]
    usage: Mapping[str, Mapping[str, UsedFigures]] = field(default_factory=dict)
    """By the leg that talks, and provider."""
    currency: str = ""
    vendors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By stage (`listen`, `translate`, `speak`), in the order in which they are asked."""
    recordings: tuple[RecordedFigures, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """One event that a post-mortem may want (`observe.incidents`)."""

    at: float
    """Unix seconds."""
    type: str
    leg: str | None
    data: dict[str, Plain]


@dataclass(frozen=True, slots=True)
class UtteranceTimes:
    """When what became of a segment. Seconds since the call began."""

    leg: str
    segment: int
    start_s: float
    end_s: float
    state: str
    final_s: float | None = None
    translated_s: float | None = None
    spoken_s: float | None = None


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What is kept of a call for a post-mortem."""

    v: Literal[1]
    version: str
    """Of translink."""
    call: str
    state: Literal["running", "ended"]
    began: float
    """Unix seconds."""
    seconds: float
    reason: str
    legs: tuple[str, ...]
    languages: tuple[str, ...]
    stages: dict[str, StageFigures]
    lines: dict[str, LineFigures]
    said: dict[str, SaidFigures]
    usage: dict[str, dict[str, UsedFigures]] = field(default_factory=dict)
    """By the leg that talks, and provider."""
    currency: str = ""
    vendors: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By stage (`listen`, `translate`, `speak`), in the order in which they are asked."""
    utterances: tuple[UtteranceTimes, ...] = ()
    dropped_utterances: int = 0
    incidents: tuple[Incident, ...] = ()
    dropped_incidents: int = 0
    recordings: tuple[RecordedFigures, ...] = ()
    """Of its sound, as it was when the call ended."""
