"""The speech map against a naive model that keeps every frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from translink.recognition.speech_map import SpeechMap, Talk
from translink.results import FRAME, RATE

HOLE = 0xFFFF


@dataclass
class Model:
    """Frame by frame: (speech, rms, captured)."""

    begin: int
    kept: int
    """Frames the map remembers."""
    frames: list[tuple[bool, int, int]] = field(default_factory=list)

    @property
    def head(self) -> int:
        return self.begin + len(self.frames) * FRAME

    @property
    def oldest(self) -> int:
        return max(self.begin, self.head - self.kept * FRAME)

    def at(self, sample: int) -> tuple[bool, int, int]:
        return self.frames[(sample - self.begin) // FRAME]

    def silences(self, start: int) -> list[tuple[int, int]]:
        """Maximal silent stretches, clipped to [start, head)."""
        found: list[tuple[int, int]] = []
        for sample in range(self.begin, self.head, FRAME):
            if self.at(sample)[0] or sample + FRAME <= start:
                continue
            first = max(sample, start)
            if found and found[-1][1] == first:
                found[-1] = (found[-1][0], sample + FRAME)
            else:
                found.append((first, sample + FRAME))
        return found

    def spoken(self, start: int, end: int) -> int:
        return sum(
            max(0, min(at + FRAME, end) - max(at, start))
            for at in range(self.begin, self.head, FRAME)
            if self.at(at)[0]
        )

    def pause_after(self, start: int, least: int) -> int | None:
        for first, last in self.silences(self.begin):
            if last - first >= least and self.spoken(start, first):
                return first + least // 2 if last == self.head else (first + last) // 2
        return None

    def last_pause(self, start: int, least: int) -> int | None:
        good = [(a, b) for a, b in self.silences(start) if b - a >= least]
        return (good[-1][0] + good[-1][1]) // 2 if good else None


@st.composite
def talks(draw: st.DrawFn) -> tuple[SpeechMap, Model]:
    """A map and a model that were given the same: runs of speech and silence, with holes."""
    begin = draw(st.integers(0, 200)) * FRAME
    kept = draw(st.integers(5, 60))
    speech_map, model = SpeechMap(begin, kept * FRAME / RATE), Model(begin, kept)
    runs = st.tuples(st.booleans(), st.integers(1, 25), st.sampled_from([0, 0, 0, 1, 7]))
    clock = 1_000
    for speech, length, hole in draw(st.lists(runs, min_size=draw(st.integers(0, 8)), max_size=12)):
        for number in range(length):
            clock += 20
            if number == 0:
                model.frames += [(True, HOLE, clock)] * hole
            rms = draw(st.integers(0, 40))
            speech_map.frame(model.head, speech=speech, rms=rms, captured=clock)
            model.frames.append((speech, rms, clock))
    return speech_map, model


pairs = talks()


@given(pairs, st.data())
def test_it_remembers_what_the_model_does(
    both: tuple[SpeechMap, Model], data: st.DataObject
) -> None:
    speech_map, model = both
    assert speech_map.head == model.head
    start = data.draw(st.integers(model.begin, model.head))
    end = data.draw(st.integers(start, model.head + 2 * FRAME))
    assert speech_map.spoken(start, end) == model.spoken(start, end)
    talk = speech_map.speech_in(start, end)
    assert (talk is None) == (model.spoken(start, end) == 0)
    if talk is not None:
        assert start <= talk.start < talk.end <= end
        assert model.spoken(start, talk.start) == model.spoken(talk.end, end) == 0
        assert model.at(talk.start)[0]
        assert model.at(talk.end - 1)[0]


@settings(max_examples=300)
@given(pairs, st.data(), st.integers(1, 12 * FRAME))
def test_pauses_are_where_the_model_finds_them(
    both: tuple[SpeechMap, Model], data: st.DataObject, least: int
) -> None:
    speech_map, model = both
    start = data.draw(st.just(model.begin) | st.integers(model.begin, model.head))
    assert speech_map.pause_after(start, least) == model.pause_after(start, least)
    assert speech_map.last_pause(start, least) == model.last_pause(start, least)


@given(pairs)
def test_silence_lasts_since_the_last_speech(both: tuple[SpeechMap, Model]) -> None:
    speech_map, model = both
    silences = model.silences(model.begin)
    quiet = silences[-1][1] - silences[-1][0] if silences and not model.frames[-1][0] else 0
    if quiet <= model.kept * FRAME:
        assert speech_map.quiet_for() == quiet
    else:
        assert speech_map.quiet_for() >= model.kept * FRAME


@given(pairs, st.data())
def test_the_quietest_frame_is_the_newest_of_the_quietest(
    both: tuple[SpeechMap, Model], data: st.DataObject
) -> None:
    speech_map, model = both
    start = data.draw(st.integers(model.begin, model.head))
    end = data.draw(st.integers(start, model.head))
    whole = [
        at for at in range(model.begin, model.head, FRAME) if max(start, model.oldest) <= at < end
    ]
    at = speech_map.quietest(start, end)
    if whole:
        least = min(model.at(each)[1] for each in whole)
        assert at == max(each for each in whole if model.at(each)[1] == least)
    else:
        assert at % FRAME == 0


@given(pairs, st.data())
def test_every_remembered_sample_knows_when_it_was_captured(
    both: tuple[SpeechMap, Model], data: st.DataObject
) -> None:
    speech_map, model = both
    sample = data.draw(st.integers(0, model.head + FRAME))
    if model.oldest < sample <= model.head:
        assert speech_map.captured(sample) == model.at(sample - 1)[2] / 1e9
    else:
        assert speech_map.captured(sample) == 0.0


def frames(speech_map: SpeechMap, count: int, *, speech: bool = False, rms: int = 0) -> None:
    for _ in range(count):
        speech_map.frame(speech_map.head, speech=speech, rms=rms, captured=1)


def test_a_hole_counts_as_speech_and_is_never_the_place_for_a_cut() -> None:
    speech_map = SpeechMap(0)
    frames(speech_map, 2)
    speech_map.frame(5 * FRAME, speech=False, rms=0, captured=1)
    assert speech_map.speech_in(0, 6 * FRAME) == Talk(2 * FRAME, 5 * FRAME)
    assert speech_map.quietest(2 * FRAME, 5 * FRAME) == 4 * FRAME, "all equally bad"
    assert speech_map.quietest(0, 5 * FRAME) == FRAME


def test_that_somebody_spoke_is_known_for_ten_minutes_longer_than_the_ledger_lasts() -> None:
    speech_map = SpeechMap(0, seconds=1.0)
    frames(speech_map, 10, speech=True)
    frames(speech_map, 600 * 50)
    assert speech_map.speech_in(0, speech_map.head) is not None
    frames(speech_map, 1)
    assert speech_map.speech_in(0, speech_map.head) is None


def test_an_endless_monologue_is_one_talk() -> None:
    speech_map = SpeechMap(0, seconds=2.0)
    frames(speech_map, 1000, speech=True)
    assert speech_map.spoken(0, speech_map.head) == 1000 * FRAME
    assert speech_map.pause_after(0, FRAME) is None
    assert speech_map.last_pause(0, FRAME) is None


@pytest.mark.parametrize("least", [FRAME, 5 * FRAME])
def test_the_silence_before_the_first_word_is_no_pause_after_speech(least: int) -> None:
    speech_map = SpeechMap(0)
    frames(speech_map, 20)
    frames(speech_map, 3, speech=True)
    assert speech_map.pause_after(0, least) is None
    frames(speech_map, 5)
    assert speech_map.pause_after(0, least) == 23 * FRAME + least // 2


def test_a_pause_between_two_talks_is_cut_in_its_middle() -> None:
    speech_map = SpeechMap(0)
    frames(speech_map, 5, speech=True)
    frames(speech_map, 10)
    frames(speech_map, 5, speech=True)
    assert speech_map.pause_after(0, 10 * FRAME) == 10 * FRAME
    assert speech_map.pause_after(0, 11 * FRAME) is None
    assert speech_map.last_pause(0, 10 * FRAME) == 10 * FRAME
    assert speech_map.last_pause(8 * FRAME, 7 * FRAME) == (8 + 15) * FRAME // 2
