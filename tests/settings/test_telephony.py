"""Settings of telephone systems: legs whose audio somebody brings, and where the password goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from translink.errors import SettingsError
from translink.settings.model import Settings

URL = "http://me:a-secret-word@127.0.0.1:8088"


def load(folder: Path, *, ari: str | None = None, **flags: object) -> Settings:
    """`ari` stands in the environment: it may hold a password."""
    given = {f"--{name.replace('_', '-')}": value for name, value in flags.items()}
    environ = {"TRANSLINK_ARI__URL": ari} if ari else {}
    return Settings.load(environ=environ, flags=given, directory=folder)


def refusal(folder: Path, *, ari: str | None = None, **flags: object) -> str:
    with pytest.raises(SettingsError) as refused:
        load(folder, ari=ari, **flags)
    return str(refused.value)


def test_the_password_leaves_the_url_and_is_a_secret(tmp_path: Path) -> None:
    settings = load(tmp_path, ari=URL)
    assert settings.ari.url == "http://127.0.0.1:8088"
    assert settings.ari.user == "me"
    assert "a-secret-word" in settings.secrets()
    assert "a-secret-word" not in str(settings.masked())


def test_with_ari_and_no_legs_asterisk_brings_both(tmp_path: Path) -> None:
    settings = load(tmp_path, ari=URL)
    assert [(leg.name, leg.at_pbx, leg.continuous) for leg in settings.legs] == [
        ("3333", True, True),
        ("4444", True, True),
    ]
    assert {leg.transport for leg in settings.legs} == {"rtp"}


def test_a_language_of_their_own_does_not_take_them_from_asterisk(tmp_path: Path) -> None:
    settings = load(tmp_path, ari=URL, set=["legs.4444.language=de"])
    assert [(leg.language, leg.at_pbx) for leg in settings.legs] == [("en", True), ("de", True)]


@pytest.mark.parametrize(
    "setting",
    ['legs.4444={"name": "4444", "language": "de"}', "legs.4444.orders.listen=deepgram"],
)
def test_neither_does_anything_else_that_places_none_of_them(tmp_path: Path, setting: str) -> None:
    assert [leg.at_pbx for leg in load(tmp_path, ari=URL, set=[setting]).legs] == [True, True]


def test_a_leg_that_is_placed_stays_there(tmp_path: Path) -> None:
    own = '{"name": "4444", "language": "de", "listen": "127.0.0.1:7000", "play_to": 7001}'
    settings = load(tmp_path, ari=URL, set=[f"legs.4444={own}"])
    assert [str(leg.listen) for leg in settings.legs] == ["127.0.0.1:6120", "127.0.0.1:7000"]


def test_a_leg_that_is_no_table_is_named(tmp_path: Path) -> None:
    assert "should be a table of settings" in refusal(tmp_path, ari=URL, set=["legs.3333=de"])


def test_asterisk_that_is_given_as_one_table_brings_both_legs_too(tmp_path: Path) -> None:
    table = '{"url": "http://127.0.0.1:8088", "password": "a-secret-word"}'
    settings = Settings.load(environ={"TRANSLINK_ARI": table}, directory=tmp_path)
    assert [leg.at_pbx for leg in settings.legs] == [True, True]


def test_asterisk_is_told_where_audiosocket_listens_and_not_everywhere(tmp_path: Path) -> None:
    wanted = ["ari.host=0.0.0.0", "ari.media=audiosocket", "audiosocket.listen=192.0.2.7:9092"]
    assert load(tmp_path, ari=URL, set=wanted).ari.wanted


@pytest.mark.parametrize("medium", ["audiosocket", "websocket"])
def test_over_a_connection_a_leg_is_no_rtp_leg(tmp_path: Path, medium: str) -> None:
    wanted = [f"ari.media={medium}", "websocket.listen=127.0.0.1:9093"]
    settings = load(tmp_path, ari=URL, set=wanted)
    assert {leg.transport for leg in settings.legs} == {"raw"}


@pytest.mark.parametrize(
    ("flags", "right"),
    [
        ({"ari": "http://127.0.0.1:8088"}, "password: is needed"),
        ({"ari": "http://me:a-secret-word@localhost:8088"}, "should have an address"),
        ({"ari": URL, "set": ["ari.media=audiosocket", "ari.format=alaw"]}, "slin16 or slin"),
        ({"ari": URL, "set": ["ari.media=websocket"]}, "needs websocket.listen"),
        ({"ari": URL, "set": ["ari.host=0.0.0.0"]}, "by which Asterisk reaches this machine"),
        ({"ari": URL, "set": ["ari.host=::"]}, "by which Asterisk reaches this machine"),
        ({"ari": URL, "set": ["ari.host=::", "ari.media=audiosocket"]}, "set audiosocket.listen"),
        ({"ari": URL, "ari_app": "a,b"}, "ari"),
        ({"ari": URL, "set": ["ari.listen=127.0.0.1:8089"]}, "either we connect"),
        ({"set": ["ari.listen=127.0.0.1:8089"]}, "password: is needed"),
        ({"set": ["menu.languages=en,aa"]}, "aa has no name here"),
        ({"set": ["dtmf.repeat=1", "dtmf.end=1"]}, "1 should do one thing"),
        ({"set": ["dtmf.end=12"]}, "dtmf.end"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, flags: dict[str, Any], right: str) -> None:
    said = refusal(tmp_path, **flags)
    assert right in said
    assert "a-secret-word" not in said


@pytest.mark.parametrize(
    ("medium", "host"),
    [("rtp", "192.0.2.7"), ("audiosocket", "127.0.0.1"), ("websocket", "127.0.0.1")],
)
def test_only_rtp_needs_an_address_of_this_machine_that_asterisk_reaches(
    tmp_path: Path, medium: str, host: str
) -> None:
    wanted = [f"ari.media={medium}", "ari.host=192.0.2.7", "websocket.listen=127.0.0.1:9093"]
    settings = load(tmp_path, ari=URL, set=wanted)
    assert {leg.listen.host for leg in settings.legs} == {host}


def test_asterisk_needs_a_password_where_twilio_signs(tmp_path: Path) -> None:
    given = {"TRANSLINK_ARI__URL": URL, "TRANSLINK_WEBSOCKET__TWILIO_TOKEN": "another-secret-word"}
    flags = {"--set": ["ari.media=websocket", "websocket.listen=127.0.0.1:9093"]}
    with pytest.raises(SettingsError, match=r"websocket\.password: is needed") as refused:
        Settings.load(environ=given, flags=flags, directory=tmp_path)
    assert "another-secret-word" not in str(refused.value)
    given["TRANSLINK_WEBSOCKET__PASSWORD"] = "a-third-one"
    assert Settings.load(environ=given, flags=flags, directory=tmp_path).ari.media == "websocket"


def test_a_leg_that_nobody_brings_is_refused(tmp_path: Path) -> None:
    legs = '[[legs]]\nname = "a"\nlanguage = "en"\n[[legs]]\nname = "b"\nlanguage = "fr"\n'
    (tmp_path / "translink.toml").write_text(legs)
    assert "nobody brings its audio" in refusal(tmp_path)
    assert load(tmp_path, set=["audiosocket.listen=127.0.0.1:9092"]).legs[0].at_pbx


def test_of_a_pair_both_legs_are_a_telephone_systems_or_neither(tmp_path: Path) -> None:
    gateways = iter(("listen = 7000\nplay_to = 7001\n", "listen = 7002\nplay_to = 7003\n"))
    legs = "".join(
        f'[[legs]]\nname = "{name}"\nlanguage = "en"\n{next(gateways) if name in "bd" else ""}'
        for name in "abcd"
    )
    brings = ["audiosocket.listen=127.0.0.1:9092"]
    (tmp_path / "translink.toml").write_text(legs)
    said = "pairs: of a and b one has a listen and one has none"
    assert said in refusal(tmp_path, set=brings)
    (tmp_path / "translink.toml").write_text(f'pairs = [["a", "c"], ["b", "d"]]\n{legs}')
    assert load(tmp_path, set=brings).pairs == (("a", "c"), ("b", "d"))


def test_asterisk_that_connects_brings_both_legs_too(tmp_path: Path) -> None:
    given = {"TRANSLINK_ARI__PASSWORD": "a-secret-word"}
    flags = {"--set": ["ari.listen=127.0.0.1:8089"]}
    settings = Settings.load(environ=given, flags=flags, directory=tmp_path)
    assert [(leg.name, leg.at_pbx) for leg in settings.legs] == [("3333", True), ("4444", True)]
