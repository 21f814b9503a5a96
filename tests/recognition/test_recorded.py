"""Sessions of a real recogniser that others recorded and published: each word counts once, also
where two passes that disagree about its time follow each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.paths import SHARED, needs_shared
from translink.providers.deepgram.protocol import Listen
from translink.recognition.timeline import Timeline
from translink.results import Result, Word

RECORDED = SHARED / "protocols" / "data" / "deepgram" / "recorded"
SESSIONS = ("auricle-keepalive-gap", "auricle-idle-1011", "puripuly-finalize", "puripuly-short")
BORDERS_APART = 320
"""Samples."""


def results(name: str) -> list[Result]:
    listen = Listen(0.0)
    for line in (RECORDED / f"{name}.jsonl").read_text().splitlines():
        if '"type"' in line:
            listen.receive(line, 1.0)
    return [event for event in listen.events() if isinstance(event, Result)]


def said(timeline: Timeline) -> list[str]:
    return [
        word.text for item in timeline.released() if isinstance(item, Result) for word in item.words
    ]


@needs_shared
@pytest.mark.parametrize("name", SESSIONS)
@pytest.mark.parametrize("twice", [False, True])
def test_each_word_of_a_real_session_counts_once(name: str, twice: bool) -> None:
    """A sentence that was said twice, too; and not a final that came twice."""
    timeline = Timeline(0)
    span = timeline.begin("stream")
    finals = [result for result in results(name) if result.final]
    for final in finals:
        for _ in range(1 + twice):
            assert timeline.result(span, final)
    words = said(timeline)
    assert words == [word.text for final in finals for word in final.words]
    assert name != "puripuly-finalize" or words.count("boat") == 2


def passes(name: str) -> Iterator[tuple[Result, Result]]:
    """An interim and the final of the same window, as far as both say the same."""
    interims: list[Result] = []
    for result in results(name):
        if not result.final:
            interims.append(result)
            continue
        for interim in interims:
            count = 0
            for one, other in zip(interim.words, result.words, strict=False):
                if one.text != other.text:
                    break
                count += 1
            if count > 1:
                yield cut(interim, interim.words[:count]), cut(result, result.words[:count])
        interims.clear()


def cut(result: Result, words: tuple[Word, ...]) -> Result:
    text = " ".join(word.text for word in words)
    return Result(result.start, words[-1].end, text, words, final=True)


@needs_shared
def test_wherever_one_pass_of_a_real_recogniser_follows_another_each_word_counts_once() -> None:
    seams = by_time = 0
    for interim, final in passes("auricle-keepalive-gap"):
        texts = [word.text for word in final.words]
        for first, second in ((interim, final), (final, interim)):
            for border in range(first.words[0].start + 1, first.words[-1].end, BORDERS_APART):
                timeline = Timeline(0)
                before = timeline.begin("prerecorded", border)
                after = timeline.begin("stream")
                timeline.result(before, first)
                timeline.done(before)
                timeline.result(after, second)
                assert said(timeline) == texts, border / 16
                seams += 1
                early = [w for w in first.words if (w.start + w.end) // 2 < border]
                late = [w for w in second.words if (w.start + w.end) // 2 >= border]
                by_time += [w.text for w in early + late] != texts
    assert seams > 500
    assert by_time > 10, "time alone would do, and this shows nothing"
