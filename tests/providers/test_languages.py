"""Language tags: variants, other names, words."""

from __future__ import annotations

import pytest

from translink.providers.languages import base, by_tag, in_words, is_among, of_pair


@pytest.mark.parametrize(
    ("language", "code", "words"),
    [
        ("pt-BR", "pt", "Portuguese (BR)"),
        ("pt_BR", "pt", "Portuguese (BR)"),
        ("nb", "no", "Norwegian"),
        ("tl", "fil", "Filipino"),
        ("zh-Hant-TW", "zh", "Chinese (Hant-TW)"),
        ("tlh", "tlh", "tlh"),
    ],
)
def test_a_tag_is_a_language_and_its_variant(language: str, code: str, words: str) -> None:
    assert (base(language), in_words(language)) == (code, words)


def test_tables_and_lists_are_asked_for_the_variant_first() -> None:
    table = {"pt": "p", "pt-BR": "b", "nl": ""}
    assert [by_tag(table, tag) for tag in ("pt-BR", "pt_PT", "pl")] == ["b", "p", None]
    assert is_among({"zh"}, "zh-TW")
    assert is_among({"no"}, "nb")
    assert not is_among({"zh-TW"}, "zh")


def test_a_language_under_its_usual_name_serves_the_leg_that_calls_it_otherwise() -> None:
    assert by_tag({"no": "n"}, "nb") == "n"
    assert by_tag({"no": "n", "nb": "b"}, "nb-NO") == "b"


@pytest.mark.parametrize(
    ("source", "target", "found"),
    [
        ("en", "pt-BR", "br"),
        ("en_GB", "pt_pt", "pt"),
        ("en", "no", "to"),
        ("en", "nn-NO", "to"),
        ("no", "en-US", "from"),
        ("nb", "en", "from"),
        ("en", "tl", "fil"),
        ("pt", "en", None),
    ],
)
def test_a_table_of_pairs_knows_languages_under_all_their_names(
    source: str, target: str, found: str | None
) -> None:
    table = {"en-pt": "pt", "en-pt-BR": "br", "en-nb": "to", "nb-en": "from", "en-fil": "fil"}
    assert of_pair(table, source, target) == found
