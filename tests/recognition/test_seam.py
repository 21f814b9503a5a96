"""Where one recogniser follows another: each word that both heard counts once."""

from __future__ import annotations

import pytest

from translink.recognition.seam import (
    SEAM_PAUSE,
    SEAM_REACH,
    UNKNOWN,
    WORD_MARGIN,
    Seam,
    heard_from,
    heard_until,
    known_from,
    new_words,
)
from translink.recognition.speech_map import SpeechMap
from translink.results import FRAME, RATE, Word

BORDER = 10 * RATE


def at(seconds: float) -> int:
    return round(seconds * RATE)


def words(text: str, start: float, each: float = 0.2) -> list[Word]:
    """Words that abut."""
    return [
        Word(word, at(start + place * each), at(start + (place + 1) * each))
        for place, word in enumerate(text.split())
    ]


def new(counted: str, left: str, later: str, moved: float = 0.0) -> str:
    """What counts of `later`, which begins 0.6 s before the border like `counted`."""
    known = known_from(words(counted, 9.4), words(left, 9.4 + 0.2 * len(counted.split())), BORDER)
    return " ".join(word.text for word in new_words(known, words(later, 9.4 + moved), BORDER)[0])


@pytest.mark.parametrize("moved", [-0.24, -0.1, 0.0, 0.1, 0.24])
def test_however_word_times_have_moved_each_word_counts_once(moved: float) -> None:
    assert new("we go to", "", "we go to the park", moved) == "the park"
    assert new("we go to the", "", "we go to the park", moved) == "park"
    assert new("we go", "to the", "we go to the park", moved) == "to the park"


def test_of_words_that_repeat_themselves_as_many_count_as_were_said() -> None:
    assert new("no no no", "", "no no no no no") == "no no"
    assert new("no no no", "", "no no no no no", moved=0.08) == "no no"


def test_half_a_word_and_another_reading_of_one_are_not_new() -> None:
    assert new("we go translation", "", "slation and more", moved=0.45) == "and more"
    assert new("the whole day", "", "the hole day long") == "long"


def test_without_anything_in_common_time_decides() -> None:
    assert new("", "", "one two three four five") == "three four five"
    assert [w.text for w in Seam().own(words("one", 3.0))] == ["one"]


def test_a_word_that_was_left_to_one_who_never_heard_it_counts() -> None:
    left = [Word("end", BORDER - 1600, BORDER + 2000)]
    seam = Seam(BORDER, known_from([], left, BORDER))
    assert seam.alone(BORDER, ()) == []
    assert seam.alone(BORDER + RATE, ()) == left
    assert seam.alone(BORDER + RATE, ()) == [], "once"


def test_what_was_left_far_behind_the_border_is_the_later_ones_to_say() -> None:
    left = [Word("far", BORDER + RATE // 2, BORDER + RATE)]
    assert Seam(BORDER, known_from([], left, BORDER)).alone(BORDER + 3 * RATE, ()) == []


def test_a_word_is_not_waited_for_once_a_later_one_that_both_heard_was_said() -> None:
    """Else it would come behind that one."""
    left = words("sixty nine", 9.95)
    seam = Seam(BORDER, known_from([], left, BORDER))
    later = words("nine", 10.15)
    assert list(seam.own(later, BORDER)) == later
    assert seam.alone(at(10.4), later) == left[:1]


def test_a_word_in_what_the_later_one_left_out_at_its_beginning_counts() -> None:
    left = words("eight nine", 10.06, each=0.25)
    for start, alone in ((10.0, []), (10.12, left[:1])):
        seam = Seam(BORDER, known_from([], left, BORDER))
        later = words("nine", 10.31)
        assert list(seam.own(later, at(start))) == later
        assert seam.alone(at(11.0), later) == alone


def speech(*talks: tuple[float, float]) -> SpeechMap:
    heard = SpeechMap(0)
    for start in range(0, 12 * RATE, FRAME):
        spoken = any(at(a) <= start < at(b) for a, b in talks)
        heard.frame(start, spoken, 1000 if spoken else 1, 1)
    return heard


def test_who_takes_over_in_silence_hears_no_more_than_usual() -> None:
    least = at(0.4)
    assert heard_from(BORDER, least, [], speech()) == BORDER - least
    assert heard_from(BORDER, least, [], speech((8.0, 9.7))) == at(9.7), "no half word"


def test_who_takes_over_in_mid_talk_hears_the_last_word_whole() -> None:
    talking, least = speech((8.0, 11.0)), at(0.4)
    assert heard_from(BORDER, least, [], talking) == BORDER - UNKNOWN
    short, long = Word("a", at(9.9), BORDER), Word("b", at(9.3), BORDER)
    assert heard_from(BORDER, least, [short], talking) == BORDER - least
    assert heard_from(BORDER, least, [long], talking) == at(9.3) - WORD_MARGIN
    assert heard_from(BORDER, least, [Word("c", at(8.1), BORDER)], talking) == BORDER - SEAM_REACH


def test_a_piece_ends_before_the_next_word_begins_behind_a_pause() -> None:
    least = at(0.4)
    assert heard_until(BORDER, least, speech((8.0, 10.0))) == BORDER + least
    assert heard_until(BORDER, least, speech((8.0, 10.0), (10.3, 11.0))) == at(10.15)
    tight = speech((8.0, 10.0), (10.1, 11.0))
    assert heard_until(BORDER, least, tight) == BORDER + least
    assert at(0.1) < SEAM_PAUSE
