"""Makes a call's record of what is kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from translink import __version__
from translink.observe.incidents import AROUND
from translink.observe.record import CallAccount, CallRecord, UtteranceTimes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from translink.observe.incidents import Incidents
    from translink.observe.transcripts import CallTranscript
    from translink.observe.views import CallRow, TranscriptLine


def record_of(
    row: CallRow,
    account: CallAccount | None,
    kept: CallTranscript,
    lines: Iterable[TranscriptLine],
    incidents: Incidents,
) -> CallRecord:
    """The record; `account` None: nothing is known of its figures. `lines`: what is kept, in order of speech."""
    found, dropped = incidents.of(row.call, row.began - AROUND, row.began + row.seconds)
    account = account or CallAccount({}, {}, {})
    return CallRecord(
        v=1,
        version=__version__,
        call=row.call,
        state=row.state,
        began=row.began,
        seconds=row.seconds,
        reason=row.reason,
        legs=row.legs,
        languages=row.languages,
        stages=dict(account.stages),
        lines=dict(account.lines),
        said=dict(account.said),
        usage={leg: dict(used) for leg, used in account.usage.items()},
        currency=account.currency,
        vendors=dict(account.vendors),
        utterances=tuple(_times(line, kept.began) for line in lines),
        dropped_utterances=kept.dropped,
        incidents=found,
        dropped_incidents=dropped,
        recordings=account.recordings,
    )


def _times(line: TranscriptLine, began: float) -> UtteranceTimes:
    final, translated, spoken = (
        None if at is None else round(at - began, 3)
        for at in (line.at.get("final"), line.at.get("translated"), line.at.get("spoken"))
    )
    return UtteranceTimes(
        leg=line.leg,
        segment=line.segment,
        start_s=line.start_s,
        end_s=line.end_s,
        state=line.state,
        final_s=final,
        translated_s=translated,
        spoken_s=spoken,
    )
