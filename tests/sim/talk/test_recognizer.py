"""The recogniser's model beside what a recorded session did (`../shared/talks/nova-interims.json`)."""

from __future__ import annotations

import json
import random
from bisect import bisect_left
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any

import pytest

from tests.support.paths import ROOT
from translink.offline.messages import Json
from translink.offline.session import (
    Finish,
    ListenSession,
    Partial,
    Say,
    SessionAudio,
    SessionOptions,
)
from translink.sim.talk.marks import Mark, mark_of, marked
from translink.sim.talk.mouth import TalkMouth, sound
from translink.sim.talk.recognizer import GIVES_UP, NOVA_TIMING, WRONG_BY_AGE, TalkRecognizer
from translink.sim.talk.words import TalkWord, TimedTalk

NOVA = ROOT.parent / "shared" / "talks" / "nova-interims.json"
RECORDED: dict[str, Any] = {
    "interim_step_s": {"p50": 1.008, "p90": 1.68},
    "interims_that_change_a_word_of_the_one_before": 0.22,
    "final_window_s": {"p10": 3.38, "p50": 4.22, "p90": 4.97},
    "wrong_share_by_age_of_word_end_behind_window_s": {
        "<=0.05": [54, 0.3], "<=0.2": [17, 0.18], "<=0.5": [33, 0.15], "<=1": [76, 0.09],
        "<=2": [111, 0.04], ">2": [108, 0.0],
    },
}  # fmt: skip


def talk(seed: int, seconds: float) -> TimedTalk:
    """About 160 words a minute in breaths of some 2 to 9 s."""
    words: list[TalkWord] = []
    chance, at = random.Random(seed), 1.0
    while at < seconds:
        for _ in range(chance.randint(5, 25)):
            length = chance.uniform(0.12, 0.5)
            words.append(TalkWord(f"w{len(words)}", at, at + length))
            at += length + (chance.uniform(0.05, 0.2) if chance.random() < 0.15 else 0.0)
        at += chance.uniform(0.35, 1.0)
    return TimedTalk("made", tuple(words))


@dataclass
class StreamSession:
    """What one stream said."""

    interims: list[float] = field(default_factory=list)
    ages: list[tuple[float, bool]] = field(default_factory=list)
    """Of each word of an interim, and whether it was right."""
    finals: list[dict[str, Any]] = field(default_factory=list)
    changes: list[bool] = field(default_factory=list)
    """Whether an interim changed a word of the one before."""


async def listen(
    spoken: TimedTalk, seed: int, *, finalize_every: int | None = None, start: int = 0
) -> StreamSession:
    """Drive the offline session over the recogniser as the server does."""
    heard = StreamSession()
    recognizer = TalkRecognizer([spoken], random.Random(seed), lambda *_: None)
    options = SessionOptions(
        interim_results=True, endpointing=0.3, utterance_end=1.0, punctuate=True
    )
    session = ListenSession(options, NOVA_TIMING, {})
    mouth = TalkMouth(spoken, 0, sound(spoken))
    before: dict[int, str] = {}
    ends = [word.end for word in spoken.words]

    async def perform(steps: Any) -> None:
        nonlocal before
        for step in steps:
            messages: list[Json] = []
            match step:
                case SessionAudio(pcm):
                    await recognizer.feed(pcm)
                case Partial():
                    words = await recognizer.partial()
                    messages = session.interim(step, words)
                    numbers = [bisect_left(ends, w.start + start * 0.02 + 0.001) for w in words]
                    now = {n: w.text for n, w in zip(numbers, words, strict=True)}
                    known = set(now) & set(before)
                    heard.changes.append(any(now[n] != before[n] for n in known))
                    heard.ages += [
                        (step.end - w.end, spoken.words[n].text == w.text)
                        for n, w in zip(numbers, words, strict=True)
                    ]
                    heard.interims.append(step.end)
                    before = now
                case Finish():
                    messages = session.final(step, await recognizer.finish())
                    before = {}
                case Say():
                    pass
            heard.finals += [dict(m) for m in messages if isinstance(m, dict) and m["is_final"]]

    for frame in range(round((spoken.seconds + 2) * 50)):
        pcm, _ = mouth.frame()
        if frame < start:
            continue
        await perform(session.audio(pcm))
        if finalize_every and frame % finalize_every == 0:
            await perform(session.finalize())
    await perform(session.end())
    return heard


def texts(session: StreamSession) -> list[str]:
    return [w["punctuated_word"] for final in session.finals for w in words_of(final)]


def words_of(final: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = final["channel"]["alternatives"][0]["words"]
    return found


def test_the_recorded_figures_are_those_of_the_file() -> None:
    if not NOVA.exists():
        pytest.skip("no ../shared/talks here: the figures above are compared with nothing")
    nova = json.loads(NOVA.read_text())
    assert {key: nova[key] for key in RECORDED} == RECORDED


@pytest.mark.timeout(240)
async def test_interims_are_revised_and_finals_are_as_long_as_recorded() -> None:
    sessions = [await listen(talk(seed, 240), seed) for seed in range(3)]
    steps = [b - a for s in sessions for a, b in zip(s.interims, s.interims[1:], strict=False)]
    tenths = quantiles(steps, n=10)
    assert abs(tenths[4] - RECORDED["interim_step_s"]["p50"]) < 0.1
    assert abs(tenths[8] - RECORDED["interim_step_s"]["p90"]) < 0.5
    changes = [change for session in sessions for change in session.changes]
    share = sum(changes) / len(changes)
    assert abs(share - RECORDED["interims_that_change_a_word_of_the_one_before"]) < 0.08
    ages = [age for session in sessions for age in session.ages]
    low = -1.0
    for limit, wanted in (*WRONG_BY_AGE, (1e9, 0.0)):
        wrong = [not right for age, right in ages if low < age <= limit]
        assert len(wrong) > 30
        assert abs(sum(wrong) / len(wrong) - wanted) < 0.06, limit
        low = limit
    windows = [
        float(final["duration"]) for s in sessions for final in s.finals
        if not final["speech_final"] and words_of(final)
    ]  # fmt: skip
    tenths = quantiles(windows, n=10)
    for place, key in ((0, "p10"), (4, "p50"), (8, "p90")):
        assert abs(tenths[place] - RECORDED["final_window_s"][key]) < 0.8, key


@pytest.mark.parametrize("finalize_every", [None, 73])
async def test_finals_hold_every_word_once_and_never_a_wrong_one(
    finalize_every: int | None,
) -> None:
    spoken = talk(4, 90)
    session = await listen(spoken, 4, finalize_every=finalize_every)
    assert texts(session) == [word.text for word in spoken.words]
    answers = [final for final in session.finals if final["from_finalize"]]
    assert bool(answers) is bool(finalize_every)
    ends = [float(f["start"]) + float(f["duration"]) for f in session.finals]
    starts = [float(f["start"]) for f in session.finals]
    assert starts == pytest.approx([0.0, *ends[:-1]], abs=1e-3)
    for final, end in zip(session.finals, ends, strict=True):
        assert all(
            float(final["start"]) - 0.01 <= word["start"] <= word["end"] <= end + 0.01
            for word in words_of(final)
        )


async def test_a_stream_that_begins_in_mid_talk_knows_where_it_is() -> None:
    spoken = talk(5, 30)
    session = await listen(spoken, 5, start=500)
    assert texts(session) == [word.text for word in spoken.words if word.start >= 10.0]


@pytest.mark.parametrize("cut", [0, 2, 200, 638])
async def test_a_recording_has_every_word_that_lies_in_it(cut: int) -> None:
    spoken = talk(6, 30)
    mouth = TalkMouth(spoken, 0, sound(spoken))
    pcm = b"".join(mouth.frame()[0] for _ in range(900))
    begin, end = 500 * 640 + cut, 800 * 640 + cut
    recognizer = TalkRecognizer([spoken], random.Random(6), lambda *_: None)
    await recognizer.feed(pcm[begin:end])
    heard = [word.text for word in await recognizer.finish()]
    whole = (
        word.text
        for word in spoken.words
        if word.start >= begin / 32_000 and word.end < end / 32_000
    )
    assert heard == list(whole)


def test_a_mark_is_read_as_it_was_written_and_nowhere_else() -> None:
    chance = random.Random(1)
    for _ in range(200):
        mark = Mark(chance.randrange(1 << 10), chance.randrange(1 << 18))
        frame = marked(chance.randbytes(640), mark)
        assert mark_of(frame) == mark
        assert mark_of(frame[2:]) is None
    assert mark_of(bytes(640)) is None


def test_how_much_a_final_gives_up_is_as_recorded() -> None:
    median, sigma = GIVES_UP
    chance = random.Random(2)
    drawn = [median * chance.lognormvariate(0, sigma) for _ in range(20_000)]
    tenths = quantiles(drawn, n=10)
    assert tenths[4] == pytest.approx(0.096, rel=0.1)
    assert tenths[8] == pytest.approx(1.43, rel=0.15)
