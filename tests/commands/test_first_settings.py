"""`translink init`: what it writes is taken by `serve`, and what is there is not written over."""

from __future__ import annotations

import tomllib
from pathlib import Path

import jsonschema
import pytest

from tests.test_cli import run
from translink.commands.first_settings import InitError, Wishes, made, run_init
from translink.errors import SettingsError
from translink.settings.model import Settings
from translink.settings.schema import schema


def loaded(text: str, folder: Path, **environ: str) -> Settings:
    (folder / "translink.toml").write_text(text)
    return Settings.load(directory=folder, environ=environ)


@pytest.mark.parametrize("system", ["raw", "freeswitch", "asterisk"])
def test_what_is_written_is_right_by_loader_and_schema(system: str, tmp_path: Path) -> None:
    text = made(Wishes(system, ("a", "b", "c", "d"), ("en", "fr"), "127.0.0.2"))
    settings = loaded(text, tmp_path, TRANSLINK_ARI__PASSWORD="secret-enough")
    assert [(leg.name, leg.language) for leg in settings.legs] == [
        ("a", "en"),
        ("b", "fr"),
        ("c", "en"),
        ("d", "fr"),
    ]
    assert settings.ari.wanted == (system == "asterisk")
    assert all(leg.listen.host == "127.0.0.2" for leg in settings.legs)
    jsonschema.validate(tomllib.loads(text), schema(), cls=jsonschema.Draft7Validator)


@pytest.mark.parametrize("system", ["raw", "freeswitch", "asterisk"])
def test_what_is_commented_out_is_right_too(system: str, tmp_path: Path) -> None:
    """Those who take the mark away get what they see; what names a file apart."""
    lines = made(Wishes(system)).splitlines()
    begun = False
    shown = []
    for line in lines:
        bare = line.removeprefix("# ")
        is_setting = " = " in bare or bare.startswith("[")
        begun |= line.startswith("[") or line.startswith("# mode")
        if line.startswith("# ") and (not is_setting or "file:" in bare or not begun):
            continue
        shown.append(bare)
    settings = loaded("\n".join(shown), tmp_path, TRANSLINK_ARI__PASSWORD="secret-enough")
    assert settings.drain.limit == 3600
    assert settings.calls.ports == "24000-24999"


def test_a_gateway_on_another_machine_hears_where_it_sends_from(tmp_path: Path) -> None:
    """`host` is our own address: what is played to it comes back to ourselves."""
    settings = loaded(made(Wishes("raw", host="10.0.0.5")), tmp_path)
    assert [leg.play_to for leg in settings.legs] == [None, None]
    assert all(leg.send_from_listen for leg in settings.legs)
    near = loaded(made(Wishes("raw", host="127.0.0.1")), tmp_path)
    assert [str(leg.play_to) for leg in near.legs] == ["127.0.0.1:6121", "127.0.0.1:6123"]


def test_questions_are_asked_for_what_is_not_given() -> None:
    asked = []

    def ask(question: str, usual: str) -> str:
        asked.append(question)
        return {"Their languages": "de, it"}.get(question, usual)

    text = made(Wishes("raw", None, None, "127.0.0.1"), ask)
    assert asked == ["Names of the legs, two or more", "Their languages"]
    assert [leg["language"] for leg in tomllib.loads(text)["legs"]] == ["de", "it"]


@pytest.mark.parametrize(
    ("wishes", "named"),
    [
        (Wishes("cisco"), "--system"),
        (Wishes("raw", ("1", "2", "3")), "--legs"),
        (Wishes("raw", ("1", "1")), "--legs"),
        (Wishes("raw", ('a"', "b")), "--legs"),
        (Wishes("raw", ("-a", "b")), "--legs"),
        (Wishes("raw", None, ("en_US", "fr")), "--languages"),
        (Wishes("raw", None, ("uk", "jp")), "--languages = 'jp'"),
        (Wishes("raw", None, ("en", "fr", "de")), "--languages"),
    ],
)
def test_a_wrong_answer_is_named(wishes: Wishes, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        made(wishes)


def test_a_file_that_is_there_stays_unless_it_is_forced(tmp_path: Path) -> None:
    out = tmp_path / "translink.toml"
    out.write_text("# mine\n")
    with pytest.raises(InitError, match="--force"):
        run_init(Wishes("raw"), out, force=False, ask=None, check=lambda _: 0)
    assert out.read_text() == "# mine\n"
    assert run_init(Wishes("raw"), out, force=True, ask=None, check=lambda _: 0) == 0
    assert "[[legs]]" in out.read_text()
    link = tmp_path / "link.toml"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InitError):
        run_init(Wishes("raw"), link, force=True, ask=None, check=lambda _: 0)
    assert not (tmp_path / "elsewhere").exists()


def test_the_command_writes_and_checks(tmp_path: Path) -> None:
    arguments = ("init", "--yes", "--system", "raw", "--languages", "en,fr")
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Next: translink serve" in done.stdout
    again = run(*arguments, cwd=tmp_path)
    assert again.returncode == 1
    assert "is there already" in again.stderr
    (tmp_path / "translink.toml").unlink()
    assert run_init(Wishes("raw"), tmp_path / "two", force=False, ask=None, check=lambda _: 2) == 3
    asterisk = run("init", "--yes", "--system", "asterisk", cwd=tmp_path)
    assert asterisk.returncode == 3
    assert "It cannot serve yet: ari.password: is needed" in asterisk.stdout
    assert "Next: translink dialplan asterisk" in asterisk.stdout
    wrong = run("init", "--yes", "--legs", "1", "--force", cwd=tmp_path)
    assert wrong.returncode == 2
