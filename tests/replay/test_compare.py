"""Two transcripts of one call: what counts as the same word, and where they part."""

from __future__ import annotations

from translink.replay.compare import MOST_SHOWN, ComparedSegment, Difference, compare_legs


def line(
    text: str, start: float = 0.0, *, translation: str = "x", delay: float = 1.0
) -> ComparedSegment:
    return ComparedSegment(start, start + 2.0, text, translation, start + 2.0 + delay)


def test_case_and_punctuation_and_how_it_was_cut_do_not_count() -> None:
    then = [line("Good morning, Anna.", 0.0), line("It's half past nine!", 3.0)]
    now = [line("good morning anna it's", 0.0), line("half past nine.", 4.0)]
    found = compare_legs("1", then, now)
    assert (found.said.then, found.said.now, found.said.same) == (7, 7, 7)
    assert found.said.differences == ()
    assert found.same


def test_each_difference_is_shown_with_its_second() -> None:
    then = [line("one two three four", 10.0), line("five six", 20.0)]
    now = [line("one too three four", 10.0), line("extra five", 20.0)]
    found = compare_legs("1", then, now)
    assert found.said.differences == (
        Difference(10.5, "two", "too"),
        Difference(20.0, "", "extra"),
        Difference(21.0, "six", ""),
    )
    assert not found.same


def test_another_translation_is_a_difference_too() -> None:
    found = compare_legs("1", [line("a", translation="oui")], [line("a", translation="ouais")])
    assert found.said.same == 1
    assert [each.then for each in found.translated.differences] == ["oui"]
    assert not found.same


def test_times_of_words_and_delays_are_compared() -> None:
    then = [line(f"w{n}", 5.0 * n, delay=1.0) for n in range(20)]
    now = [line(f"w{n}", 5.0 * n + 0.1 + (n == 7), delay=0.5) for n in range(20)]
    found = compare_legs("1", then, now)
    assert (found.said.shift_p50_s, found.said.shift_max_s) == (0.1, 1.1)
    assert (found.delay.then_p50_s, found.delay.now_p50_s) == (1.0, 0.5)
    assert found.same


def test_scripts_without_spaces_are_compared_by_character() -> None:
    found = compare_legs("1", [line("今日は良い天気です")], [line("今日は悪い天気です。")])
    assert [(each.then, each.now) for each in found.said.differences] == [("良", "悪")]


def test_nothing_at_all_is_the_same_as_nothing() -> None:
    found = compare_legs("1", [], [])
    assert found.same
    assert found.delay.then_p50_s is None


def test_a_call_that_has_nothing_in_common_is_counted_and_cut() -> None:
    then = [line(f"a{n} same{n}", n) for n in range(500)]
    now = [line(f"b{n} same{n}", n) for n in range(500)]
    found = compare_legs("1", then, now)
    assert len(found.said.differences) == MOST_SHOWN
    assert found.said.unshown == 500 - MOST_SHOWN
