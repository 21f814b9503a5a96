"""`translink check` names what cannot work before a caller finds out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from translink.check import run_check
from translink.errors import SettingsError
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


def test_what_serve_would_refuse_is_refused_and_what_it_would_not_use_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.test:3128")
    (tmp_path / ".env.externalmedia").write_text("USE_DEEPGRAM_STREAMING=false\n")
    environ = {"USE_DEEPGRAM_STREAMING": "true", "DEEPGRAM_API_KEY": "k", "DEEPL_API_KEY": "k"}
    settings = Settings.load(environ=environ, directory=tmp_path)
    run_check(settings)
    out = capsys.readouterr().out
    assert "overruled       USE_DEEPGRAM_STREAMING (environment) beats" in out
    assert "proxy           HTTPS_PROXY: not used" in out
    assert "secret" not in out
    flags = {"--set": ["legs.3333.language=xx"]}
    settings = Settings.load(environ=environ, directory=tmp_path, flags=flags)
    with pytest.raises(SettingsError, match="there is no voice"):
        run_check(settings)
