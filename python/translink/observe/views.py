"""What is shown of calls, legs and transcripts: the shapes that the API answers with.

Plain values, made on request. Times are Unix seconds unless the name says otherwise. Fields
are added without notice; none changes its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from typing_extensions import TypedDict

from translink.observe.stages import StageSummary
from translink.settings.lag import Original

SegmentState = Literal[
    "final", "translated", "spoken", "unspoken", "untranslated", "captions", "skipped", "through"
]
"""`captions`: translated and shown, as the hearer wanted it; `skipped`: likewise, because the ear was
too far behind; `through`: not translated, the hearer heard the talker themselves."""


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call in a list."""

    call: str
    state: Literal["running", "ended"]
    began: float
    seconds: float
    """How long it has lasted."""
    reason: str
    """Why it ended; empty while it goes on."""
    legs: tuple[str, ...]
    languages: tuple[str, ...]
    """What is spoken on each of them."""
    modes: tuple[str, ...]
    """What recognises each of them: `idle`, `connecting`, `streaming`, `recovering`,
    `prerecorded`."""
    lost_ms: float
    """Speech that no provider recognised in time, both directions."""
    segments: int
    words: int
    characters: int
    """Sent to translation."""
    listened: bool
    """Whether anybody listens in."""
    mouth_to_ear_p50_ms: float | None = None
    recorded: bool = False
    """Whether what is said and heard on one of its legs is being recorded at this moment."""
    waiting_ms: float = 0.0
    """Speech that is kept and not recognised yet, both directions."""
    ends_in_s: float | None = None
    """Nobody sends anything: seconds until the call ends for that. None while datagrams come, or while somebody
    is known to be on the line."""
    behind_s: float = 0.0
    """How far the ear that is further behind is now."""
    behind_max_s: float = 0.0
    """And was at most."""
    skipped: int = 0
    """Segments that were left out to catch up, both directions."""
    echoed: int = 0
    """Finals that were an echo and so not translated, both directions."""
    cost: float | None = None
    """By `cost.prices`, in `cost.currency`; None: no price is set."""


class LineTimes(TypedDict, total=False):
    """When what became of a transcript's line."""

    final: float
    translated: float
    spoken: float
    """Its first sound was sent."""


@dataclass(slots=True)
class TranscriptLine:
    """A segment of a transcript and what became of it. Grows while the call goes on."""

    leg: str
    """The leg that said it."""
    segment: int
    start_s: float
    """Of speech, since the call began."""
    end_s: float
    text: str
    language: str = ""
    translation: str | None = None
    target: str = ""
    """Language of the translation."""
    state: SegmentState = "final"
    at: LineTimes = field(default_factory=LineTimes)


@dataclass(slots=True)
class NoticeLine:
    """What a party heard when the call began: that a machine translates it."""

    leg: str
    """The leg that heard it."""
    language: str
    text: str
    state: Literal["started", "finished", "flushed", "failed"]
    """`finished`: heard to its end; `flushed`: not, or not to its end; `failed`: not at all."""
    start_s: float
    """Since the call began."""
    end_s: float


@dataclass(frozen=True, slots=True)
class DrainingCall:
    """A call that a drain waits for."""

    call: str
    seconds: float
    legs: tuple[str, ...]
    languages: tuple[str, ...]
    talking: tuple[str, ...]
    """Legs on which somebody is speaking now."""
    ending: bool
    """It has ended, and says its last words."""
    ends_in_s: float | None
    """As in `CallRow`."""
    waiting_ms: float


@dataclass(frozen=True, slots=True)
class DrainState:
    """Whether the process takes no new calls any more, and what it waits for."""

    draining: bool
    pid: int
    """Of the process that answers: two may share an address, one after the other."""
    began: float | None
    left_s: float | None
    """Seconds until running calls are ended; None: it does not drain."""
    limit_s: float
    """The setting."""
    hand_over: bool
    """Another process takes over."""
    admin: str
    """URL at which this process answers from now on."""
    cut_calls: int
    """Calls that were ended at the limit."""
    legs_held: tuple[str, ...]
    """Legs of the settings whose ports are still this process's."""
    calls: tuple[DrainingCall, ...]
    """Those that run."""


@dataclass(frozen=True, slots=True)
class Queues:
    """What waits on the way of one leg's words, and in its ear."""

    playout_ms: float
    """Speech waiting in this leg's ear."""
    segments: int
    """Of this talker: not yet said to the end in the other ear."""
    pieces: int
    """Of this talker: with the prerecorded API."""


@dataclass(frozen=True, slots=True)
class Echo:
    """Whether a leg's ear comes back through its microphone."""

    guard: bool
    """Whether that is looked for."""
    lag_ms: float
    """After how long it comes back; 0 = it does not, as far as is known."""
    gain_db: float | None
    """How loud, against what was sent."""
    frames: int
    """20 ms frames of this call that were only echo: the recogniser heard silence."""
    finals: int
    """Finals of this call that were an echo, and so not translated."""


NO_ECHO = Echo(guard=False, lag_ms=0.0, gain_db=None, frames=0, finals=0)


@dataclass(frozen=True, slots=True)
class LegLive:
    """A leg as it is now."""

    leg: str
    call: str | None
    language: str
    """What is spoken on it, and heard."""
    hears: str
    """Language of the other leg, which is translated for this one."""
    mode: str
    """What recognises it: as in `CallRow.modes`."""
    reason: str
    """Why that mode."""
    setting: Literal["auto", "streaming", "prerecorded"]
    """The mode it was set to."""
    volume: float
    """Of its ear; 1 = as synthesised."""
    muted: bool
    """What is said on it is not recognised."""
    listened: bool
    level_db: float | None
    """Level of the newest frame, dB below full scale; None = nothing came for half a second."""
    datagram_rate: float
    """Datagrams a second, over about the last second."""
    jitter_ms: float
    drops: Mapping[str, int]
    """Drops and errors of this call by name."""
    queues: Queues
    lost_ms: float
    words: int
    source: str | None
    """Where its datagrams come from: `ip:port`."""
    strangers: int
    """Datagrams from elsewhere, dropped."""
    waiting_ms: float = 0.0
    """Speech that is kept and not recognised yet."""
    behind_s: float = 0.0
    """How long its ear would be busy with what waits for it."""
    tempo: float = 1.0
    """How fast it is being spoken to; 1 = as synthesised."""
    original: Original = "replace"
    """What it hears of the other talker's own voice."""
    echo: Echo = NO_ECHO
    skipped: int = 0
    """Segments that were not spoken into it in this call, to catch up."""
    keyterm: tuple[str, ...] = ()
    """What is likely to be said on it, besides what everybody is expected to say."""
    voice_for: str = "default"
    """Which voice speaks for its talker: `feminine`, `masculine`, a voice by name; see `LegChange`."""
    recorded: bool = False
    """What is said and heard on it is being written to disk."""
    mos: float | None = None
    """How the line sounds in this call, from loss and delay (E-model), 1 to 4.5. None: only RTP tells."""
    speech_db: float | None = None
    """The median level of speech in this call, dB below full scale (RMS)."""
    clipped: float | None = None
    """Share of its sound that reaches full scale."""
    confidence: float | None = None
    """The recogniser's, mean over the words of this call, 0 to 1. None: it tells none."""


class CallDetail(TypedDict):
    """A call in full: its row and what belongs to it."""

    call: str
    state: Literal["running", "ended"]
    began: float
    seconds: float
    reason: str
    names: tuple[str, ...]
    """Of its legs."""
    languages: tuple[str, ...]
    modes: tuple[str, ...]
    lost_ms: float
    segments: int
    words: int
    characters: int
    listened: bool
    mouth_to_ear_p50_ms: float | None
    waiting_ms: float
    ends_in_s: float | None
    behind_s: float
    behind_max_s: float
    skipped: int
    echoed: int
    cost: float | None
    legs: Mapping[str, LegLive]
    """Empty once it has ended."""
    stages_ms: Mapping[str, StageSummary]
    vendors: Mapping[str, tuple[str, ...]]
    """By stage (`listen`, `translate`, `speak`), in the order in which they are asked."""
    owners: Mapping[str, str]
    """Whose time each stage is: `own`, `provider`, `policy`, `talker`, `all`."""
    notices: list[NoticeLine]
    transcript: list[TranscriptLine]
    dropped_lines: int
    """Oldest lines that were not kept."""


@dataclass(frozen=True, slots=True)
class CreatedLeg:
    """Where a leg of a created call sends and hears."""

    name: str
    language: str
    send_to: str
    """`ip:port`; over AudioSocket, where the connection goes."""
    audio_from: str | None
    """`ip:port`; None = not the port that listens, and not known beforehand."""
    uuid: str | None = None
    """What a connection of AudioSocket says first, as in `AudioSocket(UUID,IP:PORT)`. None = datagrams."""
    token: str | None = None
    """What a datagram to `send_to` must begin with before others are heard. None = nothing. It is a secret, and
    shown here only."""


@dataclass(frozen=True, slots=True)
class CreatedCall:
    """A call that was made on request."""

    call: str
    legs: tuple[CreatedLeg, CreatedLeg]
