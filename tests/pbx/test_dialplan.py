"""What is to be pasted into an Asterisk that connects to us, and into FreeSWITCH. The rest makes a call in
`interop/test_asterisk`."""

from __future__ import annotations

from pathlib import Path

import pytest

from translink.commands.first_settings import Wishes, made
from translink.pbx.dialplan import asterisk, freeswitch
from translink.settings.model import Settings


def test_asterisk_learns_where_to_connect_and_no_password(tmp_path: Path) -> None:
    given = {"TRANSLINK_ARI__PASSWORD": "a-secret-word"}
    flags = {"--set": ["ari.listen=127.0.0.1:8089"]}
    settings = Settings.load(environ=given, flags=flags, directory=tmp_path)
    text = asterisk(settings)
    assert "uri = ws://127.0.0.1:8089/ari" in text
    assert "apps = translink" in text
    assert "bindaddr" not in text
    assert "a-secret-word" not in text


@pytest.mark.parametrize(
    ("url", "bound", "said"),
    [
        (None, "bindaddr = 127.0.0.1\nbindport = 8088\n", "--ari http://127.0.0.1:8088\n"),
        (
            "http://10.0.0.2:8089",
            "bindaddr = 10.0.0.2\nbindport = 8089\n",
            "--ari http://10.0.0.2:8089\n",
        ),
        (
            "https://pbx.example.com",
            "bindaddr = 127.0.0.1\nbindport = 8088\n",
            "--ari https://pbx.example.com\n",
        ),
    ],
)
def test_asterisks_server_is_where_the_settings_have_it(
    tmp_path: Path, url: str | None, bound: str, said: str
) -> None:
    given = {"TRANSLINK_ARI__PASSWORD": "a-secret-word"}
    text = asterisk(Settings.load(environ=given, flags={"--ari": url}, directory=tmp_path))
    assert bound in text
    assert said in text


def test_asterisk_learns_where_the_audio_goes_over_websocket(tmp_path: Path) -> None:
    given = {"TRANSLINK_ARI__PASSWORD": "a-secret-word", "TRANSLINK_WEBSOCKET__PASSWORD": "another"}
    wanted = ["ari.media=websocket", "websocket.listen=127.0.0.1:9093"]
    flags = {"--ari": "http://127.0.0.1:8088", "--set": wanted}
    text = asterisk(Settings.load(environ=given, flags=flags, directory=tmp_path))
    assert "[translink]\ntype = websocket_client\nconnection_type = per_call_config" in text
    assert "uri = ws://127.0.0.1:9093/media/ari" in text
    assert "websocket.password" in text
    assert "another" not in text


def test_asterisk_is_given_addresses_that_it_can_reach(tmp_path: Path) -> None:
    given = {"TRANSLINK_ARI__PASSWORD": "a-secret-word", "TRANSLINK_WEBSOCKET__PASSWORD": "another"}
    wanted = ["ari.listen=0.0.0.0:8089", "ari.host=192.0.2.7", "ari.media=websocket"]
    wanted += ["websocket.listen=0.0.0.0:9093", "audiosocket.listen=0.0.0.0:9092"]
    text = asterisk(Settings.load(environ=given, flags={"--set": wanted}, directory=tmp_path))
    assert "uri = ws://192.0.2.7:8089/ari" in text
    assert "uri = ws://192.0.2.7:9093/media/ari" in text
    assert "AudioSocket/192.0.2.7:9092/" in text
    assert "0.0.0.0" not in text
    clients = text.split("\ntype = websocket_client\n")[:-1]
    names = [before.rpartition("\n")[2] for before in clients]
    assert names == ["[translink-events]", "[translink]"], "of two of one name, none is loaded"
    assert "websocket_client_id = translink-events\n" in text


def test_without_a_leg_for_asterisk_one_is_asked_for_and_calls_can_still_be_dialled(
    tmp_path: Path,
) -> None:
    (tmp_path / "translink.toml").write_text(
        '[[legs]]\nname = "anna"\nlanguage = "auto"\ncandidates = "de, fr"\n'
        'listen = "127.0.0.1:6120"\nplay_to = "127.0.0.1:6121"\n'
        '[[legs]]\nname = "bob"\nlanguage = "en"\n'
        'listen = "127.0.0.1:6122"\nplay_to = "127.0.0.1:6123"\n'
    )
    text = asterisk(Settings.load(environ={}, directory=tmp_path))
    assert "needs legs without a listen" in text
    assert "dial,PJSIP/${FILTER(0-9,${EXTEN:1})},de,en,30)" in text
    assert "PJSIP/${EXTEN" not in text, "a telephone may send anything"
    assert "_7X" not in text


def test_audiosocket_is_for_legs_whose_audio_asterisk_brings(tmp_path: Path) -> None:
    wanted = {"--set": ["audiosocket.listen=127.0.0.1:9092"]}
    text = asterisk(Settings.load(environ={}, flags=wanted, directory=tmp_path))
    assert "AudioSocket needs legs without a listen" in text
    assert "Dial(AudioSocket" not in text
    (tmp_path / "translink.toml").write_text(made(Wishes("asterisk")))
    given = {"TRANSLINK_ARI__PASSWORD": "a-secret-word"}
    text = asterisk(Settings.load(environ=given, flags=wanted, directory=tmp_path))
    assert "3333,1,Dial(AudioSocket/127.0.0.1:9092/" in text
    assert "needs legs" not in text


def test_a_leg_is_given_the_uuid_that_the_settings_or_its_name_say(tmp_path: Path) -> None:
    legs = "".join(f'[[legs]]\nname = "{name}"\nlanguage = "en"\n' for name in ("anna", "bob"))
    legs += "".join(f'[[legs]]\nname = "{name}"\nlanguage = "fr"\n' for name in ("3333", "Cafe"))
    own = "11111111-2222-3333-4444-555555555555"
    (tmp_path / "translink.toml").write_text(
        f'[audiosocket]\nlisten = "127.0.0.1:9092"\n[audiosocket.legs]\n"{own}" = "anna"\n{legs}'
    )
    text = asterisk(Settings.load(environ={}, directory=tmp_path))
    assert f"; exten => anna,1,Dial(AudioSocket/127.0.0.1:9092/{own}/c(slin16))\n" in text
    assert "; bob needs a UUID in [audiosocket.legs]" in text
    assert "0bob" not in text, "Asterisk would not understand it"
    usual = "40325ec2-5efd-4bd3-805f-00000000"
    assert f"Dial(AudioSocket/127.0.0.1:9092/{usual}cafe/c(slin16))" in text
    answered = "; exten => 3333,1,Answer()\n;  same => n,AudioSocket"
    assert f"{answered}({usual}3333,127.0.0.1:9092)" in text


def test_freeswitch_gets_a_message_for_each_leg_that_init_wrote(tmp_path: Path) -> None:
    (tmp_path / "translink.toml").write_text(made(Wishes("freeswitch", host="10.0.0.5")))
    text = freeswitch(Settings.load(environ={}, directory=tmp_path))
    assert text.count("call-command: unicast") == 2
    assert text.count("local-port: A-FREE-UDP-PORT-FOR-EACH-CALL") == 2
    assert "remote-ip: 10.0.0.5\nremote-port: 6120" in text


def test_freeswitch_listens_where_a_leg_plays_to(tmp_path: Path) -> None:
    text = freeswitch(Settings.load(environ={}, directory=tmp_path))
    assert "local-ip: 127.0.0.1\nlocal-port: 6121\nremote-ip: 127.0.0.1\nremote-port: 6120" in text


def test_freeswitch_is_given_no_address_that_only_we_understand(tmp_path: Path) -> None:
    wanted = {"--set": ["legs.3333.listen=0.0.0.0:6120"]}
    text = freeswitch(Settings.load(environ={}, flags=wanted, directory=tmp_path))
    assert "remote-ip: TRANSLINKS-ADDRESS\nremote-port: 6120" in text
    assert "0.0.0.0" not in text
