"""What is asked of an account for a pair, from the fullest request to the barest."""

from __future__ import annotations

from translink.providers.customization import MOST_GLOSSARIES, Customization


def test_the_variant_s_glossary_goes_before_its_language_s() -> None:
    custom = Customization(glossaries={"en-pt": ["pt"], "en-pt-BR": ["br"], "no-en": ["no"]})
    assert custom.ways("en", "pt-BR") == [{"glossary_id": "br"}, {}]
    assert custom.ways("en-US", "pt") == [{"glossary_id": "pt"}, {}]
    assert custom.ways("nb", "en") == [{"glossary_id": "no"}, {}]
    assert custom.ways("pt", "en") == [{}]


def test_a_glossary_is_found_under_any_name_of_its_languages() -> None:
    custom = Customization(glossaries={"en-nb": ["to"], "nb-en": ["from"]})
    assert custom.ways("en", "no") == [{"glossary_id": "to"}, {}]
    assert custom.ways("nb", "en") == [{"glossary_id": "from"}, {}]


def test_shared_ones_are_left_out_first_and_five_are_asked_for_at_most() -> None:
    custom = Customization(glossaries={"en-fr": ["own"]}, shared=[f"s{n}" for n in range(9)])
    fullest, *others = custom.ways("en", "fr")
    assert fullest == {"glossary_ids": ["own", "s0", "s1", "s2", "s3"]}
    assert len(fullest["glossary_ids"]) == MOST_GLOSSARIES  # type: ignore[arg-type]
    asked = [way.get("glossary_ids", way.get("glossary_id")) for way in others]
    shared = ["s0", "s1", "s2", "s3"]
    assert asked == [*(["own", one] for one in shared), "own", *shared, None]


def test_glossaries_of_one_pair_each_are_tried_alone() -> None:
    custom = Customization(shared=["en-fr", "fr-en"])
    both = {"glossary_ids": ["en-fr", "fr-en"]}
    assert custom.ways("en", "fr") == [both, {"glossary_id": "en-fr"}, {"glossary_id": "fr-en"}, {}]


def test_instructions_go_where_they_are_understood() -> None:
    custom = Customization(shared=["s"], instructions=["Digits stay digits."])
    said: dict[str, object] = {"custom_instructions": ["Digits stay digits."]}
    shared: dict[str, object] = {"glossary_id": "s"}
    assert custom.ways("en", "fr-CA") == [{**shared, **said}, said, shared, {}]
    assert custom.ways("en", "pl") == [{"glossary_id": "s"}, {}]
