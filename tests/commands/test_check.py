"""`translink check` names what cannot work before a caller finds out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from translink.commands.check import run_check
from translink.errors import SettingsError
from translink.offline import run_offline
from translink.settings.model import Settings

LEGS: list[dict[str, object]] = [
    {"name": name, "language": language, "listen": 0, "play_to": port}
    for port, (name, language) in enumerate([("anna", "de"), ("bob", "en-GB")], 7_000)
]


KEY = "k" * 20


def settings_of(*, legs: list[dict[str, object]] | None = None, **more: object) -> Settings:
    return Settings.model_validate({"legs": legs or LEGS, "deepl": {"api_key": KEY}, **more})


def printed(settings: Settings, capsys: pytest.CaptureFixture[str], **how: bool) -> str:
    run_check(settings, **how)
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def no_pico(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is installed here."""
    monkeypatch.setattr("translink.offline.engines.synthesizer.has_pico", lambda: False)


def test_a_language_that_the_local_engines_do_not_speak_is_an_error_with_the_mend() -> None:
    with pytest.raises(SettingsError, match=r"legs\.anna\.language = 'de'.*DEEPGRAM_API_KEY"):
        run_check(settings_of())
    run_check(settings_of(deepgram={"api_key": KEY}))
    run_check(settings_of(deepgram={"base_url": "http://127.0.0.1:9"}))


def test_a_leg_that_nobody_speaks_to_may_read_captions_and_who_does_not_hear_it_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    legs = [LEGS[0] | {"language": "pl", "original": "captions"}, LEGS[1]]
    out = printed(settings_of(legs=legs), capsys)
    assert "CANNOT WORK     legs in" in out
    assert "spoken by NOBODY" in out


def test_the_languages_of_the_legs_are_listed_with_their_providers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    legs = [LEGS[0] | {"language": "pl"}, LEGS[1]]
    vendors = {"deepgram": {"api_key": KEY}, "elevenlabs": {"api_key": KEY}}
    with pytest.raises(SettingsError, match=r"'pl': there is no voice for it among deepgram;"):
        run_check(settings_of(legs=legs, **vendors))
    settings = settings_of(legs=legs, speak=["deepgram", "elevenlabs"], **vendors)
    out = printed(settings, capsys)
    assert (
        "language        pl     Polish            recognised by deepgram; translated by deepl; "
        "spoken by elevenlabs\n" in out
    )
    assert "spoken by deepgram, elevenlabs" in out
    found = json.loads(printed(settings, capsys, json=True))
    assert found["languages"][0] == {
        "language": "pl",
        "recognised": ["deepgram"],
        "translated": ["deepl"],
        "spoken": ["elevenlabs"],
    }
    assert found["languages_without_service"] == []
    everything = printed(settings, capsys, languages=True)
    assert everything.count("\nlanguage ") > 45
    assert "sw     Swahili           recognised by NOBODY" in everything


def test_a_key_that_no_order_names_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_of(deepgram={"api_key": KEY}, elevenlabs={"api_key": KEY})
    assert "elevenlabs      key is set, not used" in printed(settings, capsys)
    keys = {"deepgram": {"api_key": KEY}, "elevenlabs": {"api_key": KEY}}
    legs = [LEGS[0] | {"orders": {"speak": ["elevenlabs"]}}, LEGS[1]]
    out = printed(settings_of(legs=legs, **keys), capsys)
    assert "elevenlabs      key is set\n" in out, "a leg's order does"


def test_a_server_of_ones_own_that_wants_no_key_is_no_local_engine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    deepgram, deepl = {"base_url": "http://127.0.0.1:9"}, {"server_url": "http://127.0.0.1:9"}
    out = printed(settings_of(deepgram=deepgram, deepl=deepl), capsys)
    assert "deepgram        no key: a server of your own\n" in out
    assert "deepl           no key: a server of your own\n" in out
    legs = [leg | {"language": language} for leg, language in zip(LEGS, ("en", "fr"), strict=True)]
    out = printed(settings_of(legs=legs), capsys)
    assert "deepgram        no key: local engines, offline demo quality\n" in out


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
    flags = {"--set": ["legs.3333.language=sw"]}
    settings = Settings.load(environ=environ, directory=tmp_path, flags=flags)
    with pytest.raises(SettingsError, match="there is no voice"):
        run_check(settings)


def test_vendors_that_a_leg_names_and_nobody_can_be_are_refused_with_the_mend() -> None:
    openai = {stage: ["openai"] for stage in ("listen", "translate", "speak")}
    legs = [LEGS[0] | {"orders": {"listen": ["deepgram"]}}, LEGS[1]]
    with pytest.raises(SettingsError, match=r"legs\.anna\.orders.*set DEEPGRAM_API_KEY"):
        run_check(settings_of(legs=legs, openai={"api_key": KEY}, **openai))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("Hello, and no tab", "book.tsv:1: not English, a tab, French"),
        (b"\xff\xfe", "should be text in UTF-8"),
    ],
)
def test_a_phrasebook_that_cannot_be_used_is_refused_with_its_line(
    tmp_path: Path, content: str | bytes, reason: str
) -> None:
    book = tmp_path / "book.tsv"
    book.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SettingsError, match=reason):
        run_check(settings_of(deepgram={"api_key": KEY}, offline={"phrasebook": str(book)}))
    for check in (False, True):
        with pytest.raises(SettingsError, match=reason):
            run_offline(phrasebook=book, check=check)


def test_a_certificate_that_does_not_serve_is_refused() -> None:
    admin = {"tls_cert": "/nowhere/cert.pem"}
    with pytest.raises(
        SettingsError, match=r"admin\.tls_cert = '/nowhere/cert\.pem': cannot be read"
    ):
        run_check(settings_of(deepgram={"api_key": KEY}, admin=admin))


def test_a_host_or_a_book_that_is_none_ends_the_local_engines_at_once() -> None:
    with pytest.raises(SettingsError, match=r"--host: 300\.0\.0\.1 is no IP address"):
        run_offline(host="300.0.0.1")
    with pytest.raises(SettingsError, match="--phrasebook = '/nowhere': cannot be read"):
        run_offline(phrasebook=Path("/nowhere"))
