"""A transcript as a file: subtitles (SRT, WebVTT), plain text.

Each line is a cue: the leg, what was said there, and below it the translation. The cues of two
people who talk at the same time overlap, which both formats allow.

Source: W3C WebVTT (cue text escapes `&`, `<`, `>`; no `-->`; no empty line within a cue); SubRip as
players read it.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from translink.observe.views import NoticeLine, TranscriptLine

SHORTEST_CUE = 0.5
"""Seconds a cue is shown at least; one that lasted no time would never be."""


def with_notices(
    lines: Iterable[TranscriptLine], notices: Iterable[NoticeLine]
) -> Iterator[TranscriptLine]:
    """The notice each party heard, among what was said: by its beginning, line by line."""
    heard = [
        TranscriptLine(f"to {note.leg}", 0, note.start_s, note.end_s, note.text, note.language)
        for note in notices
        if note.state == "finished"
    ]
    return heapq.merge(heard, lines, key=lambda line: line.start_s)


def srt(lines: Iterable[TranscriptLine]) -> Iterator[str]:
    """SubRip: numbered cues, comma before the milliseconds. Cue by cue."""
    for number, line in enumerate(lines, 1):
        between = "\n" if number > 1 else ""
        yield f"{between}{number}\n{_span(line, ',')}\n{_cue(line)}\n"


def vtt(lines: Iterable[TranscriptLine]) -> Iterator[str]:
    """WebVTT, the leg as a voice span. Cue by cue."""
    yield "WEBVTT\n"
    for number, line in enumerate(lines, 1):
        yield (
            f"\n{number}\n{_span(line, '.')}\n<v {_escape(line.leg)}>{_escape(_flat(line.text))}"
            + (f"\n<i>{_escape(_flat(line.translation))}</i>" if line.translation else "")
            + "\n"
        )


def txt(lines: Iterable[TranscriptLine]) -> Iterator[str]:
    """One line each, and its translation, to be read."""
    for line in lines:
        yield f"[{_clock(line.start_s, '.')[:-4]}] {line.leg}: {_flat(line.text)}\n"
        if line.translation:
            yield f"{'':11}{'→':>{len(line.leg)}}  {_flat(line.translation)}\n"


FORMATS: Mapping[str, tuple[str, Callable[[Iterable[TranscriptLine]], Iterator[str]]]] = {
    "srt": ("application/x-subrip", srt),
    "vtt": ("text/vtt", vtt),
    "txt": ("text/plain", txt),
}
"""Name to content type and maker, which makes the text part by part."""


def _span(line: TranscriptLine, mark: str) -> str:
    end = max(line.end_s, line.start_s + SHORTEST_CUE)
    return f"{_clock(line.start_s, mark)} --> {_clock(end, mark)}"


def _clock(seconds: float, mark: str) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{mark}{ms % 1000:03}"


def _cue(line: TranscriptLine) -> str:
    # SubRip knows no escape: what would end the cue or look like a tag is written differently.
    texts = [f"{line.leg}: {_flat(line.text)}", _flat(line.translation or "")]
    return "\n".join(
        text.replace("-->", "→").replace("<", "‹").replace(">", "›") for text in texts if text
    )


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _flat(text: str) -> str:
    """On one line: an empty line would end the cue, and what drives a terminal or turns the order of letters round
    has no place in it. The marks that Arabic and Hebrew need (U+200E, U+200F, U+061C) stay."""
    return _NOT_SAID.sub(" ", text).strip()


_NOT_SAID = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
"""White space, C0, C1, embeddings, overrides and isolates of direction, a byte order mark, halves of a pair."""
