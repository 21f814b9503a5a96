"""`[placement]`."""

from __future__ import annotations

from pathlib import Path

import pytest

from translink.errors import SettingsError
from translink.settings.model import Settings

LEGS = """
[[legs]]
name = "1"
language = "en"
listen = 7001
send_from_listen = true
[[legs]]
name = "2"
language = "fr"
listen = 7002
send_from_listen = true
"""


def loaded(tmp_path: Path, lines: str) -> Settings:
    (tmp_path / "translink.toml").write_text(f"{lines}\n{LEGS}")
    (tmp_path / "translink.toml").chmod(0o600)
    return Settings.load(directory=tmp_path, environ={})


def test_a_fleet_names_its_servers_and_shows_no_secret(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        '[placement]\nnats = "nats://10.0.0.5, tls://[::1]:4333"\nuser = "translink"\npassword = "s3cret"',
    )
    assert settings.placement.nats == ("nats://10.0.0.5:4222", "tls://[::1]:4333")
    assert "s3cret" not in str(settings.masked()) + repr(settings)
    assert "s3cret" in settings.secrets()


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ('nats = "nats://user:s3cret@host:4222"', "settings of their own"),
        ('nats = "http://host:4222"', "nats://host:port"),
        ('nats = "nats://host:4222/x"', "settings of their own"),
        ('nats = "nats://host:99999"', "nats://host:port"),
        ('nats = "nats://h"\nuser = "u"', "needed together"),
        ('nats = "nats://h"\nuser = "u"\npassword = "s3cret"\ntoken = "s3cret"', "one of user"),
        ('node = "-x"', "letters, digits"),
        ('node = "a.b"', "letters, digits"),
        ('url = "http://host:3020/path"', "of the admin server"),
        ('url = "http://host:port"', "of the admin server"),
        ('url = "ftp://host"', "of the admin server"),
        ('nats = "nats://h"\nlisten = "0.0.0.0:3022"', "url: is needed"),
    ],
)
def test_what_cannot_work_is_refused_with_the_mend_and_without_secrets(
    tmp_path: Path, lines: str, wrong: str
) -> None:
    with pytest.raises(SettingsError) as error:
        loaded(tmp_path, f"[placement]\n{lines}")
    assert wrong in str(error.value)
    assert "s3cret" not in str(error.value)


def test_without_nats_py_the_mend_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from translink.settings import placement

    monkeypatch.setattr(placement, "is_installed", lambda module: False)
    with pytest.raises(SettingsError, match=r"pip install 'translink\[nats\]'"):
        loaded(tmp_path, '[placement]\nnats = "nats://127.0.0.1:4222"')
    assert not loaded(tmp_path, "").placement.nats
