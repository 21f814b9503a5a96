"""A vendor's feminine and masculine voices, and the operator's."""

from __future__ import annotations

import re
from itertools import chain

from tests.support.paths import SHARED, needs_shared
from translink.providers.deepgram.speak import AURA_MANNERS, VOICES
from translink.providers.manners import VoiceManners

TABLE = VoiceManners(
    choice={"feminine": {"fr": "agathe"}, "masculine": {"fr": "hector", "de": "julius"}},
    known={"feminine": {"agathe"}, "masculine": {"hector", "julius", "fabian"}},
)


def test_the_operators_voice_holds_where_it_fits_the_wish_and_against_nobodys() -> None:
    usual = {"de": "fabian", "fr": "agathe", "pl": "custom"}
    firm = TABLE.voices("masculine", {}, usual, firm=True)
    assert firm == {"fr": "hector", "de": "fabian"}
    soft = TABLE.voices("masculine", {}, usual, firm=False)
    assert soft == {"fr": "agathe", "de": "fabian", "pl": "custom"}


def test_what_is_named_for_the_manner_goes_before_all() -> None:
    named = {"fr": "jean"}
    for firm in (True, False):
        found = TABLE.voices("masculine", named, {"fr": "agathe"}, firm=firm)
        assert found == {"fr": "jean", "de": "julius"}
    assert TABLE.voices("masculine", {"any": "bass"}, {}, firm=True) == {"any": "bass"}


@needs_shared
def test_deepgrams_table_has_every_voice_of_its_description_once_and_two_of_each_language() -> None:
    text = (SHARED / "protocols/data/deepgram/openapi.yml").read_text(encoding="utf-8")
    published = set(re.findall(r"aura-2-[a-z]+-[a-z]{2}", text))
    known = list(chain(*AURA_MANNERS.known.values()))
    assert sorted(known) == sorted(published)
    for manner, choice in AURA_MANNERS.choice.items():
        assert choice.keys() == VOICES.keys()
        assert set(choice.values()) <= set(AURA_MANNERS.known[manner])
        assert all(voice.endswith(f"-{language}") for language, voice in choice.items())
