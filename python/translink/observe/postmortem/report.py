"""A call's post-mortem: its delays, what was found, and how bad that is."""

from __future__ import annotations

from dataclasses import dataclass

from translink.observe.postmortem.delay import causes_of_delay, delay_parts
from translink.observe.postmortem.finding import ORDER_OF_SEVERITY, Cause, DelayPart
from translink.observe.postmortem.providers import causes_at_providers
from translink.observe.postmortem.sound import causes_in_sound
from translink.observe.postmortem.words import causes_in_words
from translink.observe.record import (
    CallRecord,
    LineFigures,
    RecordedFigures,
    SaidFigures,
    StageFigures,
    UsedFigures,
)
from translink.observe.usage import total_cost

SLOWEST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class SlowUtterance:
    """A segment that was long on its way. Seconds."""

    leg: str
    segment: int
    start_s: float
    """Since the call began."""
    delay_s: float
    """From its last sound to the first of its translation."""
    recognition_s: float | None
    translation_s: float | None
    voice_s: float | None
    """From the translation to the first sound: the voice, and waiting for the ear."""


@dataclass(frozen=True, slots=True)
class Postmortem:
    """What is to be said of a call."""

    call: str
    state: str
    began: float
    seconds: float
    reason: str
    legs: tuple[str, ...]
    languages: tuple[str, ...]
    words: int
    segments: int
    spoken: int
    lost_ms: float
    lines: dict[str, LineFigures]
    said: dict[str, SaidFigures]
    usage: dict[str, UsedFigures]
    """By provider, both legs."""
    cost: float | None
    currency: str
    mouth_to_ear: StageFigures | None
    delay: list[DelayPart]
    slowest: list[SlowUtterance]
    causes: list[Cause]
    """The worst first."""
    incomplete: str
    """What could not be looked at; empty: nothing."""
    recordings: tuple[RecordedFigures, ...] = ()
    """Of its sound: to listen to, and to replay."""

    @property
    def good(self) -> bool:
        """Nothing went wrong that a party would have noticed, or is about to."""
        return all(cause.severity == "note" for cause in self.causes)


def explain_call(record: CallRecord) -> Postmortem:
    """The post-mortem of a call that runs or has ended."""
    causes = [
        *causes_in_words(record),
        *causes_in_sound(record),
        *causes_at_providers(record),
        *causes_of_delay(record),
    ]
    causes.sort(key=lambda cause: ORDER_OF_SEVERITY.index(cause.severity))
    said = record.said.values()
    return Postmortem(
        call=record.call,
        state=record.state,
        began=record.began,
        seconds=record.seconds,
        reason=record.reason,
        legs=record.legs,
        languages=record.languages,
        words=sum(each.words for each in said),
        segments=sum(each.segments for each in said),
        spoken=sum(each.spoken for each in said),
        lost_ms=round(sum(each.lost_ms for each in said), 1),
        lines=record.lines,
        said=record.said,
        usage=_used(record),
        cost=total_cost(one for used in record.usage.values() for one in used.values()),
        currency=record.currency,
        mouth_to_ear=record.stages.get("mouth_to_ear"),
        delay=delay_parts(record),
        slowest=_slowest(record),
        causes=causes,
        incomplete=_incomplete(record),
        recordings=record.recordings,
    )


def _slowest(record: CallRecord) -> list[SlowUtterance]:
    found = [
        SlowUtterance(
            leg=each.leg,
            segment=each.segment,
            start_s=each.start_s,
            delay_s=round(each.spoken_s - each.end_s, 2),
            recognition_s=_between(each.end_s, each.final_s),
            translation_s=_between(each.final_s, each.translated_s),
            voice_s=_between(each.translated_s, each.spoken_s),
        )
        for each in record.utterances
        if each.spoken_s is not None
    ]
    return sorted(found, key=lambda slow: slow.delay_s, reverse=True)[:SLOWEST_SHOWN]


def _used(record: CallRecord) -> dict[str, UsedFigures]:
    found: dict[str, UsedFigures] = {}
    for used in record.usage.values():
        for provider, one in used.items():
            before = found.get(provider, UsedFigures())
            found[provider] = UsedFigures(
                round(before.seconds + one.seconds, 2),
                before.characters + one.characters,
                before.requests + one.requests,
                total_cost((before, one)),
            )
    return found


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(max(0.0, end - start), 2)


def _incomplete(record: CallRecord) -> str:
    missing = []
    if not record.lines:
        missing.append("no figures of its sound were kept")
    if record.dropped_incidents:
        missing.append(f"{record.dropped_incidents} later events were not kept")
    if record.dropped_utterances:
        missing.append(f"its {record.dropped_utterances} oldest segments were not kept")
    if record.state == "running":
        missing.append("the call goes on")
    return "; ".join(missing)
