"""TranscriptLines of a transcript: what nothing happens to any more is packed, and is still what it was."""

from __future__ import annotations

import gc
import tracemalloc
from itertools import chain

from translink.observe.transcript_lines import PACKED_TOGETHER, TranscriptLines
from translink.observe.views import SegmentState, TranscriptLine


def line(number: int, state: SegmentState = "spoken") -> TranscriptLine:
    return TranscriptLine(
        leg="ab"[number % 2],
        segment=number,
        start_s=3.0 * number,
        end_s=3.0 * number + 2.125,
        text=f"line {number}: ça suffit, “really” 🙂",
        language="en",
        translation=None if state == "untranslated" else f"ligne {number}",
        target="fr",
        state=state,
        at={"final": 1_700_000_000.25 + number, "spoken": 1_700_000_001.75 + number},
    )


def every(lines: TranscriptLines) -> list[TranscriptLine]:
    return list(chain.from_iterable(lines.blocks()))


def test_packed_lines_are_what_they_were() -> None:
    lines, wanted = (
        TranscriptLines(2_000),
        [line(n, "untranslated" if n % 7 else "spoken") for n in range(777)],
    )
    for each in wanted:
        lines.add(each)
    assert every(lines) == wanted
    assert len(lines) == 777


def test_what_becomes_of_a_line_is_noted_however_late_it_comes() -> None:
    """A provider that is away for minutes leaves lines behind that wait for it."""
    lines = TranscriptLines(2_000)
    lines.add(line(0, "final"))
    for number in range(1, 500):
        lines.add(line(number))
    waiting = lines.find("a", 0)
    assert waiting
    waiting.state = "spoken"
    for number in range(500, 510):
        lines.add(line(number))
    assert every(lines)[0].state == "spoken"
    assert lines.find("a", 0) is None  # packed now


def test_the_oldest_are_dropped_and_counted() -> None:
    lines = TranscriptLines(200)
    for number in range(1_000):
        lines.add(line(number))
        assert len(lines) <= 200
    assert len(lines) > 200 - PACKED_TOGETHER
    assert [each.segment for each in every(lines)] == list(range(1_000 - len(lines), 1_000))
    assert lines.dropped == 1_000 - len(lines)


def test_few_lines_are_dropped_one_by_one() -> None:
    lines = TranscriptLines(10)
    for number in range(25):
        lines.add(line(number))
    assert [each.segment for each in every(lines)] == list(range(15, 25))
    assert lines.dropped == 15


def test_a_copy_does_not_change_any_more() -> None:
    lines = TranscriptLines(200)
    for number in range(150):
        lines.add(line(number, "translated" if number == 149 else "spoken"))
    before = lines.copy()
    newest = lines.find("b", 149)
    assert newest
    newest.state = "spoken"
    for number in range(150, 400):
        lines.add(line(number))
    assert len(before) == 150
    assert every(before)[-1].state == "translated"
    assert before.dropped == 0


def test_two_thousand_lines_take_less_than_half_a_megabyte() -> None:
    """They took 2.2: an hour of fifty calls in which everybody talks added 110 MB."""
    gc.collect()
    tracemalloc.start()
    try:
        lines = TranscriptLines(2_000)
        for number in range(2_000):
            lines.add(line(number))
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(lines) == 2_000
    assert held < 500_000
