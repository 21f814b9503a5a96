"""Language tags: variants, other names, words."""

from __future__ import annotations

import pytest

from translink.providers.languages import base, by_tag, in_words, is_among


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
