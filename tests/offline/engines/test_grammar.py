"""The phrasebook as a graph of words."""

from __future__ import annotations

from translink.offline.engines.grammar import Graph, Item, words_of

DIGITS: Item = {"some": [["one"], ["two"]]}
PHRASES: list[list[Item]] = [["good", "morning"], ["good", "night"], ["my", "number", "is", DIGITS]]


def test_whole_phrases_are_counted_and_half_ones_are_not() -> None:
    graph = Graph(PHRASES)
    for said, whole in (
        ("good morning", 2),
        ("good morning good", 2),
        ("good morning good night", 4),
        ("my number is", 0),
        ("my number is two one one", 6),
        ("morning good", 0),
    ):
        assert graph.whole(said.split()) == whole


def test_branches_of_a_state_share_its_probability() -> None:
    after_good = [arc for arc in Graph(PHRASES).arcs if arc[3:] in (("morning",), ("night",))]
    assert [arc[2] for arc in after_good] == [0.5, 0.5]


def test_every_word_of_a_phrase_is_known() -> None:
    assert words_of(PHRASES[2]) == ["my", "number", "is", "one", "two"]
