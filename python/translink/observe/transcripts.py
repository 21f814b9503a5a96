"""Transcripts of running and ended calls, in memory; on disk only beside a recording.

Fed by the journal: each segment becomes a line, and what becomes of it later is written beside it.
Bounds: `calls` ended calls are kept, for `retention` seconds, and `lines` lines a call (`observe.transcript_lines`);
one more drops the oldest, and a call tells how many of its lines it dropped. What is forgotten here is
forgotten by the journal, too.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from translink.observe.incidents import Incidents
from translink.observe.transcript_lines import TranscriptLines
from translink.observe.views import CallRow, NoticeLine, SegmentState, TranscriptLine

if TYPE_CHECKING:
    from translink.observe.journal import Event, Journal
    from translink.observe.record import CallAccount
    from translink.observe.stages import StageSummary


@dataclass(slots=True)
class CallTranscript:
    """What is kept of one call."""

    call: str
    began: float
    lines: TranscriptLines
    row: CallRow | None = None
    """None while it goes on."""
    stages: Mapping[str, StageSummary] = field(default_factory=dict)
    """Of an ended call."""
    account: CallAccount | None = None
    """Likewise."""
    notices: dict[tuple[str, str], NoticeLine] = field(default_factory=dict)
    """By the leg that heard it, and what it says."""
    ended: float = 0.0
    """On the monotonic clock: nothing is forgotten because the time of day was set."""

    @property
    def dropped(self) -> int:
        """Lines, the oldest, that were not kept."""
        return self.lines.dropped

    def copy(self) -> CallTranscript:
        """As it is now, which does not change any more."""
        notices = {key: replace(note) for key, note in self.notices.items()}
        return replace(self, lines=self.lines.copy(), notices=notices)

    async def in_order(self) -> list[TranscriptLine]:
        """The lines in order of speech; others have their turn meanwhile."""
        found: list[TranscriptLine] = []
        for block in self.lines.blocks():
            found += block
            await asyncio.sleep(0)
        return sorted(found, key=_place)

    def in_order_at_once(self) -> list[TranscriptLine]:
        """Likewise, 3 ms for 2,000 lines: not in the loop that serves calls."""
        return sorted(chain.from_iterable(self.lines.blocks()), key=_place)


def _place(line: TranscriptLine) -> tuple[float, str, int]:
    return line.start_s, line.leg, line.segment


class Transcripts:
    """All transcripts of the process."""

    def __init__(
        self, journal: Journal, *, calls: int = 200, lines: int = 2_000, retention: float = 86_400.0
    ) -> None:
        """Listens to `journal` from now on."""
        self._journal = journal
        self.incidents = Incidents(journal)
        """What went wrong in the calls that are kept."""
        self._calls = calls
        self._lines = lines
        self._retention = retention
        self._kept: OrderedDict[str, CallTranscript] = OrderedDict()
        self._ended: OrderedDict[str, CallTranscript] = OrderedDict()
        """Those of them that ended, in that order."""
        journal.listen(self._event)

    def __getitem__(self, call: str) -> CallTranscript:
        """Raises `KeyError`."""
        self.expire(time.monotonic())
        return self._kept[call]

    def ended(self) -> list[CallRow]:
        """Rows of the ended calls that are kept, oldest first."""
        self.expire(time.monotonic())
        return [kept.row for kept in self._ended.values() if kept.row is not None]

    def close(
        self,
        row: CallRow,
        stages: Mapping[str, StageSummary],
        account: CallAccount | None = None,
    ) -> None:
        """A call has ended: these are its last figures."""
        kept = self._kept.get(row.call)
        if kept is None:
            return
        kept.row = replace(row, state="ended", waiting_ms=0.0, behind_s=0.0, ends_in_s=None)
        kept.stages = stages
        kept.account = account
        kept.ended = time.monotonic()
        self._ended[row.call] = kept
        self.expire(kept.ended)

    def expire(self, now: float) -> None:
        """Forget the ended calls that are too old or too many (`now` = monotonic seconds)."""
        gone: set[str] = set()
        for call, kept in self._ended.items():
            too_many = len(self._ended) - len(gone) > self._calls
            if not too_many and now - kept.ended <= self._retention:
                break
            gone.add(call)
        for call in gone:
            del self._ended[call], self._kept[call]
        if gone:
            self._journal.forget(gone)
            self.incidents.forget(gone)

    async def watch(self) -> None:
        """Forget in time, also without a request. Runs for ever."""
        while True:
            await asyncio.sleep(min(60.0, max(1.0, self._retention / 10)))
            self.expire(time.monotonic())

    async def search(self, text: str) -> set[str]:
        """Calls in which it was said, or translated so. Case does not count."""
        wanted = text.casefold()
        found: set[str] = set()
        for kept in tuple(self._kept.values()):
            for block in kept.lines.blocks():
                await asyncio.sleep(0)
                if any(_has(line, wanted) for line in block):
                    found.add(kept.call)
                    break
        return found

    # --- What the journal reports ---

    def _event(self, event: Event) -> None:
        if event.call is None:
            return
        if event.type == "call":
            if event.data.get("state") == "begun":
                lines = TranscriptLines(self._lines)
                self._kept[event.call] = CallTranscript(event.call, event.at, lines)
            return
        kept = self._kept.get(event.call)
        if kept is None or event.leg is None:
            return
        if event.type == "notice":
            _note(kept, event.leg, event)
            return
        number = event.data.get("segment")
        if not isinstance(number, int):
            return
        if event.type == "segment":
            kept.lines.add(_line(kept.began, event.leg, number, event))
        elif (line := kept.lines.find(event.leg, number)) is not None:
            _follow(line, event)


def _has(line: TranscriptLine, wanted: str) -> bool:
    """Whether it, or its translation, holds what is wanted (case-folded)."""
    return wanted in line.text.casefold() or (
        line.translation is not None and wanted in line.translation.casefold()
    )


def _line(call_began: float, leg: str, number: int, event: Event) -> TranscriptLine:
    """Of a segment."""
    began, ended = (event.number(key) or event.at for key in ("began", "ended"))
    return TranscriptLine(
        leg=leg,
        segment=number,
        start_s=round(max(0.0, began - call_began), 3),
        end_s=round(max(0.0, ended - call_began), 3),
        text=str(event.data.get("text", "")),
        language=str(event.data.get("language", "")),
        at={"final": event.at},
    )


def redact_digits(text: str) -> str:
    """Every digit, of any script, as `#`."""
    return "".join("#" if c.isdigit() else c for c in text)


_ENDS: Mapping[str, SegmentState] = {
    "finished": "spoken",
    "flushed": "unspoken",
    "failed": "unspoken",
    "captions": "captions",
    "skipped": "skipped",
    "through": "through",
}


def _follow(line: TranscriptLine, event: Event) -> None:
    """What became of a line."""
    match event.type:
        case "translation":
            line.translation = str(event.data.get("text", ""))
            line.target = str(event.data.get("target", ""))
            line.state = "translated"
            line.at["translated"] = event.at
        case "untranslated":
            line.state = "untranslated"
        case "speech":
            state = str(event.data.get("state"))
            if state == "started":
                line.at["spoken"] = event.at
            elif line.state != "unspoken":
                # A voice that failed in the middle is followed by the end of what it had said.
                line.state = _ENDS.get(state, line.state)


def _note(kept: CallTranscript, leg: str, event: Event) -> None:
    """A notice that a party heard."""
    at, state = round(max(0.0, event.at - kept.began), 3), event.data.get("state")
    text, language = (str(event.data.get(key, "")) for key in ("text", "language"))
    line = kept.notices.get((leg, text))
    if line is None:
        line = kept.notices[leg, text] = NoticeLine(leg, language, text, "started", at, at)
    line.end_s = at
    match state:
        case "started" | "finished" | "flushed" | "failed":
            line.state = state
