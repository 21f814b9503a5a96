"""Where the seconds of an ear-voice span went."""

from __future__ import annotations

import pytest

from translink.sim.talk.engines import CommittedWords, TranslationRequest, VoiceRequest
from translink.sim.talk.measure import HeardTalk, measure
from translink.sim.talk.split import means, spans


def test_the_parts_of_an_ear_voice_span_add_up_to_it() -> None:
    asked = [TranslationRequest(0, 2.0, [0, 1], "and so,", took=0.2)]
    voices = [VoiceRequest(0, 2.3, [0, 1], first_sound=0.4)]
    finals = [CommittedWords(0, 1.5, 0, 2)]
    way = HeardTalk({0: 0.0, 1: 1.0}, [(0, 3.0), (1, 3.5)], [], asked, voices, finals)
    figures = measure([way], 0.1, 0.25)
    assert figures.evs_mean["providers"] == pytest.approx(
        {"recognised": 1.25, "translated": 0.2, "voiced": 0.4}
    )
    assert figures.evs_mean["ours"] == pytest.approx({"held": 0.25, "in_turn": 0.1, "queued": 0.3})
    assert figures.evs_mean["said"] == pytest.approx({"said": 0.25})
    assert sum(sum(each.values()) for each in figures.evs_mean.values()) == pytest.approx(2.75)
    assert figures.clause_to_sound["p50"] == pytest.approx(2.0)


def test_a_word_of_which_one_end_is_not_known_is_left_out() -> None:
    way = HeardTalk({0: 0.0}, [(0, 3.0)], [], [TranslationRequest(0, 2.0, [0], "so")])
    assert spans(way, {0: 3.0}, 0.25) == []
    assert means([]) == {}
