"""The phrasebook: lookup, slots, near misses, files of one's own."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink.callers.dialogue import DIALOGUE
from translink.offline.engines.phrasebook import (
    BOOK_LANGUAGES,
    PHRASE_LANGUAGES,
    Phrasebook,
    PhrasebookError,
    load,
    normal,
    spans_of,
)


@pytest.fixture(scope="module")
def book() -> Phrasebook:
    return load()


def test_the_built_in_book_has_some_hundred_phrases_both_ways(book: Phrasebook) -> None:
    assert len(book.entries) >= 300
    for entry in book.entries:
        for code in BOOK_LANGUAGES:
            assert entry.texts[code]
    assert sum(set(entry.texts) == set(PHRASE_LANGUAGES) for entry in book.entries) >= 25


def test_a_short_call_is_in_five_languages_each_into_each(book: Phrasebook) -> None:
    for source, target in itertools.permutations(PHRASE_LANGUAGES, 2):
        for answers in (False, True):
            texts, others = (
                [exchange[answers] for exchange in DIALOGUE[code]] for code in (source, target)
            )
            made = [book.translate(text, source, target) for text in texts]
            assert None not in made, (source, target)
            if target not in BOOK_LANGUAGES:
                assert made == others, "as their own callers say it"
    assert book.translate("Where is Paul?", "en", "de") is None


def test_lines_of_five_languages_join_those_of_two(tmp_path: Path) -> None:
    file = tmp_path / "mine.tsv"
    file.write_text(
        "Yes. | Yeah.\tOui.\n@languages en de\nYeah.\tJa.\nNo.\tNein.\n@night Monday\tMontag\n"
    )
    mine = load(file)
    assert len(mine.entries) == 2
    assert mine.translate("oui", "fr", "de") == "Ja."
    assert mine.translate("Nein!", "de", "en") == "No."
    assert mine.translate("no", "en", "fr") is None
    assert mine.slot_values("night", "fr") == []
    assert mine.slot_values("night", "de") == ["Montag"]


def test_what_is_written_in_the_book_is_found_in_the_book(book: Phrasebook) -> None:
    for source, target in (("en", "fr"), ("fr", "en")):
        for wording in book.wordings(source):
            if "{" not in wording:
                assert book.translate(wording, source, target), wording


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("hello", "Bonjour."),
        ("How much does it cost?", "Combien ça coûte ?"),
        ("i am available on friday", "Je suis disponible vendredi."),
        ("My number is zero one two.", "Mon numéro est le zéro un deux."),
        ("It costs 45 euros.", "Cela coûte 45 euros."),
        ("The meeting is at half past nine", "La réunion est à neuf heures et demie."),
    ],
)
def test_english_is_found(book: Phrasebook, english: str, french: str) -> None:
    assert book.translate(english, "en", "fr") == french


@pytest.mark.parametrize(
    ("french", "english"),
    [
        ("comment allez vous", "How are you?"),
        ("Quel jour vous convient ?", "What day suits you?"),
        ("Cela coûte vingt euros.", "It costs twenty euros."),
        ("Lundi me convient.", "Monday is fine."),
    ],
)
def test_french_is_found(book: Phrasebook, french: str, english: str) -> None:
    assert book.translate(french, "fr", "en") == english


def test_a_slip_of_the_tongue_is_forgiven_but_no_other_number(book: Phrasebook) -> None:
    assert book.translate("I would like make an appointment", "en", "fr")
    assert book.translate("A room for three people", "en", "fr") is None
    assert book.translate("I am not available", "en", "fr") != book.translate(
        "I am available on monday", "en", "fr"
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("en", "It is impossible."),
        ("en", "That is incorrect."),
        ("en", "I am unsure."),
        ("en", "I am uncertain."),
        ("en", "It is unimportant."),
        ("en", "My name is Mark."),
        ("en", "She is in a meeting."),
        ("en", "I lost my car."),
        ("en", "It is old."),
        ("en", "Is the light off?"),
        ("en", "I am looking for your file."),
        ("en", "You are available tomorrow."),
        ("fr", "Nous sommes ouverts le dimanche."),
        ("fr", "Je m'appelle Maria."),
        ("fr", "Je m'appelle Jean."),
        ("fr", "J'appelle à Paris."),
    ],
)
def test_what_is_written_almost_alike_and_means_something_else_is_not_in_the_book(
    book: Phrasebook, source: str, text: str
) -> None:
    assert book.translate(text, source, {"en": "fr", "fr": "en"}[source]) is None


def test_phrases_in_one_breath_are_taken_apart(book: Phrasebook) -> None:
    words = ["hello", "how", "are", "you", "today", "thank", "you", "goodbye"]
    assert book.split(words, "en") == ["Hello.", "How are you today?", "Thank you, goodbye."]
    assert book.split(["hello", "purple", "elephants"], "en") is None


def test_a_users_file_stands_alone_or_extends_ours(tmp_path: Path) -> None:
    file = tmp_path / "mine.tsv"
    file.write_text("# mine\nGoodbye.\tCiao.\n")
    assert len(load(file).entries) == 1
    file.write_text("@builtin\nGoodbye.\tCiao.\n")
    extended = load(file)
    assert extended.translate("goodbye", "en", "fr") == "Ciao."
    assert extended.translate("hello", "en", "fr") == "Bonjour."


@pytest.mark.parametrize(
    "line",
    [
        "one side only",
        "a\tb\tc",
        "On {weekday}.\tLe {weekday}.",
        "@languages en",
        "@languages en xx",
        "@languages en de fr\nYes.\tJa.",
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "mine.tsv"
    file.write_text(f"Yes.\tOui.\n{line}\n")
    with pytest.raises(PhrasebookError, match=r"mine\.tsv"):
        load(file)


@given(st.lists(st.sampled_from(["ab", "b", "abc", "c"]), max_size=8))
def test_spans_cover_all_words_once(words: list[str]) -> None:
    spans = spans_of(words, lambda key: key in {"ab", "b", "abc c", "c", "ab b"})
    if spans is None:
        assert "abc" in words
        return
    assert [w for start, end in spans for w in words[start:end]] == words


@given(st.text())
def test_any_text_can_be_looked_up(text: str) -> None:
    assert normal(normal(text)) == normal(text)
    load_once().translate(text, "en", "fr")


_BOOK: list[Phrasebook] = []


def load_once() -> Phrasebook:
    if not _BOOK:
        _BOOK.append(load())
    return _BOOK[0]
