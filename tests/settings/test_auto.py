"""A leg whose language is found by itself, and what is said to those who write it otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from translink.errors import SettingsError
from translink.settings.legs import LegSettings
from translink.settings.model import Settings


def leg(**given: object) -> LegSettings:
    return LegSettings.model_validate({"name": "a", "listen": 1, "play_to": 2, **given})


def test_candidates_are_a_list_or_a_line_and_the_first_one_holds_until_another_is_found() -> None:
    assert leg(language="auto", candidates="en, fr, pt-BR").languages == ("en", "fr", "pt-BR")
    assert leg(language="auto", candidates=["de", "en"]).languages == ("de", "en")
    assert leg(language="de").languages == ("de",)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"language": "auto"}, "needs two or more different languages"),
        ({"language": "auto", "candidates": ["en"]}, "needs two or more different languages"),
        (
            {"language": "auto", "candidates": "pt-BR, pt-PT"},
            "variants of one cannot be distinguished",
        ),
        ({"language": "auto", "candidates": "en, auto"}, "should be a language tag"),
        ({"language": "auto", "candidates": "en, fr", "voice": "x"}, "set voices of each language"),
        ({"language": "en", "candidates": "en, fr"}, 'are for language = "auto", not en'),
        ({"language": "multi"}, 'write language = "auto" and candidates = ["en", "fr"]'),
    ],
)
def test_what_cannot_work_is_refused_with_the_mend(given: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError) as caught:
        leg(**given)
    assert reason in str(caught.value)


def test_what_is_wrong_with_several_languages_is_said_of_the_setting_itself(tmp_path: Path) -> None:
    environ = {"TRANSLINK_LEGS__3333__LANGUAGE": "multi"}
    with pytest.raises(SettingsError, match=r"LANGUAGE = 'multi' \(environment\): multi has no"):
        Settings.load(environ=environ, directory=tmp_path)
