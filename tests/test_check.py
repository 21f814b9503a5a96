"""`translink check` names what cannot work before a caller finds out."""

from __future__ import annotations

import json

import pytest

from translink.check import run_check
from translink.settings.model import Settings

LEGS = [
    {"name": name, "language": language, "listen": 0, "play_to": port}
    for port, (name, language) in enumerate([("anna", "de"), ("bob", "en-GB")], 7_000)
]


@pytest.mark.parametrize(
    ("deepgram", "unheard"),
    [
        ({}, ["de"]),
        ({"api_key": "k" * 20}, []),
        ({"base_url": "http://127.0.0.1:9"}, []),
    ],
)
def test_a_language_that_nothing_here_hears_is_said(
    deepgram: dict[str, str], unheard: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings.model_validate(
        {"legs": LEGS, "deepgram": deepgram, "deepl": {"api_key": "k" * 20}}
    )
    run_check(settings, json=True)
    assert json.loads(capsys.readouterr().out)["languages_without_service"] == unheard
    run_check(settings)
    assert ("CANNOT WORK" in capsys.readouterr().out) == bool(unheard)
