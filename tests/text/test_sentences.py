import pytest
from hypothesis import given
from hypothesis import strategies as st

from translink.text.sentences import ends_clause, ends_sentence, join, split_sentences


@pytest.mark.parametrize(
    ("token", "following"),
    [
        ("chambre.", None),
        ("chambre.", "Merci"),
        ("day?", "the"),  # a question mark needs no capital after it
        ("Non!", None),
        ("prêt…", "Alors"),
        ("fini.»", "Bon"),
        ("no.", "But"),
        ("no.", None),
        ("2026.", "We"),
        ("です。", "はい"),
        ("?", None),
    ],
)
def test_a_sentence_ends(token: str, following: str | None) -> None:
    assert ends_sentence(token, following)


@pytest.mark.parametrize(
    ("token", "following"),
    [
        ("chambre", None),
        ("chambre,", "puis"),
        ("M.", "Martin"),
        ("Dr.", "Smith"),
        ("Mme.", None),
        ("J.", "Smith"),
        ("p.m.", "The"),
        ("3.5", "euros"),
        ("No.", "5"),
        ("etc.", "and"),
        ("je…", "je"),
        ("...", None),
        ("", None),
        ("»", None),
    ],
)
def test_a_sentence_goes_on(token: str, following: str | None) -> None:
    assert not ends_sentence(token, following)


def test_a_clause_ends_at_a_comma_even_before_a_quotation_mark() -> None:
    assert ends_clause("oui,")
    assert ends_clause("«oui,»")
    assert not ends_clause("oui")


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", []),
        ("   ", []),
        ("Hello", ["Hello"]),
        ("Hello. How are you?", ["Hello.", "How are you?"]),
        ("Bonjour M. Martin. Ça va ?", ["Bonjour M. Martin.", "Ça va ?"]),
        ("Vraiment ? Oui !", ["Vraiment ?", "Oui !"]),
        ("It costs 3.50 now. Fine.", ["It costs 3.50 now.", "Fine."]),
        ("はい。そうです。", ["はい。", "そうです。"]),
        ("One.\nTwo.", ["One.", "Two."]),
    ],
)
def test_text_is_split_into_its_sentences(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


@given(st.text(alphabet="aB .?!…,»«M。\n3", max_size=60))
def test_splitting_loses_and_doubles_nothing(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


def test_stretches_are_joined_with_a_space_where_the_script_has_spaces() -> None:
    assert join("bonjour", "Paul") == "bonjour Paul"
    assert join("", "Paul") == "Paul"
    assert join("はい", "そう") == "はいそう"
