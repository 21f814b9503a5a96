"""The events of the journal, as they come out of `/api/events` and `/api/live`: what each type says.

Version 1 (`journal.EVENT_VERSION`, `v` in each event). Fields are added without notice; none changes its
meaning without a new number. A field with None as its default is left out where it says nothing.
`segment` ties together what happens to the same words: segment, translation or untranslated, speech.
Samples are the leg's own, 16,000 a second; times are Unix seconds.

The journal takes plain fields, since events are made where calls are served; `tests` hold all that
is emitted against these shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from translink.calls.tap import Lane


@dataclass(frozen=True, kw_only=True)
class Happened:
    """What every event has."""

    type: str
    at: float
    """When it happened, Unix seconds."""
    v: Literal[1] = 1
    """Version of the shape."""
    call: str | None
    """Null: it concerns no single call."""
    leg: str | None
    """Null: it concerns no single leg. Of speech: the talker's, also when it is translated."""


@dataclass(frozen=True, kw_only=True)
class CallEvent(Happened):
    """A call began, ended, or could not begin."""

    type: Literal["call"] = "call"
    state: Literal["begun", "ended", "refused"]
    legs: list[str] | None = None
    reason: str | None = None
    """Why it ended, or was refused."""
    seconds: float | None = None
    """How long it lasted; an ended call has its other totals beside this, as in the log."""


@dataclass(frozen=True, kw_only=True)
class NodeLostEvent(Happened):
    """Another node of the fleet is not heard any more. Of each of its calls a `call` event tells too."""

    type: Literal["node_lost"] = "node_lost"
    node: str
    calls: list[str]


@dataclass(frozen=True, kw_only=True)
class ModeEvent(Happened):
    """Something else recognises a leg now."""

    type: Literal["mode"] = "mode"
    mode: Literal["idle", "connecting", "streaming", "recovering", "prerecorded"]
    reason: str


@dataclass(frozen=True, kw_only=True)
class InterimEvent(Happened):
    """What was heard so far of an unfinished sentence; the next one replaces it."""

    type: Literal["interim"] = "interim"
    text: str


@dataclass(frozen=True, kw_only=True)
class FinalEvent(Happened):
    """A final result: the recogniser will not take it back."""

    type: Literal["final"] = "final"
    text: str
    start: int
    """First sample."""
    end: int
    by: str
    """Which provider."""


@dataclass(frozen=True, kw_only=True)
class SegmentEvent(Happened):
    """Final text that goes to translation in one piece."""

    type: Literal["segment"] = "segment"
    segment: int
    """Rising per leg and call."""
    text: str
    language: str
    began: float
    """When its first sound came."""
    ended: float
    """When its last sound came."""


@dataclass(frozen=True, kw_only=True)
class TranslationEvent(Happened):
    """A segment in the other language."""

    type: Literal["translation"] = "translation"
    segment: int
    source: str
    """As it was said."""
    text: str
    """As it will be spoken."""
    target: str
    """Language."""
    by: str
    """Which provider; `none`: it was in the listener's language already."""
    asked: float
    """When it was asked for."""
    ms: float
    """Until the answer came."""


@dataclass(frozen=True, kw_only=True)
class UntranslatedEvent(Happened):
    """A segment that no provider translated; it is not spoken."""

    type: Literal["untranslated"] = "untranslated"
    segment: int
    text: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SpeechEvent(Happened):
    """What the ear hears of a segment."""

    type: Literal["speech"] = "speech"
    state: Literal["started", "finished", "flushed", "failed", "captions", "skipped", "through"]
    """`failed` after `started`: not to the end. Never started: `captions`, because the hearer wants
    text only; `skipped`, because their ear is too far behind (`lag.leave_out`); `through`, because
    they heard the talker themselves (such a segment is not translated either)."""
    segment: int
    reason: str | None = None
    """Why it failed."""
    ms: dict[str, float] | None = None
    """When it started: delays `own` and `mouth_to_ear`."""
    asked: float | None = None
    """When it started: when speech was asked for."""
    first_audio: float | None = None
    """When it started: when the first of it came."""
    unplayed_ms: float | None = None
    """When it ended: what was not heard of it."""


@dataclass(frozen=True, kw_only=True)
class ConnectionEvent(Happened):
    """A stream to the recogniser."""

    type: Literal["connection"] = "connection"
    state: Literal["opened", "closed", "failed"]
    reason: str | None = None
    kind: str | None = None
    """Of the error: transient, refused, denied, busy."""


@dataclass(frozen=True, kw_only=True)
class FailoverEvent(Happened):
    """A provider failed and another one is asked, or another way gone."""

    type: Literal["failover"] = "failover"
    reason: str
    to: str | None = None
    provider: str | None = None
    kind: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReplayEvent(Happened):
    """Audio is recognised again: after a failure, or because a stream passed over speech."""

    type: Literal["replay"] = "replay"
    ms: float
    by: Literal["stream", "prerecorded"]
    reason: str = ""
    """Empty: after a failure."""


@dataclass(frozen=True, kw_only=True)
class BreakerEvent(Happened):
    """A provider is taken out of service, tried, or back."""

    type: Literal["breaker"] = "breaker"
    provider: str
    state: Literal["closed", "held", "open", "half-open"]
    """`closed`: in service; `held`: it asked for a pause and is not asked until that is over;
    `open`: not asked; `half-open`: tried."""
    reason: str
    until: float | None = None
    """Unix seconds. `held` and `open`: it is not asked before."""


@dataclass(frozen=True, kw_only=True)
class LossEvent(Happened):
    """Speech that no provider recognised in time."""

    type: Literal["loss"] = "loss"
    ms: float
    start: int
    end: int
    began: float
    ended: float
    """When it was said; `at` is when it was given up."""


@dataclass(frozen=True, kw_only=True)
class SettingsEvent(Happened):
    """A setting was changed: of one leg, or of all."""

    type: Literal["settings"] = "settings"
    mode: str | None = None
    share: float | None = None
    language: str | None = None
    volume: float | None = None
    muted: bool | None = None
    original: str | None = None
    echo_guard: bool | None = None
    keyterm: list[str] | None = None
    voice_for: str | None = None
    record: bool | None = None


@dataclass(frozen=True, kw_only=True)
class KeytermEvent(Happened):
    """The recogniser knows a leg's new key terms, or refused them; it recognises without them then."""

    type: Literal["keyterm"] = "keyterm"
    state: Literal["applied", "refused"]
    reason: str
    """How they came to be applied; or why not."""


@dataclass(frozen=True, kw_only=True)
class LanguageEvent(Happened):
    """A party whose language was not known (`language = "auto"`): what they speak and hear from now on."""

    type: Literal["language"] = "language"
    language: str
    how: Literal["found", "assumed", "changed"]
    """`assumed`: nothing was found in time; `changed`: it was another one before."""
    reason: str


@dataclass(frozen=True, kw_only=True)
class SourceEvent(Happened):
    """A leg's datagrams come from elsewhere now, in mid-call."""

    type: Literal["source"] = "source"
    before: str
    """`ip:port`."""
    now: str


@dataclass(frozen=True, kw_only=True)
class RtpEvent(Happened):
    """RTP comes into a leg that is not set to it (`legs[].transport`)."""

    type: Literal["rtp"] = "rtp"
    format: str
    """By Asterisk's name; or `payload type 96`."""
    port: int
    """Where it comes to."""
    heard: bool
    """It is heard (`auto`). Else nothing of it is."""


@dataclass(frozen=True, kw_only=True)
class EchoEvent(Happened):
    """What was recognised was the echo of what the talker's ear had just been played: it is not
    translated."""

    type: Literal["echo"] = "echo"
    text: str
    start: int
    """First sample of the final that it was in."""
    end: int


@dataclass(frozen=True, kw_only=True)
class PauseEvent(Happened):
    """A talker heard the tone that asks for a pause (`lag.ask_for_pause`)."""

    type: Literal["pause"] = "pause"
    behind_s: float
    """How far the other ear was behind."""


@dataclass(frozen=True, kw_only=True)
class NoticeEvent(Happened):
    """What a party hears when a call begins (`settings.notice`); `leg` is the one that hears it."""

    type: Literal["notice"] = "notice"
    state: Literal["started", "finished", "flushed", "failed"]
    text: str
    """As it is said; the name of the file in brackets, where one is played that has no text."""
    language: str
    reason: str | None = None
    """Why it failed."""


@dataclass(frozen=True, kw_only=True)
class ControlEvent(Happened):
    """A party asked for something by a key of their telephone. Which key is not reported."""

    type: Literal["control"] = "control"
    what: Literal["repeat", "louder", "original", "end", "language"]
    value: str | None = None
    """What is so now: the volume, what the ear hears, the language; of `repeat`: `again`, `nothing yet`."""


@dataclass(frozen=True, kw_only=True)
class PressureEvent(Happened):
    """The load rose or fell; see `pressure`."""

    type: Literal["pressure"] = "pressure"
    level: Literal["calm", "shed", "coalesce", "refuse"]
    before: Literal["calm", "shed", "coalesce", "refuse"]
    busy: float
    """Share of its time that the loop works, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class ListeningEvent(Happened):
    """Listening in began or ended."""

    type: Literal["listening"] = "listening"
    state: Literal["started", "stopped"]
    lane: Lane


@dataclass(frozen=True, kw_only=True)
class QuotaEvent(Happened):
    """So much of an account's quota is used that it may run out (`cost.warn_at`)."""

    type: Literal["quota"] = "quota"
    provider: str
    used: int
    limit: int
    """Characters."""


@dataclass(frozen=True, kw_only=True)
class DrainEvent(Happened):
    """The process takes no new calls any more, and ends when those that run have ended."""

    type: Literal["drain"] = "drain"
    state: Literal["begun", "handed over", "over"]
    reason: str | None = None
    """The one who asked for it."""
    limit_s: float | None = None
    """Seconds until running calls are ended."""
    seconds: float | None = None
    """How long it took."""
    cut_calls: int | None = None
    """Calls that were ended at the limit."""


@dataclass(frozen=True, kw_only=True)
class RecordingEvent(Happened):
    """A recording of a call's sound."""

    type: Literal["recording"] = "recording"
    state: Literal["started", "ended", "failed", "refused"]
    """`failed`: before its time, and the call goes on; its end is still reported. `refused`: not begun."""
    name: str
    """Its folder in `record.folder`; empty: there is none."""
    legs: list[str]
    """Whose microphone and ear it has."""
    reason: str | None = None
    """Why it failed or was refused."""
    seconds: float | None = None
    bytes: int | None = None
    lost_ms: float | None = None
    """Of sound that is missing in it, because the disk was too slow."""


EVENT_TYPES: Mapping[str, type[Happened]] = {
    str(kind.__dataclass_fields__["type"].default): kind
    for kind in (
        CallEvent,
        NodeLostEvent,
        ModeEvent,
        InterimEvent,
        FinalEvent,
        SegmentEvent,
        TranslationEvent,
        UntranslatedEvent,
        SpeechEvent,
        ConnectionEvent,
        FailoverEvent,
        ReplayEvent,
        BreakerEvent,
        LossEvent,
        SettingsEvent,
        KeytermEvent,
        LanguageEvent,
        SourceEvent,
        RtpEvent,
        EchoEvent,
        PauseEvent,
        NoticeEvent,
        ControlEvent,
        PressureEvent,
        ListeningEvent,
        QuotaEvent,
        DrainEvent,
        RecordingEvent,
    )
}
