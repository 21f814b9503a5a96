"""Where secrets may be kept, and where not."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import keyring
import keyring.backend
import keyring.errors
import pytest
from pydantic import BaseModel, SecretStr

from translink.errors import SettingsError
from translink.settings.model import Settings
from translink.settings.secrets import (
    FREE_TABLES,
    LONGEST_SECRET,
    SECRET_NAMES,
    fetched,
    names_secret,
    shown_options,
    without_secrets,
)
from translink.wiring.vendors import account_of

KEY = "k3y-0123456789"


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise keyring.errors.KeyringLocked(f"locked, and {KEY}")
        return KEY if (service, username) == ("translink/site", "deepl") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


@pytest.fixture
def ring() -> Iterator[Ring]:
    ring, before = Ring(), keyring.get_keyring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "deepl"
    path.write_text(KEY + "\n")
    return path


def load(folder: Path, **environ: str) -> Settings:
    return Settings.load(environ=environ, directory=folder)


def secret_of(settings: Settings) -> str | None:
    return settings.deepl.api_key.get_secret_value() if settings.deepl.api_key else None


def test_a_key_is_read_from_a_file(tmp_path: Path, file: Path) -> None:
    for name in ("DEEPL_API_KEY", "DEEPL_AUTH_KEY", "TRANSLINK_DEEPL__API_KEY"):
        for environ in ({name: f"file:{file}"}, {f"{name}_FILE": str(file)}):
            settings = load(tmp_path, **environ)
            assert secret_of(settings) == KEY
            assert settings.secrets() == {KEY}
    (tmp_path / ".env.externalmedia").write_text(f"DEEPL_API_KEY_FILE={file}\n")
    assert secret_of(load(tmp_path)) == KEY
    assert load(tmp_path).notes.ignored == ()


def test_every_account_and_token_may_be_in_a_file(tmp_path: Path, file: Path) -> None:
    (tmp_path / "translink.toml").write_text(
        f'[admin]\ntoken = "file:{file}"\n[[fallback.deepl]]\napi_key = "file:{file}"\n'
    )
    settings = load(tmp_path)
    assert settings.admin.token is not None
    assert settings.admin.token.get_secret_value() == KEY
    assert settings.fallback.deepl[0].api_key.get_secret_value() == KEY
    assert settings.notes.exposed == ()


def test_of_a_name_and_its_file_only_one_may_be_set(tmp_path: Path, file: Path) -> None:
    with pytest.raises(SettingsError, match="DEEPL_API_KEY is set too; which is meant") as error:
        load(tmp_path, DEEPL_API_KEY=KEY, DEEPL_API_KEY_FILE=str(file))
    assert KEY not in str(error.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is empty"),
        (b"\xff\xfe", "the key and nothing else"),
        (b"x" * (LONGEST_SECRET + 1), "the key and nothing else"),
        (b"one\ntwo\n", "the key alone"),
    ],
)
def test_a_file_that_holds_no_key_is_named(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    file = tmp_path / "deepl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=expected) as refused:
        load(tmp_path, DEEPL_API_KEY_FILE=str(file))
    assert "DEEPL_API_KEY_FILE" in str(refused.value)


def test_a_pipe_without_a_writer_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is empty"):
        fetched(f"file:{tmp_path / 'pipe'}")


def test_a_home_that_is_nobodys_is_named(tmp_path: Path) -> None:
    place = "file:~nobody-of-this-name/key"
    with pytest.raises(SettingsError, match="~nobody-of-this-name/key cannot be read: there is no"):
        load(tmp_path, DEEPL_API_KEY=place)


def test_a_key_is_read_from_the_keyring(tmp_path: Path, ring: Ring) -> None:
    entry = "keyring:translink/site/deepl"
    assert secret_of(load(tmp_path, DEEPL_API_KEY=entry)) == KEY
    with pytest.raises(SettingsError, match="nothing for translink and deepl"):
        load(tmp_path, DEEPL_API_KEY="keyring:translink/deepl")
    with pytest.raises(SettingsError, match="keyring:service/name"):
        load(tmp_path, DEEPL_API_KEY="keyring:deepl")
    ring.locked = True
    with pytest.raises(SettingsError, match="cannot be asked: KeyringLocked") as error:
        load(tmp_path, DEEPL_API_KEY=entry)
    assert KEY not in str(error.value)


def test_without_the_extra_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ValueError, match=r"pip install 'translink\[keyring\]'"):
        fetched("keyring:translink/deepl")


def secrets_in(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """`--set` assignments, one for each setting that holds a secret: whatever kinds there will be."""
    for name, field in model.model_fields.items():
        for kind, listed in _kinds(field.annotation):
            if kind is SecretStr and name in FREE_TABLES:
                yield f"{path}{name}.apikey={KEY}"
            elif kind is SecretStr:
                yield f"{path}{name}={KEY}"
            elif issubclass(kind, BaseModel) and not listed:
                yield from secrets_in(kind, f"{path}{name}.")
            elif issubclass(kind, BaseModel):
                for inner in secrets_in(kind):
                    yield f'{path}{name}=[{{"{inner.partition("=")[0]}": "{KEY}"}}]'


def _kinds(annotation: Any, listed: bool = False) -> Iterator[tuple[type, bool]]:
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation, listed
    for inner in get_args(annotation):
        yield from _kinds(inner, listed or get_origin(annotation) is tuple)


ASSIGNMENTS = sorted(secrets_in(Settings))


def test_every_secret_is_known_by_its_last_name() -> None:
    last = {
        re.findall(r"\w+", one.removesuffix(f'"{KEY}"}}]').removesuffix(KEY))[-1]
        for one in ASSIGNMENTS
    }
    assert last == {*SECRET_NAMES, "apikey"}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_a_key_on_the_command_line_is_refused(tmp_path: Path, assignment: str) -> None:
    with pytest.raises(SettingsError, match="everybody on this machine") as error:
        Settings.load(environ={}, flags={"--set": [assignment]}, directory=tmp_path)
    assert KEY not in str(error.value)


@pytest.mark.parametrize(
    "flags",
    [
        {"--ari": f"http://me:{KEY}@127.0.0.1:8088"},
        {"--ari": f"http://me:Ab3/{KEY}=@127.0.0.1:8088"},
        {"--set": [f"ari.url=http://me:{KEY}@127.0.0.1:8088"]},
        {"--set": [f'ari={{"url": "http://me:{KEY}@127.0.0.1:8088"}}']},
        {"--set": [f'websocket={{"twilio\\u005ftoken": "{KEY}"}}']},
    ],
)
def test_neither_is_one_that_stands_inside_a_url_or_a_table(
    tmp_path: Path, flags: dict[str, object]
) -> None:
    with pytest.raises(SettingsError, match="everybody on this machine") as error:
        Settings.load(environ={}, flags=flags, directory=tmp_path)
    assert KEY not in str(error.value)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("TRANSLINK_ARI__URL", f"http://translink:Ab3/{KEY}=@10.0.0.5:8088"),
        ("TRANSLINK_ARI__URL", f"http://translink:80/{KEY}=@10.0.0.5:8088"),
        ("TRANSLINK_ARI__URL", f"http://translink:Ab3?{KEY}=@10.0.0.5:8088"),
        ("OPENAI_BASE_URL", f"https://gateway.example/openai?api-key={KEY}"),
        ("DEEPGRAM_BASE_URL", f"https://gateway.example/#{KEY}"),
        ("TRANSLINK_WEBHOOK__URL", f"https://hooks.example/x?sig={KEY}"),
    ],
)
def test_what_is_wrong_with_a_url_is_said_without_the_key_in_it(
    tmp_path: Path, name: str, url: str
) -> None:
    with pytest.raises(SettingsError, match=rf"{name} = \*{{8}} \(env") as refused:
        load(tmp_path, **{name: url})
    assert KEY not in str(refused.value)


def test_a_file_with_a_password_in_a_url_is_noted_too(tmp_path: Path) -> None:
    config = tmp_path / "translink.toml"
    config.write_text(f'ari.url = "http://me:{KEY}@127.0.0.1:8088"\n')
    config.chmod(0o644)
    assert load(tmp_path).notes.exposed == (config,)
    (tmp_path / "password").write_text("secret")
    place = f"file:{tmp_path / 'password'}"
    config.write_text(f'ari.url = "http://127.0.0.1:8088"\nari.password = "{place}"\n')
    assert load(tmp_path).notes.exposed == ()


@pytest.mark.parametrize(
    "section",
    [
        '[websocket]\nlisten = "0.0.0.0:9093"\npassword = ""\n',
        '[websocket]\nlisten = "0.0.0.0:9093"\ntwilio_token = " "\n',
        '[ari]\nlisten = "0.0.0.0:8089"\npassword = ""\n',
    ],
)
def test_a_listener_is_not_guarded_by_an_empty_secret(tmp_path: Path, section: str) -> None:
    (tmp_path / "translink.toml").write_text(section)
    with pytest.raises(SettingsError, match="is needed"):
        load(tmp_path)


def test_an_empty_secret_is_none_wherever_it_is_written(tmp_path: Path) -> None:
    for flag in ("deepl.api_key=", 'deepl={"api_key": ""}'):
        flags = {"--set": [flag]}
        settings = Settings.load(environ={"DEEPL_API_KEY": KEY}, flags=flags, directory=tmp_path)
        assert settings.deepl.api_key is None
    further = load(tmp_path, TRANSLINK_FALLBACK__DEEPL='[{"api_key": ""}]').fallback.deepl
    assert further[0].api_key.get_secret_value() == "", "a server of one's own may want none"


def test_its_place_may_stand_on_the_command_line(tmp_path: Path, file: Path) -> None:
    flags = {"--set": [f"deepl.api_key=file:{file}"]}
    assert secret_of(Settings.load(environ={}, flags=flags, directory=tmp_path)) == KEY


def test_a_file_with_a_key_that_all_can_read_is_noted(tmp_path: Path) -> None:
    path = tmp_path / ".env.externalmedia"
    path.write_text(f"DEEPL_API_KEY={KEY}\n")
    path.chmod(0o644)
    assert load(tmp_path).notes.exposed == (path,)
    path.chmod(0o640)
    assert load(tmp_path).notes.exposed == ()


def test_child_processes_get_no_keys() -> None:
    environ = {"PATH": "/bin", "DEEPL_API_KEY": KEY, "TRANSLINK_ADMIN__TOKEN": KEY}
    environ["DEEPGRAM_API_KEY_FILE"] = "/run/secrets/x"
    assert without_secrets(environ) == {"PATH": "/bin"}


SECRET_OPTIONS = [
    "apikey",
    "api_key",
    "api-key",
    "apiKey",
    "API-KEY",
    "x-api-key",
    "xi-api-key",
    "key",
    "auth_key",
    "accessToken",
    "access-token",
    "token",
    "client_secret",
    "secretKey",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "db-pass",
    "auth",
    "Authorization",
    "bearer",
    "jwt",
    "credentials",
    "service_credential",
    "subscription-key",
    "hmackey",
    "token_id",
]


@pytest.mark.parametrize("name", SECRET_OPTIONS)
@pytest.mark.parametrize("table", ["vendors.acme.options", "deepgram.extra"])
def test_a_free_option_that_is_called_like_a_secret_is_one(
    tmp_path: Path, table: str, name: str
) -> None:
    (tmp_path / "translink.toml").write_text(f"[{table}]\n'{name}' = '{KEY}'\nregion = 'eu-1'\n")
    (tmp_path / "translink.toml").chmod(0o644)
    settings = load(tmp_path)
    assert KEY in settings.secrets(), "struck out of logs and errors"
    assert "eu-1" not in settings.secrets()
    for shown in (settings.masked(), settings, settings.vendors):
        assert KEY not in repr(shown)
    assert "eu-1" in repr(settings.masked())
    assert settings.notes.exposed, "others can read it"
    for flag in (f"{table}.{name}={KEY}", f'{table}={{"{name}": "{KEY}"}}'):
        with pytest.raises(SettingsError, match="everybody on this machine") as error:
            Settings.load(environ={}, flags={"--set": [flag]}, directory=tmp_path)
        assert KEY not in str(error.value)


@pytest.mark.parametrize(
    "name",
    [
        "region",
        "keyterm",
        "keyterms",
        "keywords",
        "key-phrases",
        "max_tokens",
        "tokenizer",
        "author",
        "passive",
    ],
)
def test_an_option_of_another_kind_is_shown(name: str) -> None:
    assert not names_secret(("vendors", "acme", "options", name))


def test_a_free_option_may_be_in_a_file_and_arrives_as_it_is(tmp_path: Path, file: Path) -> None:
    made = load(
        tmp_path,
        TRANSLINK_VENDORS__ACME__OPTIONS__APIKEY_FILE=str(file),
        TRANSLINK_VENDORS__ACME__OPTIONS__REGION="eu",
        TRANSLINK_DEEPGRAM__EXTRA=f'{{"access_token": "{KEY}", "limit": 5}}',
    )
    assert account_of(made, "acme").options == {"apikey": KEY, "region": "eu"}
    assert shown_options(made.deepgram.extra) == {"access_token": KEY, "limit": "5"}


def test_a_free_option_of_a_wrong_kind_is_not_shown(tmp_path: Path) -> None:
    wrong = f'[vendors.acme.options]\npwd = ["{KEY}"]\n'
    (tmp_path / "translink.toml").write_text(wrong)
    with pytest.raises(SettingsError, match=r"options\.pwd.*should be text") as error:
        load(tmp_path)
    assert KEY not in str(error.value)
