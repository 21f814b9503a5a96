"""How many key terms there may be, counted before they are sent to anybody."""

from __future__ import annotations

import pytest

from translink.text.keyterms import MOST_TOKENS, clean_terms, count_tokens, joined


@pytest.mark.parametrize(
    ("term", "tokens"),
    [
        ("Deepgram", 5),
        ("customer service", 9),
        ("iPhone", 5),
        ("DLH6YW", 7),
        ("0171", 5),
        ("zéro six", 7),
        ("Łódź", 8),
        ("東京", 7),
        ("a@b.de", 6),
    ],
)
def test_a_term_counts_as_more_tokens_the_rarer_its_characters_are(term: str, tokens: int) -> None:
    assert count_tokens([term]) == tokens


def test_a_hundred_common_names_fit_and_a_hundred_call_signs_do_not() -> None:
    # 60 call signs, 40 points of five capitals and 70 airlines are known to have been refused.
    assert count_tokens(["Hoffmann"] * 100) <= MOST_TOKENS
    assert count_tokens([f"RYR{number}AB" for number in range(100, 200)]) > MOST_TOKENS


def test_terms_come_out_once_each_with_even_spaces() -> None:
    assert clean_terms(["  Anna\tSchmidt ", "Anna Schmidt", "6120"]) == ("Anna Schmidt", "6120")
    assert joined(("a", "b"), ("b", "c")) == ("a", "b", "c")


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ([""], "a letter or a digit"),
        (["!?"], "a letter or a digit"),
        (["x" * 101], "at most 100"),
        (["a\u202eb"], "printable"),
        ([f"n{number}" for number in range(201)], "at most 200"),
        (["Donaudampfschifffahrt"] * 1 + [f"Straße {n}" for n in range(70)], "tokens"),
    ],
)
def test_terms_that_cannot_be_sent_are_refused_and_why(terms: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        clean_terms(terms)
