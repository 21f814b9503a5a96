"""Translations that are counted, and whose words a request has."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink.sim.talk.chords import WRONG_NUMBER, find_chords
from translink.sim.talk.engines import (
    TalkObservations,
    TalkTranslator,
    language_of,
    place_of,
    said,
    talk_of,
)
from translink.sim.talk.spelling import numbers_in, spelled
from translink.sim.talk.words import TalkWord, TimedTalk, load_talks

TEXT = "So, Maria is planned for when, Nora? Yeah. And it's third quarter. Yeah. We go on"
TALK = TimedTalk(
    "t", tuple(TalkWord(w, n * 0.4, n * 0.4 + 0.3) for n, w in enumerate(TEXT.split()))
)


@given(st.lists(st.text("abcdefg.,", min_size=1, max_size=12), min_size=1, max_size=30), st.data())
def test_each_word_of_a_translation_has_its_number(words: list[str], data: st.DataObject) -> None:
    numbers = data.draw(
        st.lists(st.integers(0, WRONG_NUMBER), min_size=len(words), max_size=len(words))
    )
    found = numbers_in(spelled(words, numbers, 1.25))
    assert [number for _, number in found] == numbers


@pytest.mark.parametrize("longer", [1.0, 1.25, 1.6])
def test_a_translation_is_as_long_as_asked(longer: float) -> None:
    text = "Good afternoon, everyone, and welcome to our yearly conference on bridges."
    words = text.split()
    text = spelled(words, list(range(len(words))), longer)
    assert abs(len(text) / len(" ".join(words)) - longer) < 0.05
    assert [w[-1] for w in text.split() if not w[-1].isalnum()] == [",", ",", "."]


def test_every_direction_has_a_language() -> None:
    assert [talk_of(language_of(talk)) for talk in (0, 25, 26, 511)] == [0, 25, 26, 511]
    assert talk_of("EN") is talk_of("fr") is None


async def test_words_are_found_in_the_talk_and_others_have_no_number() -> None:
    observed = TalkObservations()
    translator = TalkTranslator([TALK], observed, 1.0, 1)
    for text in ("So, Maria is planned", "for when, Sarah? Yeah.", "And it's third quarter. Yeah."):
        await translator.translate(text, "en", "qaa")
    asked = [each.numbers for each in observed.translations]
    assert asked == [[0, 1, 2, 3], [4, 5, WRONG_NUMBER, 7], [8, 9, 10, 11, 12]]
    await translator.translate("So, Maria is planned", "en", "qaa")
    assert observed.translations[-1].numbers == [0, 1, 2, 3], "asked again is known again"


def test_of_equal_places_the_nearest_is_taken() -> None:
    words = ["yes", "no", "yes", "no", "yes"]
    assert place_of(["yes"], words, 3) in (2, 4)
    assert place_of(["yes", "no"], words, 2) == 2
    assert place_of(["maybe"], words, 0) is None


def test_the_voice_says_seventeen_characters_a_second() -> None:
    words = spelled(TEXT.split(), range(len(TALK.words)), 1.25).split()
    sound = b"".join(said(word, number) for number, word in enumerate(words))
    assert abs(len(sound) / 32_000 - (len(" ".join(words)) + 1) / 17) < 0.01
    assert [word.number for word in find_chords(sound)] == list(range(len(words)))


def test_a_file_that_holds_no_talk_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    for text in ("{}", "[]", "nonsense", '{"talks": {"A": [["a", "x", 2, false]]}}'):
        path.write_text(text)
        with pytest.raises(ValueError, match="should be"):
            load_talks(path)
    path.write_text('{"talks": {"A": [["uh", 1, 2, true]]}}')
    with pytest.raises(ValueError, match="nobody says anything"):
        load_talks(path)


def test_what_overlaps_begins_where_the_word_before_ended(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text('{"talks": {"A": [["a", 1, 2, false], ["b", 1.5, 2.5, false]], "B": []}}')
    [talk] = load_talks(path)
    assert [(word.start, word.end) for word in talk.words] == [(1, 2), (2, 2.5)]
    with pytest.raises(ValueError, match="nobody"):
        load_talks(path, seconds=1)
